/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_ATTENTION_H
#define PWF_TENSOR_ATTENTION_H

#include "pwf/core/status.h"
#include "pwf/tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Softmax attention of one head of one image (Vaswani et al. 2017). With Q, K, V [tokens, depth]
 *     y = softmax(Q K' / sqrt(depth)) V
 * computed in blocks of rows; each row of y is divided by the sum of its exponentials at the end.
 */

/* Strides are the distances between tokens, in elements: of q, k, v and their gradients, and of y
 * and its gradient. */
typedef struct pwf_attention {
    pwf_tensor_backend backend;
    int64_t tokens, depth;
    int64_t stride_qkv, stride_y;
    pwf_precision precision;
} pwf_attention;

/** Checks that the back end supports the sizes, strides and precision.
 * Local. Fails with PWF_CONFIG. */
pwf_status pwf_attention_check(const pwf_attention *shape);

/** Bytes, multiples of 64, that forward saves for backward; and of the workspace of either,
 * undefined between calls. Both arrays are aligned to 64.
 * Local. */
size_t pwf_attention_saved(const pwf_attention *shape);
size_t pwf_attention_workspace(const pwf_attention *shape, bool backward);

/** y from q, k and v; arrays do not overlap. `saved` is NULL if no backward follows.
 * Local. Fails with PWF_BUG if a library call fails; y is then undefined. The bits follow the
 * products of matmul.h. */
pwf_status pwf_attention_forward(const pwf_attention *shape, float *y, void *saved, const float *q,
                                 const float *k, const float *v, void *workspace);

/* What backward reads: the arrays of forward, dy and `saved`. */
typedef struct pwf_attention_past {
    const float *q, *k, *v, *y, *dy;
    const void *saved;
} pwf_attention_past;

/** dq, dk, dv = the gradients of q, k and v, or += these if `add` is set.
 * Local. Fails as forward. */
pwf_status pwf_attention_backward(const pwf_attention *shape, float *dq, float *dk, float *dv,
                                  bool add, const pwf_attention_past *past, void *workspace);

#endif
