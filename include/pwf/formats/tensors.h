/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_TENSORS_H
#define PWF_FORMATS_TENSORS_H

#include <stdint.h>

/** Named tensors as weight files describe them. */

typedef enum pwf_dtype {
    PWF_DTYPE_F32,
    PWF_DTYPE_F16,
    PWF_DTYPE_BF16,
    PWF_DTYPE_F64,
    PWF_DTYPE_I64, /* from here on known, but not read as weights */
    PWF_DTYPE_U64,
    PWF_DTYPE_I32,
    PWF_DTYPE_U32,
    PWF_DTYPE_I16,
    PWF_DTYPE_U16,
    PWF_DTYPE_I8,
    PWF_DTYPE_U8,
    PWF_DTYPE_BOOL,
    PWF_DTYPE_F8_E4M3,
    PWF_DTYPE_F8_E5M2,
    PWF_DTYPES
} pwf_dtype;

enum { PWF_TENSOR_DIMS = 8, PWF_TENSOR_NAME = 256 };

typedef struct pwf_named_tensor {
    char *name; /* 1 to PWF_TENSOR_NAME printable bytes */
    pwf_dtype dtype;
    int dims; /* 0: a single number */
    int64_t shape[PWF_TENSOR_DIMS];
    int64_t count; /* product of shape */
} pwf_named_tensor;

/** The name of a type ("F32", "BF16", ...) and the bytes of one value.
 * Local. */
const char *pwf_dtype_name(pwf_dtype dtype);
int pwf_dtype_size(pwf_dtype dtype);

/** Writes a shape as "[64, 3, 7, 7]".
 * Local. */
enum { PWF_SHAPE_TEXT = 180 };
void pwf_shape_text(int dims, const int64_t *shape, char text[PWF_SHAPE_TEXT]);

#endif
