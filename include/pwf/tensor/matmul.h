/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_MATMUL_H
#define PWF_TENSOR_MATMUL_H

#include "pwf/core/status.h"
#include "pwf/tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Products of matrices inside larger arrays, as attention has them per image and head. */

/* y [rows, columns] from a [rows, inner] and b [inner, columns]. A stride is the distance between
 * rows of the array, in elements; a transposed matrix lies in memory with its axes exchanged. */
typedef struct pwf_matmul {
    int64_t rows, columns, inner;
    bool transpose_a, transpose_b;
    int64_t stride_y, stride_a, stride_b;
    pwf_precision precision;
} pwf_matmul;

/** Checks that the back end supports the sizes, strides and precision.
 * Local. Fails with PWF_CONFIG. */
pwf_status pwf_matmul_check(pwf_tensor_backend backend, const pwf_matmul *shape);

/** Bytes of workspace (aligned to 64) that a run needs, perhaps 0; undefined between calls.
 * Local. */
size_t pwf_matmul_workspace(pwf_tensor_backend backend, const pwf_matmul *shape);

/** y = factor * a * b, or y += that if `add` is set. y does not overlap a or b.
 * Local. Fails with PWF_BUG if a library call fails; y is then undefined. The bits do not depend
 * on the thread or the addresses; those of the plain back end and of the built-in product (auto, on
 * machines with an fma instruction) are the same everywhere. */
pwf_status pwf_matmul_run(pwf_tensor_backend backend, const pwf_matmul *shape, float *y, bool add,
                          float factor, const float *a, const float *b, void *workspace);

#endif
