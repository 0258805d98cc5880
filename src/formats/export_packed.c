/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes .pwf files: the file is made in memory, decoded and compared bit by bit, and then written.
 * Called by pwf export and by the trainer after a round. docs/reference/pwf-format.md describes the
 * bytes. */
#include "coder.h"

#include "export.h"
#include "pwf/core/mem.h"
#include "pwf/decoder/pwf_decode.h"
#include "pwf/rundir/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 128 };

/* A growing buffer. */
typedef struct text {
    unsigned char *at;
    int64_t length, room;
} text;

/* An entry of the codebook and its index there. */
typedef struct used_centre {
    int32_t entry;
    int place;
} used_centre;

typedef struct compact_file {
    const pwf_loaded *from;
    int codes;           /* of the codebook that are in use */
    used_centre *order;  /* [codes]: these, by increasing entry */
    int *symbol_of;      /* [codebook]: index in `order` of each entry that is in use */
    int64_t *count;      /* [codes + 1]; the last: weights without a code in coded tensors */
    uint32_t *frequency; /* [codes + 1], as `count` */
    bool *coded;         /* [parts] */
    int64_t elements, symbols, rest; /* values: of all parts; of coded parts; stored as fp32 */
    uint16_t *symbol;                /* [symbols] */
    uint32_t bits;
    double cost;
    unsigned char *stream;
    int64_t stream_bytes, tables;
    text description;
    unsigned char *file;
} compact_file;

/* ---- which weights are coded ---- */

/* Distinguishes -0 from 0 and compares NaN. */
static bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Codebook index of element i, or -1 if it is stored as fp32: it has no code, has moved away from
 * the value of its code (fixing.compat: reference), or is -0. */
static int place_of(const pwf_loaded *from, const pwf_loaded_part *part, int64_t i)
{
    const int code = part->code ? part->code[i] : PWF_FREE;
    if (code == PWF_FREE) return -1;
    return same_bits(part->values[i], pwf_codebook_value(&from->codebook, code)) ? code : -1;
}

static int by_entry(const void *a, const void *b)
{
    const used_centre *x = a, *y = b;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

/* Counts the codes in use and marks the tensors that have any. */
static pwf_status survey(compact_file *p)
{
    const pwf_loaded *from = p->from;
    const int book = from->codebook.count;
    int64_t *uses = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, book, sizeof *p->order, &p->order));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, book, sizeof *p->symbol_of, &p->symbol_of));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, book + 1, sizeof *p->count, &p->count));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, book + 1, sizeof *p->frequency, &p->frequency));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, from->count, sizeof *p->coded, &p->coded));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, book, sizeof *uses, &uses));
    int64_t free_ones = 0;
    for (int t = 0; t < from->count; t++) {
        const pwf_loaded_part *part = &from->part[t];
        int64_t here = 0;
        for (int64_t i = 0; part->code && i < part->count; i++) {
            const int place = place_of(from, part, i);
            if (place < 0) continue;
            uses[place]++;
            here++;
        }
        p->coded[t] = here > 0;
        p->elements += part->count;
        if (here > 0) p->symbols += part->count;
        if (here > 0) free_ones += part->count - here;
    }
    for (int k = 0; k < book; k++)
        if (uses[k] > 0) p->order[p->codes++] = (used_centre){from->codebook.entry[k], k};
    qsort(p->order, (size_t)p->codes, sizeof *p->order, by_entry);
    for (int s = 0; s < p->codes; s++) {
        p->symbol_of[p->order[s].place] = s;
        p->count[s] = uses[p->order[s].place];
    }
    p->count[p->codes] = free_ones;
    p->rest = p->elements - p->symbols + free_ones;
    pwf_mem_free(uses);
    return pwf_ok();
}

/* Encodes all symbols in the order of the tensors. */
static pwf_status encode(compact_file *p)
{
    if (p->symbols == 0) return pwf_ok();
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, p->symbols, sizeof *p->symbol, &p->symbol));
    int64_t at = 0;
    for (int t = 0; t < p->from->count; t++)
        for (int64_t i = 0; p->coded[t] && i < p->from->part[t].count; i++) {
            const int place = place_of(p->from, &p->from->part[t], i);
            p->symbol[at++] = (uint16_t)(place < 0 ? p->codes : p->symbol_of[place]);
        }
    p->cost = pwf_coder_plan(p->count, p->codes + 1, p->frequency, &p->bits);
    const pwf_status s = pwf_coder_encode(p->symbol, p->symbols, p->frequency, p->codes + 1,
                                          p->bits, p->cost, &p->stream, &p->stream_bytes);
    pwf_mem_free(p->symbol);
    p->symbol = NULL;
    return s;
}

