/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of NumPy archives (numpy.savez, numpy.savez_compressed): a zip archive with one member
 * NAME.npy for each array, which is a header (a Python dict as text) and the values. Format:
 * numpy.lib.format. Called through the list in weights_file.c; reads the file. */
#include "reader.h"
#include "zip.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX = 12, HEADER_MAX = 4096 }; /* bytes: magic, version and length; header text */

static const char magic[] = "\x93NUMPY";

/* What the reader keeps of an archive until it is closed: tensor i is member i. */
typedef struct archive {
    pwf_zip zip;
    uint64_t skip[]; /* [members]: bytes before the values */
} archive;

/* Whether a name ends with `end` and is longer. */
static bool ends(const char *name, size_t length, const char *end)
{
    const size_t n = strlen(end);
    return length > n && memcmp(name + length - n, end, n) == 0;
}

/* A zip archive whose first member is an array; PyTorch's begin with a pickle. */
static bool recognise(const unsigned char *first, size_t bytes)
{
    enum { LOCAL = 30 }; /* bytes of a local header before the name */
    if (bytes < LOCAL || memcmp(first, "PK\003\004", 4) != 0) return false;
    const size_t name = (size_t)(first[26] | first[27] << 8);
    return name <= bytes - LOCAL && ends((const char *)first + LOCAL, name, ".npy");
}

/* ---- the header of an array ---- */

static const struct {
    const char *text;
    pwf_dtype dtype;
} types[] = {{"<f4", PWF_DTYPE_F32}, {"<f2", PWF_DTYPE_F16}, {"<f8", PWF_DTYPE_F64},
             {"<i8", PWF_DTYPE_I64}, {"<u8", PWF_DTYPE_U64}, {"<i4", PWF_DTYPE_I32},
             {"<u4", PWF_DTYPE_U32}, {"<i2", PWF_DTYPE_I16}, {"<u2", PWF_DTYPE_U16},
             {"|i1", PWF_DTYPE_I8},  {"|u1", PWF_DTYPE_U8},  {"|b1", PWF_DTYPE_BOOL}};

/* The failure of one array. */
static pwf_status refuse(const pwf_weights_file *file, const pwf_zip_member *m, const char *why)
{
    return PWF_FAIL(PWF_DATA, "%s: the array %s %s", file->path, m->name, why);
}

/* Finds the value of a key in the header, which is a string; NULL if there is none. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':')
        at++;
    return at;
}

/* Finds the type of the values; the message for any other type says how to save the array. */
static pwf_status read_type(const pwf_weights_file *file, const pwf_zip_member *m,
                            const char *header, pwf_dtype *dtype)
{
    const char *at = value_of(header, "'descr'");
    if (!at || *at != '\'')
        return refuse(file, m, "has fields, not numbers: save each field as an array");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strncmp(at + 1, types[i].text, 3) == 0 && at[4] == '\'') {
            *dtype = types[i].dtype;
            return pwf_ok();
        }
    if (at[1] == '>')
        return refuse(file, m, "is big-endian: save x.astype(x.dtype.newbyteorder('<'))");
    if (at[1] == '|' && at[2] == 'O')
        return refuse(file, m, "holds Python objects: save arrays of numbers, without pickle");
    return refuse(file, m, "has an unknown type: save float32, float16 or float64");
}

/* Reads the shape, a tuple of integers; () is a single number. */
static pwf_status read_shape(const pwf_weights_file *file, const pwf_zip_member *m,
                             const char *header, pwf_named_tensor *t)
{
    const char *at = value_of(header, "'shape'");
    if (!at || *at++ != '(') return refuse(file, m, "has no shape");
    while (*at >= '0' && *at <= '9') {
        char *end = NULL;
        if (t->dims == PWF_TENSOR_DIMS) return refuse(file, m, "has too many dimensions");
        t->shape[t->dims++] = strtoll(at, &end, 10); /* too large: INT64_MAX, refused later */
        at = end;
        while (*at == ',' || *at == ' ')
            at++;
    }
    return *at == ')' ? pwf_ok() : refuse(file, m, "has no shape");
}

