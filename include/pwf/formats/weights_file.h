/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_WEIGHTS_FILE_H
#define PWF_FORMATS_WEIGHTS_FILE_H

#include "pwf/core/json.h"

#include <stdbool.h>
#include <stdint.h>

/** Files of named tensors from other programs: safetensors, and what PyTorch's torch.save makes of
 * a state dict. Both are untrusted: docs/reference/weight-files.md has the limits. Nothing in them
 * is executed. */

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

typedef struct pwf_weights_file pwf_weights_file;

/** Opens a file and reads the list of its tensors; the format is told by its first bytes.
 * Local. The caller owns it. Fails with PWF_MISSING, PWF_DENIED, PWF_IO, PWF_RESOURCE, or PWF_DATA
 * with a sentence that says what is wrong with the file; *out is then NULL. */
pwf_status pwf_weights_open(const char *path, pwf_weights_file **out);
void pwf_weights_close(pwf_weights_file *file);

/** The tensors, in the order of the file.
 * Local. */
int pwf_weights_count(const pwf_weights_file *file);
const pwf_named_tensor *pwf_weights_tensor(const pwf_weights_file *file, int index);

/** "safetensors" or "PyTorch", and where in the file the tensors were found: "" or a key such as
 * "model".
 * Local. */
const char *pwf_weights_format(const pwf_weights_file *file);
const char *pwf_weights_inside(const pwf_weights_file *file);

/** Calls `visit` for each member of safetensors' metadata.
 * Local. Fails with what `visit` returns. */
pwf_status pwf_weights_metadata(const pwf_weights_file *file, pwf_json_visit visit, void *context);

/** Reads a tensor's `count` values, row-major, as fp32. F16 and BF16 are widened exactly; F64 is
 * rounded to nearest, and *rounded grows by the number of values that this changed.
 * Local. Fails with PWF_IO, or PWF_DATA if it is of another kind. */
pwf_status pwf_weights_read(const pwf_weights_file *file, int index, float *out, int64_t *rounded);

/** "F32", "BF16", ...
 * Local. */
const char *pwf_dtype_name(pwf_dtype dtype);
int pwf_dtype_size(pwf_dtype dtype);

/** Writes a shape as "[64, 3, 7, 7]".
 * Local. */
enum { PWF_SHAPE_TEXT = 180 };
void pwf_shape_text(int dims, const int64_t *shape, char text[PWF_SHAPE_TEXT]);

#endif
