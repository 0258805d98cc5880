/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_TENSOR_VALUES_H
#define PWF_FORMATS_TENSOR_VALUES_H

#include "pwf/formats/tensors.h"

/** Converts `count` stored little-endian values of type F32, F16, BF16 or F64 to fp32. F64 is
 * rounded to nearest, and *rounded grows by the number of values that this changed; the others are
 * exact.
 * Local. `in` may have any alignment. */
void pwf_tensor_convert(pwf_dtype dtype, const unsigned char *in, int64_t count, float *out,
                        int64_t *rounded);

#endif
