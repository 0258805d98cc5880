/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/file.h"
#include "weights_parts.h"

#include "pwf/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int size;
} dtypes[PWF_DTYPES] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8},     {"I64", 8},
                        {"U64", 8}, {"I32", 4}, {"U32", 4},  {"I16", 2},     {"U16", 2},
                        {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

const char *pwf_dtype_name(pwf_dtype dtype)
{
    return dtypes[dtype].name;
}

int pwf_dtype_size(pwf_dtype dtype)
{
    return dtypes[dtype].size;
}

void pwf_shape_text(int dims, const int64_t *shape, char text[PWF_SHAPE_TEXT])
{
    int at = snprintf(text, PWF_SHAPE_TEXT, "[");
    for (int d = 0; d < dims; d++)
        at += snprintf(text + at, (size_t)(PWF_SHAPE_TEXT - at), "%s%lld", d > 0 ? ", " : "",
                       (long long)shape[d]);
    snprintf(text + at, (size_t)(PWF_SHAPE_TEXT - at), "]");
}

static pwf_status check_name(const pwf_weights_file *file, const char *name, size_t length)
{
    bool good = length >= 1 && length <= PWF_TENSOR_NAME;
    for (size_t i = 0; good && i < length; i++)
        good = name[i] >= ' ' && name[i] < 127;
    if (good) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s: tensor %d has a name that is empty, not printable or longer than %d bytes",
                    file->path, file->count, PWF_TENSOR_NAME);
}

static pwf_status grow(pwf_weights_file *file)
{
    const int room = file->room ? 2 * file->room : 256;
    pwf_named_tensor *tensor = realloc(file->tensor, (size_t)room * sizeof *tensor);
    if (tensor) file->tensor = tensor;
    pwf_tensor_place *place = realloc(file->place, (size_t)room * sizeof *place);
    if (place) file->place = place;
    if (!tensor || !place) return PWF_FAIL(PWF_RESOURCE, "no memory for the list of tensors");
    file->room = room;
    return pwf_ok();
}

pwf_status pwf_weights_add(pwf_weights_file *file, const char *name, size_t length,
                           const pwf_named_tensor *tensor, const pwf_tensor_place *place)
{
    PWF_TRY(check_name(file, name, length));
    if (file->count == PWF_TENSORS_MAX)
        return PWF_FAIL(PWF_DATA, "%s has more than %d tensors", file->path, PWF_TENSORS_MAX);
    int64_t count = 1;
    for (int d = 0; d < tensor->dims; d++)
        if (tensor->shape[d] < 0 || __builtin_mul_overflow(count, tensor->shape[d], &count))
            return PWF_FAIL(PWF_DATA, "%s: the shape of '%.*s' is negative or too large",
                            file->path, (int)length, name);
    if (file->count == file->room) PWF_TRY(grow(file));
    pwf_named_tensor *to = &file->tensor[file->count];
    *to = *tensor;
    to->count = count;
    to->name = malloc(length + 1);
    if (!to->name) return PWF_FAIL(PWF_RESOURCE, "no memory for the list of tensors");
    memcpy(to->name, name, length);
    to->name[length] = '\0';
    file->place[file->count++] = *place;
    return pwf_ok();
}

/* ---- opening ---- */

static pwf_status list(pwf_weights_file *file)
{
    unsigned char first[9] = {0};
    if (file->bytes < sizeof first)
        return PWF_FAIL(PWF_DATA, "%s has only %llu bytes: it holds no weights", file->path,
                        (unsigned long long)file->bytes);
    PWF_TRY(pwf_file_pread(file->fd, file->path, first, sizeof first, 0));
    if (memcmp(first, "PK\003\004", 4) == 0) return pwf_pytorch_zip_list(file);
    if (memcmp(first, "\211HDF\r\n\032\n", 8) == 0 || memcmp(first, "pwfckpt\n", 8) == 0)
        return PWF_FAIL(PWF_DATA,
                        "%s is an HDF5 file; weights come from safetensors or PyTorch, and a model "
                        "of this program needs no import",
                        file->path);
    if (first[0] == 0x80 && first[8] != '{') return pwf_pytorch_pickles_list(file);
    return pwf_safetensors_list(file);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static pwf_status check_unique(const pwf_weights_file *file)
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

pwf_status pwf_weights_open(const char *path, pwf_weights_file **out)
{
    *out = NULL;
    int fd = -1;
    int64_t bytes = 0;
    PWF_TRY(pwf_file_open_read(path, &fd, &bytes));
    pwf_weights_file *file = calloc(1, sizeof *file);
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        close(fd);
        return PWF_FAIL(PWF_RESOURCE, "no memory to open %s", path);
    }
    *file = (pwf_weights_file){.fd = fd, .path = copy, .bytes = (uint64_t)bytes};
    pwf_status s = list(file);
    if (s.code == PWF_OK && file->count == 0) s = PWF_FAIL(PWF_DATA, "%s holds no tensors", path);
    if (s.code == PWF_OK) s = check_unique(file);
    if (s.code == PWF_OK)
        *out = file;
    else
        pwf_weights_close(file);
    return s;
}