/* Reads type and shape of an array, and the number of bytes before its values. */
static pwf_status read_header(const pwf_weights_file *file, const pwf_zip *zip,
                              const pwf_zip_member *m, pwf_named_tensor *t, uint64_t *skip)
{
    /* room for a NUL after the text */
    unsigned char in[PREFIX + HEADER_MAX + 1] = {0};
    const size_t count = m->bytes < sizeof in - 1 ? (size_t)m->bytes : sizeof in - 1;
    PWF_TRY(pwf_zip_read(zip, m, in, count));
    if (count < PREFIX || memcmp(in, magic, 6) != 0)
        return refuse(file, m, "does not begin with the magic of a .npy file");
    /* version 1 has two bytes of length, the later ones four */
    const size_t start = in[6] == 1 ? PREFIX - 2 : PREFIX;
    uint64_t length = (uint64_t)(in[8] | in[9] << 8);
    if (in[6] != 1) length |= (uint64_t)in[10] << 16 | (uint64_t)in[11] << 24;
    if (length > count - start) return refuse(file, m, "is truncated, or its header is too long");
    char *header = (char *)in + start;
    header[length] = '\0';
    *skip = start + length;
    PWF_TRY(read_type(file, m, header, &t->dtype));
    PWF_TRY(read_shape(file, m, header, t));
    const char *fortran = value_of(header, "'fortran_order'");
    if (!fortran || strncmp(fortran, "False", 5) != 0)
        return refuse(file, m, "is stored in Fortran order: save numpy.ascontiguousarray(x)");
    return pwf_ok();
}

/* ---- the archive ---- */

/* Adds the tensor of one member; its bytes must fit its shape. */
static pwf_status add_member(pwf_weights_file *file, archive *a, int i)
{
    const pwf_zip_member *m = &a->zip.member[i];
    const size_t length = strlen(m->name);
    pwf_named_tensor t = {.dims = 0};
    int64_t bytes = 0;
    PWF_FAIL_IF(!ends(m->name, length, ".npy"), PWF_DATA,
                "%s: its member %s is not an array: numpy.savez writes only .npy files", file->path,
                m->name);
    PWF_TRY(read_header(file, &a->zip, m, &t, &a->skip[i]));
    PWF_TRY(pwf_weights_add(file, m->name, length - strlen(".npy"), &t, &(pwf_weights_place){0}));
    if (__builtin_mul_overflow(file->tensor[i].count, pwf_dtype_size(t.dtype), &bytes) ||
        (uint64_t)bytes != m->bytes - a->skip[i])
        return refuse(file, m, "has a size in bytes that does not match its shape");
    return pwf_ok();
}

/* Every member must be an array. */
static pwf_status list_tensors(pwf_weights_file *file)
{
    pwf_zip zip = {.fd = file->fd, .path = file->path, .bytes = file->bytes, .deflated = true};
    pwf_status s = pwf_zip_list(&zip);
    archive *a = NULL;
    if (s.code == PWF_OK)
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *a + (size_t)zip.count * sizeof a->skip[0],
                          &a);
    if (s.code != PWF_OK) {
        pwf_zip_free(&zip);
        return s;
    }
    /* from here on close_archive frees it */
    a->zip = zip;
    file->own = a;
    for (int i = 0; i < zip.count; i++)
        PWF_TRY(add_member(file, a, i));
    return pwf_ok();
}

/* Unpacks the whole member, which also verifies its checksum. */
static pwf_status read_values(const pwf_weights_file *file, int index, float *out, int64_t *rounded)
{
    const archive *a = file->own;
    const pwf_named_tensor *t = &file->tensor[index];
    const pwf_zip_member *m = &a->zip.member[index];
    unsigned char *bytes = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)m->bytes, 1, &bytes));
    const pwf_status s = pwf_zip_read(&a->zip, m, bytes, (size_t)m->bytes);
    if (s.code == PWF_OK)
        pwf_tensor_convert(t->dtype, bytes + a->skip[index], t->count, out, rounded);
    pwf_mem_free(bytes);
    return s;
}

/* Frees what list_tensors has kept. */
static void close_archive(pwf_weights_file *file)
{
    archive *a = file->own;
    if (!a) return;
    pwf_zip_free(&a->zip);
    pwf_mem_free(a);
}

const pwf_reader pwf_reader_npz = {.name = "NumPy",
                                   .recognise = recognise,
                                   .list = list_tensors,
                                   .read = read_values,
                                   .close = close_archive};