/* ---- the description ---- */

/* Appends bytes; the buffer doubles when it is full. */
static pwf_status add(text *t, const void *bytes, int64_t count)
{
    if (t->length + count > t->room) {
        unsigned char *more = NULL;
        const int64_t room = 2 * (t->length + count);
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, room, 1, &more));
        if (t->length > 0) memcpy(more, t->at, (size_t)t->length);
        pwf_mem_free(t->at);
        t->at = more;
        t->room = room;
    }
    memcpy(t->at + t->length, bytes, (size_t)count);
    t->length += count;
    return pwf_ok();
}

/* Appends a little-endian number. */
static pwf_status add_number(text *t, uint64_t x, int bytes)
{
    return add(t, &x, bytes); /* little-endian, as this program requires */
}

/* Appends a varying-length number. */
static pwf_status add_varying(text *t, uint64_t x)
{
    unsigned char bytes[10];
    return add(t, bytes, pwf_coder_varying(x, bytes));
}

/* Appends the metadata as JSON. */
static pwf_status add_metadata(compact_file *p)
{
    char *json = NULL;
    pwf_json *about = pwf_export_metadata(p->from);
    pwf_status s = pwf_json_text(about, 0, &json);
    pwf_json_free(about);
    if (s.code == PWF_OK) s = add_number(&p->description, strlen(json) + 1, 4);
    if (s.code == PWF_OK) s = add(&p->description, json, (int64_t)strlen(json) + 1);
    free(json);
    return s;
}

/* Makes the tables: metadata, tensors, codebook, frequencies. */
static pwf_status describe(compact_file *p)
{
    text *t = &p->description;
    PWF_TRY(add_metadata(p));
    for (int i = 0; i < p->from->count; i++) {
        const pwf_loaded_part *part = &p->from->part[i];
        const int kind = part->buffer  ? PWF_PACKED_BUFFER
                         : p->coded[i] ? PWF_PACKED_CODED
                                       : PWF_PACKED_PLAIN;
        PWF_TRY(add_number(t, (uint64_t)kind, 1));
        PWF_TRY(add_number(t, (uint64_t)part->dims, 1));
        PWF_TRY(add_number(t, strlen(part->name) + 1, 2));
        PWF_TRY(add(t, part->name, (int64_t)strlen(part->name) + 1));
        for (int d = 0; d < part->dims; d++)
            PWF_TRY(add_number(t, (uint64_t)part->shape[d], 8));
    }
    const int64_t before = t->length;
    for (int s = 0; s < p->codes; s++) {
        const int64_t entry = p->order[s].entry;
        const int64_t x = s > 0       ? entry - p->order[s - 1].entry - 1
                          : entry < 0 ? -2 * entry - 1
                                      : 2 * entry;
        PWF_TRY(add_varying(t, (uint64_t)x));
    }
    for (int s = 0; s <= p->codes; s++)
        PWF_TRY(add_varying(t, p->frequency[s]));
    p->tables = t->length - before;
    return pwf_ok();
}

/* ---- the file ---- */

/* Stores a little-endian number in the header. */
static void put(unsigned char *at, uint64_t x, size_t bytes)
{
    memcpy(at, &x, bytes);
}

/* Hash over all decoded values, which a reader can compare. */
static pwf_hash hash_values(const compact_file *p)
{
    pwf_hasher hasher;
    pwf_hasher_begin(&hasher);
    for (int t = 0; t < p->from->count; t++)
        pwf_hasher_add(&hasher, p->from->part[t].values,
                       (size_t)p->from->part[t].count * sizeof(float));
    return pwf_hasher_digest(&hasher);
}

/* Length of the finished file. */
static int64_t file_bytes(const compact_file *p)
{
    return HEADER + p->description.length + p->stream_bytes + p->rest * (int64_t)sizeof(float);
}

/* Fills in the first 128 bytes. */
static void fill_header(compact_file *p)
{
    unsigned char *h = p->file;
    const pwf_hash values = hash_values(p);
    memcpy(h, "pwfpack\n", 8);
    put(h + 8, 1, 4);
    put(h + 12, (uint64_t)p->from->count, 4);
    put(h + 16, (uint64_t)file_bytes(p), 8);
    put(h + 24, (uint64_t)p->symbols, 8);
    put(h + 32, (uint64_t)p->rest, 8);
    put(h + 40, (uint64_t)p->codes, 4);
    put(h + 44, (uint64_t)p->from->codebook.min_power, 4);
    put(h + 48, p->bits, 4);
    put(h + 56, (uint64_t)p->description.length, 8);
    put(h + 64, (uint64_t)p->stream_bytes, 8);
    put(h + 72, (uint64_t)p->elements, 8);
    memcpy(h + 80, &values, sizeof values);
    const pwf_hash body = pwf_hash_bytes(h + HEADER, (size_t)file_bytes(p) - HEADER);
    memcpy(h + 96, &body, sizeof body);
    const pwf_hash own = pwf_hash_bytes(h, HEADER - sizeof own);
    memcpy(h + HEADER - sizeof own, &own, sizeof own);
}