void pwf_weights_close(pwf_weights_file *file)
{
    if (!file) return;
    if (file->fd >= 0) close(file->fd);
    for (int i = 0; i < file->count; i++)
        free(file->tensor[i].name);
    pwf_json_free(file->header);
    free(file->tensor);
    free(file->place);
    free(file->path);
    free(file);
}

int pwf_weights_count(const pwf_weights_file *file)
{
    return file->count;
}

const pwf_named_tensor *pwf_weights_tensor(const pwf_weights_file *file, int index)
{
    PWF_ASSERT(index >= 0 && index < file->count);
    return &file->tensor[index];
}

const char *pwf_weights_format(const pwf_weights_file *file)
{
    return file->format;
}

const char *pwf_weights_inside(const pwf_weights_file *file)
{
    return file->inside;
}

typedef struct visiting {
    pwf_json_visit visit;
    void *context;
} visiting;

static pwf_status visit_metadata(void *context, const char *key, const pwf_json *value)
{
    const visiting *v = context;
    return strcmp(key, "__metadata__") == 0 ? pwf_json_each(value, v->visit, v->context) : pwf_ok();
}

pwf_status pwf_weights_metadata(const pwf_weights_file *file, pwf_json_visit visit, void *context)
{
    visiting v = {visit, context};
    return file->header ? pwf_json_each(file->header, visit_metadata, &v) : pwf_ok();
}

/* ---- values ---- */

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every half is an fp32 number: the exponent is moved, a denormal one is scaled. */
static float from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fffU;
    if (rest >= 0x7c00) return from_bits(sign | 0x7f800000U | (rest & 0x3ff) << 13);
    if (rest >= 0x400) return from_bits(sign | ((rest << 13) + (112U << 23)));
    const float x = (float)rest * 0x1p-24f;
    return sign ? -x : x;
}

/* `count` values as they stand in the file, to fp32. */
static void widen(pwf_dtype dtype, const unsigned char *in, int64_t count, float *out,
                  int64_t *rounded)
{
    for (int64_t i = 0; i < count; i++) {
        uint16_t half = 0;
        double x = 0.0;
        if (dtype == PWF_DTYPE_F64) {
            memcpy(&x, in + 8 * i, sizeof x);
            out[i] = (float)x;
            *rounded += (double)out[i] < x || (double)out[i] > x;
            continue;
        }
        memcpy(&half, in + 2 * i, sizeof half);
        out[i] = dtype == PWF_DTYPE_F16 ? from_half(half) : from_bits((uint32_t)half << 16);
    }
}

/* `count` values from `offset` on. */
static pwf_status read_run(const pwf_weights_file *file, pwf_dtype dtype, uint64_t offset,
                           int64_t count, float *out, int64_t *rounded)
{
    enum { PIECE = 8192 };
    if (dtype == PWF_DTYPE_F32)
        return pwf_file_pread(file->fd, file->path, out, (size_t)count * sizeof *out, offset);
    unsigned char piece[PIECE * 8];
    const int64_t size = pwf_dtype_size(dtype);
    for (int64_t at = 0; at < count; at += PIECE) {
        const int64_t n = count - at < PIECE ? count - at : PIECE;
        PWF_TRY(pwf_file_pread(file->fd, file->path, piece, (size_t)(n * size),
                               offset + (uint64_t)(at * size)));
        widen(dtype, piece, n, out + at, rounded);
    }
    return pwf_ok();
}

/* Takes the values of a tensor that is not row-major out of the run that they span. */
static void gather(const pwf_named_tensor *t, const pwf_tensor_place *place, const float *span,
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

pwf_status pwf_weights_read(const pwf_weights_file *file, int index, float *out, int64_t *rounded)
{
    const pwf_named_tensor *t = pwf_weights_tensor(file, index);
    const pwf_tensor_place *place = &file->place[index];
    if (t->dtype > PWF_DTYPE_F64)
        return PWF_FAIL(PWF_DATA, "%s: '%s' holds %s numbers, which are no weights", file->path,
                        t->name, pwf_dtype_name(t->dtype));
    if (!place->strided) return read_run(file, t->dtype, place->offset, t->count, out, rounded);
    float *span = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, place->span, sizeof *span, &span));
    const pwf_status s = read_run(file, t->dtype, place->offset, place->span, span, rounded);
    if (s.code == PWF_OK) gather(t, place, span, out);
    pwf_mem_free(span);
    return s;
}
