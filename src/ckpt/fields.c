/* SPDX-License-Identifier: BSD-3-Clause */
/* The field table of a checkpoint, and what the rest of the room does with all of its rows:
 * reading, comparing on resume, hashing, describing. layout.c walks the same table to lay a file
 * out and to check one. Touches no file on its own and calls no MPI. */
#include "fields.h"

#include "pwf/ckpt/ckpt.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lists of pwf/rundir/facts.h as rows of the table. */
#define ROW(type, member, path, since, fingerprint, resume, name)                                  \
    {path, PWF_FIELD_##type, offsetof(pwf_facts, member), since, fingerprint, PWF_RESUME_##resume, \
     name},
#define POSITION_ROW(type, member, ...) ROW(type, position.member, __VA_ARGS__)
#define STAMPED_ROW(value, ...) ROW(__VA_ARGS__)
static const pwf_field table[] = {PWF_POSITION_FIELDS(POSITION_ROW)
                                      PWF_FACT_FIELDS(ROW, STAMPED_ROW)};
enum { FIELDS = sizeof table / sizeof table[0] };

const pwf_field *pwf_fields(int *count)
{
    *count = FIELDS;
    return table;
}

const void *pwf_field_member(const pwf_field *field, const pwf_facts *facts)
{
    return (const char *)facts + field->member;
}

/* The same list once more: only rows with a value become a statement. */
#define NOTHING(...)
#define SET_I64(member, value) facts->member = (value);
#define SET_TEXT(member, value) snprintf(facts->member, PWF_FACT_TEXT, "%s", value);
#define SET(value, type, member, ...) SET_##type(member, value)
void pwf_fields_stamp(pwf_facts *facts, const pwf_mesh *mesh)
{
    PWF_FACT_FIELDS(NOTHING, SET)
}

/* Bytes of a member. */
static size_t member_bytes(const pwf_field *field)
{
    switch (field->type) {
    case PWF_FIELD_HASH:
        return sizeof(pwf_hash);
    case PWF_FIELD_TEXT:
        return PWF_FACT_TEXT;
    case PWF_FIELD_LOSSES:
        return sizeof(pwf_losses);
    default:
        return 8;
    }
}

/* ---- reading ---- */

/* A list of at most PWF_LOSSES_MAX losses. */
static pwf_status read_losses(hid_t h5, const char *path, pwf_losses *out)
{
    int64_t count = 0;
    PWF_TRY(pwf_h5_count(h5, path, &count));
    PWF_FAIL_IF(count > PWF_LOSSES_MAX, PWF_DATA,
                "the dataset %s has %lld elements, at most %d are allowed", path, (long long)count,
                PWF_LOSSES_MAX);
    PWF_TRY(pwf_h5_read(h5, path, NULL, H5T_NATIVE_DOUBLE, count, out->value));
    out->count = count;
    return pwf_ok();
}

/* A longer text is cut: only a crafted file has one. */
static pwf_status read_text(hid_t h5, const char *path, char *out)
{
    char *text = NULL;
    PWF_TRY(pwf_h5_read_text(h5, path, &text));
    snprintf(out, PWF_FACT_TEXT, "%s", text);
    free(text);
    return pwf_ok();
}

/* Reads one row into its member. */
static pwf_status read_field(hid_t h5, const pwf_field *field, void *member)
{
    switch (field->type) {
    case PWF_FIELD_I64:
    case PWF_FIELD_COUNT:
        return pwf_h5_read(h5, field->path, NULL, H5T_NATIVE_INT64, 1, member);
    case PWF_FIELD_F64:
        return pwf_h5_read(h5, field->path, NULL, H5T_NATIVE_DOUBLE, 1, member);
    case PWF_FIELD_HASH:
        return pwf_h5_read(h5, field->path, NULL, H5T_NATIVE_UINT64, 2, member);
    case PWF_FIELD_TEXT:
        return read_text(h5, field->path, member);
    case PWF_FIELD_LOSSES:
        return read_losses(h5, field->path, member);
    case PWF_FIELD_LONG_TEXT:
        break;
    }
    return pwf_ok();
}

pwf_status pwf_fields_read(hid_t h5, const pwf_file *file, pwf_facts *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < FIELDS; i++)
        if (file->header.version >= table[i].since)
            PWF_TRY(read_field(h5, &table[i], (char *)out + table[i].member));
    if (out->position.step == file->header.step) return pwf_ok();
    return PWF_FAIL(PWF_DATA, "%s is damaged: step %lld in its first block, %lld in /state/step",
                    file->path, (long long)file->header.step, (long long)out->position.step);
}