/* Joins header, tables, coded stream and fp32 values. */
static pwf_status assemble(compact_file *p)
{
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, file_bytes(p), 1, &p->file));
    unsigned char *at = p->file + HEADER;
    memcpy(at, p->description.at, (size_t)p->description.length);
    at += p->description.length;
    if (p->stream_bytes > 0) memcpy(at, p->stream, (size_t)p->stream_bytes);
    at += p->stream_bytes;
    for (int t = 0; t < p->from->count; t++) {
        const pwf_loaded_part *part = &p->from->part[t];
        for (int64_t i = 0; i < part->count; i++) {
            if (p->coded[t] && place_of(p->from, part, i) >= 0) continue;
            memcpy(at, &part->values[i], sizeof part->values[i]);
            at += sizeof part->values[i];
        }
    }
    fill_header(p);
    return pwf_ok();
}

/* The failure of the final check, which is a bug unless memory ran out. */
static pwf_status not_packed(const char *wrong)
{
    return PWF_FAIL(wrong == pwf_packed_no_memory ? PWF_RESOURCE : PWF_BUG,
                    "the packed file cannot be decoded: %s", wrong);
}

/* Compares all decoded values with the originals, bit by bit. */
static pwf_status compare(const compact_file *p, const pwf_packed *packed, float *values)
{
    const char *wrong = pwf_packed_values(packed, values, NULL);
    if (wrong) return not_packed(wrong);
    for (int t = 0; t < p->from->count; t++)
        PWF_FAIL_IF(memcmp(values + packed->tensor[t].first, p->from->part[t].values,
                           (size_t)p->from->part[t].count * sizeof *values) != 0,
                    PWF_BUG, "the packed file decodes to different values in %s",
                    p->from->part[t].name);
    return pwf_ok();
}

/* Decodes the file in memory and compares. */
static pwf_status check(const compact_file *p)
{
    pwf_packed packed;
    float *values = NULL;
    const char *wrong = pwf_packed_open(&packed, p->file, (size_t)file_bytes(p));
    pwf_status s = wrong ? not_packed(wrong)
                         : pwf_mem_alloc(PWF_MEM_BUFFERS, p->elements, sizeof *values, &values);
    if (s.code == PWF_OK) s = compare(p, &packed, values);
    pwf_mem_free(values);
    pwf_packed_close(&packed);
    return s;
}

/* Sizes for the report. */
static void measure(const compact_file *p, pwf_export_sizes *sizes)
{
    double bound = 0.0;
    for (int s = 0; s <= p->codes; s++)
        if (p->count[s] > 0)
            bound += (double)p->count[s] * log2((double)p->symbols / (double)p->count[s]);
    *sizes = (pwf_export_sizes){.file = file_bytes(p),
                                .coded = p->symbols - p->count[p->codes],
                                .bound = bound / 8.0,
                                .stream = p->stream_bytes,
                                .tables = p->tables,
                                .rest = p->rest * (int64_t)sizeof(float)};
    sizes->other = sizes->file - sizes->stream - sizes->tables - sizes->rest;
}

/* Runs all steps; with `path` NULL, stops before writing. */
static pwf_status pack(compact_file *p, const char *path)
{
    PWF_TRY(survey(p));
    PWF_TRY(encode(p));
    PWF_TRY(describe(p));
    PWF_TRY(assemble(p));
    PWF_TRY(check(p));
    return path ? pwf_output_write(path, p->file, (size_t)file_bytes(p)) : pwf_ok();
}

pwf_status pwf_export_packed(const pwf_loaded *from, const char *path, pwf_export_sizes *sizes)
{
    compact_file p = {.from = from};
    const pwf_status s = pack(&p, path);
    if (s.code == PWF_OK) measure(&p, sizes);
    pwf_mem_free(p.order);
    pwf_mem_free(p.symbol_of);
    pwf_mem_free(p.count);
    pwf_mem_free(p.frequency);
    pwf_mem_free(p.coded);
    pwf_mem_free(p.symbol);
    pwf_mem_free(p.stream);
    pwf_mem_free(p.description.at);
    pwf_mem_free(p.file);
    return s;
}
