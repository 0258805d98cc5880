/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of what torch.save makes of a state dict since PyTorch 1.6: a zip archive with
 * PREFIX/data.pkl, a pickle, and one stored member PREFIX/data/KEY for each storage. Called through
 * the list in weights_file.c. Reads the open file; nothing in it is executed. */
#include "pickle.h"
#include "pytorch.h"
#include "reader.h"
#include "zip.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <stdio.h>
#include <string.h>

typedef struct zip_reading {
    pwf_weights_file *file;
    pwf_zip zip;
    char prefix[256];
    uint8_t *checked; /* [members]: the checksum has been compared */
} zip_reading;

/* Finds the member of a storage and compares its checksum once. */
static pwf_status find_storage(void *context, const pwf_pickle_node *storage, const char *name,
                               uint64_t *offset)
{
    zip_reading *r = context;
    char member[512];
    snprintf(member, sizeof member, "%sdata/%.*s", r->prefix, (int)storage->length, storage->text);
    const pwf_zip_member *m = storage->length < 200 && !memchr(storage->text, '\0', storage->length)
                                  ? pwf_zip_find(&r->zip, member)
                                  : NULL;
    int64_t need = 0;
    PWF_FAIL_IF(
        !m || __builtin_mul_overflow(storage->number, pwf_dtype_size(storage->dtype), &need) ||
            (uint64_t)need != m->bytes,
        PWF_DATA, "%s: the storage of '%s' is missing or has a wrong length", r->file->path, name);
    uint8_t *checked = &r->checked[m - r->zip.member];
    if (!*checked) PWF_TRY(pwf_zip_check(&r->zip, m));
    *checked = 1;
    *offset = m->offset;
    return pwf_ok();
}

/* Reads data.pkl and adds its tensors. */
static pwf_status read_pickle(zip_reading *r, const pwf_zip_member *member)
{
    unsigned char *in = NULL;
    pwf_pickle pickle = {0};
    int32_t top = 0;
    size_t at = 0;
    PWF_FAIL_IF(member->bytes > PWF_WEIGHTS_HEADER_MAX, PWF_DATA,
                "%s: its pickle of %llu bytes is too large for a state dict", r->file->path,
                (unsigned long long)member->bytes);
    PWF_TRY(pwf_zip_check(&r->zip, member));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)member->bytes, 1, &in));
    pwf_status s =
        pwf_file_pread(r->file->fd, r->file->path, in, (size_t)member->bytes, member->offset);
    if (s.code == PWF_OK) {
        s = pwf_pickle_read(&pickle, in, (size_t)member->bytes, &at, &top);
        if (s.code == PWF_DATA) s = PWF_FAIL(PWF_DATA, "%s: %s", r->file->path, s.text);
    }
    const pwf_storages storages = {find_storage, r};
    if (s.code == PWF_OK) s = pwf_pytorch_take(r->file, &pickle, top, &storages);
    pwf_pickle_free(&pickle);
    pwf_mem_free(in);
    return s;
}

/* Finds data.pkl, which also gives the prefix of the storages. */
static pwf_status read_archive(zip_reading *r)
{
    PWF_TRY(pwf_zip_list(&r->zip));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->zip.count, sizeof *r->checked, &r->checked));
    for (int i = 0; i < r->zip.count; i++) {
        const char *name = r->zip.member[i].name;
        const size_t length = strlen(name), word = strlen("data.pkl");
        if (length < word || length - word >= sizeof r->prefix ||
            strcmp(name + length - word, "data.pkl") != 0 ||
            (length > word && name[length - word - 1] != '/'))
            continue;
        memcpy(r->prefix, name, length - word);
        r->prefix[length - word] = '\0';
        return read_pickle(r, &r->zip.member[i]);
    }
    return PWF_FAIL(PWF_DATA,
                    "%s is a zip archive, but not one of torch.save or numpy.savez: it has no "
                    "data.pkl",
                    r->file->path);
}

/* The archive is not needed after listing: tensors have offsets in the file. */
static pwf_status list_tensors(pwf_weights_file *file)
{
    zip_reading *r = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *r, &r));
    r->file = file;
    r->zip = (pwf_zip){.fd = file->fd, .path = file->path, .bytes = file->bytes};
    const pwf_status s = read_archive(r);
    pwf_zip_free(&r->zip);
    pwf_mem_free(r->checked);
    pwf_mem_free(r);
    return s;
}

/* Any zip archive that the readers before this one did not recognise. */
static bool recognise(const unsigned char *first, size_t bytes)
{
    return bytes > 4 && memcmp(first, "PK\003\004", 4) == 0;
}

const pwf_reader pwf_reader_pytorch_zip = {
    .name = "PyTorch", .recognise = recognise, .list = list_tensors};