/* ---- describing ---- */

/* A value as text, at most PWF_FACT_TEXT bytes; a list as its length. */
static void print_value(const pwf_field *field, const pwf_facts *facts, char text[PWF_FACT_TEXT])
{
    const void *member = pwf_field_member(field, facts);
    switch (field->type) {
    case PWF_FIELD_I64:
    case PWF_FIELD_COUNT:
    case PWF_FIELD_LOSSES: /* begins with its length */
        snprintf(text, PWF_FACT_TEXT, "%lld", (long long)*(const int64_t *)member);
        break;
    case PWF_FIELD_F64:
        snprintf(text, PWF_FACT_TEXT, "%.3f", *(const double *)member);
        break;
    case PWF_FIELD_HASH:
        pwf_hash_text(*(const pwf_hash *)member, text);
        break;
    case PWF_FIELD_TEXT:
        snprintf(text, PWF_FACT_TEXT, "%s", (const char *)member);
        break;
    case PWF_FIELD_LONG_TEXT:
        text[0] = '\0';
    }
}

void pwf_ckpt_describe(const pwf_facts *facts, pwf_json *object)
{
    for (int i = 0; i < FIELDS; i++) {
        char text[PWF_FACT_TEXT];
        const char *key = strrchr(table[i].path, '/') + 1;
        const void *member = pwf_field_member(&table[i], facts);
        print_value(&table[i], facts, text);
        if (table[i].type == PWF_FIELD_F64)
            pwf_json_set_real(object, key, *(const double *)member);
        else if (table[i].type == PWF_FIELD_HASH || table[i].type == PWF_FIELD_TEXT)
            pwf_json_set_text(object, key, text);
        else if (table[i].type != PWF_FIELD_LONG_TEXT)
            pwf_json_set_int(object, key, *(const int64_t *)member);
    }
}

/* ---- resuming ---- */

/* Whether the run may resume from a file with this value. */
static bool is_same(const pwf_field *field, const void *file, const void *run)
{
    const pwf_hash none = {0, 0};
    if (field->type == PWF_FIELD_TEXT) return strcmp(file, run) == 0;
    if (field->type == PWF_FIELD_HASH && memcmp(run, &none, sizeof none) == 0) return true;
    return memcmp(file, run, member_bytes(field)) == 0;
}

pwf_status pwf_fields_compare(const char *path, const pwf_facts *file, const pwf_facts *run)
{
    for (int i = 0; i < FIELDS; i++) {
        const pwf_field *f = &table[i];
        char there[PWF_FACT_TEXT], here[PWF_FACT_TEXT];
        print_value(f, file, there);
        print_value(f, run, here);
        PWF_FAIL_IF(f->resume == PWF_RESUME_SAME &&
                        !is_same(f, pwf_field_member(f, file), pwf_field_member(f, run)),
                    PWF_DATA, "%s: %s is %s, this run has %s: both must be equal to resume", path,
                    f->name, there, here);
        PWF_FAIL_IF(f->type == PWF_FIELD_COUNT && *(const int64_t *)pwf_field_member(f, file) < 0,
                    PWF_DATA, "%s: %s = %s: must be >= 0", path, f->path, there);
    }
    return pwf_ok();
}

void pwf_fields_take(const pwf_facts *file, pwf_facts *run)
{
    for (int i = 0; i < FIELDS; i++)
        if (table[i].resume != PWF_RESUME_KEEP)
            memcpy((char *)run + table[i].member, pwf_field_member(&table[i], file),
                   member_bytes(&table[i]));
}

/* ---- the fingerprint ---- */

void pwf_fields_hash(const pwf_facts *facts, pwf_hasher *hasher)
{
    bool found = true;
    for (int turn = 1; found; turn++) {
        found = false;
        for (int i = 0; i < FIELDS && !found; i++) {
            if (table[i].fingerprint != turn) continue;
            const char *member = pwf_field_member(&table[i], facts);
            pwf_hasher_add(hasher, member,
                           table[i].type == PWF_FIELD_TEXT ? strlen(member) + 1
                                                           : member_bytes(&table[i]));
            found = true;
        }
    }
}
