/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of tensors of an open weight file, which a reader fills, and the reading of tensors
 * whose values are stored without compression. Called by the readers and by weights_file.c. Reads
 * the open file and touches no other state. */
#include "tensor_list.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* 1 to PWF_TENSOR_NAME printable bytes. */
static pwf_status check_name(const pwf_weights_file *file, const char *name, size_t length)
{
    bool good = length >= 1 && length <= PWF_TENSOR_NAME;
    for (size_t i = 0; good && i < length; i++)
        good = name[i] >= ' ' && name[i] < 127;
    if (good) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s: tensor %d has an empty name, a name that is not printable, or one of more "
                    "than %d bytes",
                    file->path, file->count, PWF_TENSOR_NAME);
}

/* Doubles the lists. */
static pwf_status grow(pwf_weights_file *file)
{
    const int room = file->room ? 2 * file->room : 256;
    pwf_named_tensor *tensor = realloc(file->tensor, (size_t)room * sizeof *tensor);
    if (tensor) file->tensor = tensor;
    pwf_weights_place *place = realloc(file->place, (size_t)room * sizeof *place);
    if (place) file->place = place;
    PWF_FAIL_IF(!tensor || !place, PWF_RESOURCE, "no memory for the list of tensors");
    file->room = room;
    return pwf_ok();
}

/* The product of the shape is computed here, with a check for overflow. */
pwf_status pwf_weights_add(pwf_weights_file *file, const char *name, size_t length,
                           const pwf_named_tensor *tensor, const pwf_weights_place *place)
{
    PWF_TRY(check_name(file, name, length));
    PWF_FAIL_IF(file->count == PWF_TENSORS_MAX, PWF_DATA, "%s has more than %d tensors", file->path,
                PWF_TENSORS_MAX);
    int64_t count = 1;
    for (int d = 0; d < tensor->dims; d++)
        PWF_FAIL_IF(tensor->shape[d] < 0 || __builtin_mul_overflow(count, tensor->shape[d], &count),
                    PWF_DATA, "%s: the shape of '%.*s' is negative or too large", file->path,
                    (int)length, name);
    if (file->count == file->room) PWF_TRY(grow(file));
    pwf_named_tensor *to = &file->tensor[file->count];
    *to = *tensor;
    to->count = count;
    to->name = malloc(length + 1);
    PWF_FAIL_IF(!to->name, PWF_RESOURCE, "no memory for the list of tensors");
    memcpy(to->name, name, length);
    to->name[length] = '\0';
    file->place[file->count++] = *place;
    return pwf_ok();
}

/* Order of names. */
static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

pwf_status pwf_weights_check_unique(const pwf_weights_file *file)
{
    const char **name = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, file->count, sizeof *name, &name));
    for (int i = 0; i < file->count; i++)
        name[i] = file->tensor[i].name;
    qsort(name, (size_t)file->count, sizeof *name, by_name);
    pwf_status s = pwf_ok();
    for (int i = 1; i < file->count && s.code == PWF_OK; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            s = PWF_FAIL(PWF_DATA, "%s has the tensor '%s' twice", file->path, name[i]);
    pwf_mem_free(name);
    return s;
}

/* Reads `count` consecutive values from `offset` on. */
static pwf_status read_run(const pwf_weights_file *file, pwf_dtype dtype, uint64_t offset,
                           int64_t count, float *out, int64_t *rounded)
{
    enum { PIECE = 8192 };
    /* read straight into the result */
    if (dtype == PWF_DTYPE_F32)
        return pwf_file_pread(file->fd, file->path, out, (size_t)count * sizeof *out, offset);
    unsigned char piece[PIECE * 8];
    const int64_t size = pwf_dtype_size(dtype);
    for (int64_t at = 0; at < count; at += PIECE) {
        const int64_t n = count - at < PIECE ? count - at : PIECE;
        PWF_TRY(pwf_file_pread(file->fd, file->path, piece, (size_t)(n * size),
                               offset + (uint64_t)(at * size)));
        pwf_tensor_convert(dtype, piece, n, out + at, rounded);
    }
    return pwf_ok();
}

/* Takes the values of a tensor that is not row-major out of the run that they span. */
static void gather(const pwf_named_tensor *t, const pwf_weights_place *place, const float *span,
                   float *out)
{
    int64_t at[PWF_TENSOR_DIMS] = {0}, from = 0;
    for (int64_t i = 0; i < t->count; i++) {
        out[i] = span[from];
        for (int d = t->dims - 1; d >= 0; d--) {
            from += place->stride[d];
            if (++at[d] < t->shape[d]) break;
            from -= place->stride[d] * t->shape[d];
            at[d] = 0;
        }
    }
}

/* A strided tensor is read as the run of values that it spans. */
pwf_status pwf_weights_read_place(const pwf_weights_file *file, int index, float *out,
                                  int64_t *rounded)
{
    const pwf_named_tensor *t = &file->tensor[index];
    const pwf_weights_place *place = &file->place[index];
    if (!place->strided) return read_run(file, t->dtype, place->offset, t->count, out, rounded);
    float *span = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, place->span, sizeof *span, &span));
    const pwf_status s = read_run(file, t->dtype, place->offset, place->span, span, rounded);
    if (s.code == PWF_OK) gather(t, place, span, out);
    pwf_mem_free(span);
    return s;
}
