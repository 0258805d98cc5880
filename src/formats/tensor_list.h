/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_TENSOR_LIST_H
#define PWF_FORMATS_TENSOR_LIST_H

#include "pwf/formats/weights_file.h"

#include <stddef.h>

/** The list of tensors of an open weight file. */

enum { PWF_TENSORS_MAX = 100000, PWF_WEIGHTS_HEADER_MAX = 16 << 20 };

/** Adds a tensor; the name is copied, `count` is computed.
 * Local. Fails with PWF_DATA (name, too many, shape) or PWF_RESOURCE. */
pwf_status pwf_weights_add(pwf_weights_file *file, const char *name, size_t length,
                           const pwf_named_tensor *tensor, const pwf_weights_place *place);

/** Fails if two tensors have the same name.
 * Local. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_weights_check_unique(const pwf_weights_file *file);

/** Reads a tensor's values from its place, row-major, as fp32.
 * Local. Fails with PWF_IO, PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_weights_read_place(const pwf_weights_file *file, int index, float *out,
                                  int64_t *rounded);

/** Converts `count` stored little-endian values of type F32, F16, BF16 or F64 to fp32. F64 is
 * rounded to nearest, and *rounded grows by the number of values that this changed; the others are
 * exact.
 * Local. `in` may have any alignment. */
void pwf_tensor_convert(pwf_dtype dtype, const unsigned char *in, int64_t count, float *out,
                        int64_t *rounded);

#endif
