/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of safetensors files: 8 bytes with the length of the header, the header as JSON, the
 * values. Called through the list in weights_file.c; it gets every file that no other reader
 * recognises. Reads the open file and keeps its header for the metadata. */
#include "reader.h"

#include "pwf/core/file.h"
#include "pwf/core/json.h"
#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* The type with this name. */
static pwf_status find_dtype(const pwf_weights_file *file, const char *name, const char *word,
                             pwf_dtype *dtype)
{
    for (int i = 0; i < PWF_DTYPES; i++)
        if (strcmp(word, pwf_dtype_name((pwf_dtype)i)) == 0) {
            *dtype = (pwf_dtype)i;
            return pwf_ok();
        }
    return PWF_FAIL(PWF_DATA, "%s: '%.256s' has the unknown type %.32s", file->path, name, word);
}

typedef struct listing {
    pwf_weights_file *file;
    uint64_t data, bytes; /* where the values begin, and how many bytes there are */
} listing;

/* Adds one entry of the header; its bytes must fit its shape. */
static pwf_status add_tensor(void *context, const char *name, const pwf_json *entry)
{
    const listing *l = context;
    pwf_weights_file *file = l->file;
    pwf_named_tensor t = {0};
    int64_t place[2] = {0, 0};
    int places = 0;
    const char *dtype = "";
    if (strcmp(name, "__metadata__") == 0) return pwf_ok();
    PWF_FAIL_IF(!pwf_json_get_text(entry, "dtype", &dtype) ||
                    !pwf_json_get_ints(entry, "shape", t.shape, PWF_TENSOR_DIMS, &t.dims) ||
                    !pwf_json_get_ints(entry, "data_offsets", place, 2, &places) || places != 2,
                PWF_DATA,
                "%s: '%.256s' lacks dtype, shape (of at most %d integers) or two "
                "data_offsets",
                file->path, name, PWF_TENSOR_DIMS);
    PWF_TRY(find_dtype(file, name, dtype, &t.dtype));
    PWF_FAIL_IF(place[0] < 0 || place[1] < place[0] || (uint64_t)place[1] > l->bytes, PWF_DATA,
                "%s: the values of '%.256s' lie outside the file; it may be truncated", file->path,
                name);
    PWF_TRY(pwf_weights_add(file, name, strlen(name), &t,
                            &(pwf_weights_place){.offset = l->data + (uint64_t)place[0]}));
    int64_t need = 0;
    PWF_FAIL_IF(__builtin_mul_overflow(file->tensor[file->count - 1].count, pwf_dtype_size(t.dtype),
                                       &need) ||
                    need != place[1] - place[0],
                PWF_DATA, "%s: '%.256s' has %lld bytes, which do not match its shape", file->path,
                name, (long long)(place[1] - place[0]));
    return pwf_ok();
}

typedef struct span {
    uint64_t lo, hi;
} span;

/* Order of tensors by offset. */
static int by_place(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->lo != y->lo) return x->lo < y->lo ? -1 : 1;
    return (x->hi > y->hi) - (x->hi < y->hi);
}

/* The values must cover the rest of the file without gap or overlap. */
static pwf_status check_cover(const listing *l)
{
    const pwf_weights_file *file = l->file;
    span *spans = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, file->count, sizeof *spans, &spans));
    for (int i = 0; i < file->count; i++) {
        const uint64_t lo = file->place[i].offset;
        const pwf_named_tensor *t = &file->tensor[i];
        spans[i] = (span){lo, lo + (uint64_t)t->count * (uint64_t)pwf_dtype_size(t->dtype)};
    }
    qsort(spans, (size_t)file->count, sizeof *spans, by_place);
    uint64_t at = l->data;
    bool good = true;
    for (int i = 0; good && i < file->count; i++) {
        good = spans[i].lo == at;
        at = spans[i].hi;
    }
    pwf_mem_free(spans);
    if (good && at == file->bytes) return pwf_ok();
    return PWF_FAIL(
        PWF_DATA,
        "%s: the tensors overlap, leave a gap or do not reach the end of the file; it is damaged",
        file->path);
}

/* Parses the header and lists the tensors. */
static pwf_status parse(listing *l, const char *text, size_t length)
{
    const pwf_status bad = pwf_json_parse(text, length, &l->file->header);
    PWF_FAIL_IF(bad.code != PWF_OK, bad.code, "%s: cannot read the header: %.400s", l->file->path,
                bad.text);
    pwf_status s = pwf_json_each(l->file->header, add_tensor, l);
    if (s.code == PWF_OK) s = check_cover(l);
    return s;
}

/* Reads the header and keeps it for the metadata. */
static pwf_status list_tensors(pwf_weights_file *file)
{
    uint64_t length = 0;
    PWF_TRY(pwf_file_pread(file->fd, file->path, &length, sizeof length, 0));
    /* the shortest header is {} */
    PWF_FAIL_IF(length < 2 || length > PWF_WEIGHTS_HEADER_MAX ||
                    length > file->bytes - sizeof length,
                PWF_DATA,
                "%s is neither a safetensors file (its header would have %llu bytes) nor a PyTorch "
                "or NumPy file",
                file->path, (unsigned long long)length);
    char *text = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)length, 1, &text));
    listing l = {file, sizeof length + length, file->bytes - sizeof length - length};
    pwf_status s = pwf_file_pread(file->fd, file->path, text, (size_t)length, sizeof length);
    if (s.code == PWF_OK && text[0] != '{')
        s = PWF_FAIL(PWF_DATA, "%s is not a safetensors file: its header does not begin with {",
                     file->path);
    if (s.code == PWF_OK) s = parse(&l, text, (size_t)length);
    pwf_mem_free(text);
    return s;
}

/* The JSON header follows its length. */
static bool recognise(const unsigned char *first, size_t bytes)
{
    return bytes > 8 && first[8] == '{';
}

const pwf_reader pwf_reader_safetensors = {
    .name = "safetensors", .recognise = recognise, .list = list_tensors};
