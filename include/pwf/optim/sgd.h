/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_SGD_H
#define PWF_OPTIM_SGD_H

#include <stdint.h>

/** Stochastic gradient descent with momentum on flat slices (docs/algorithm.md, section 2). */

typedef struct pwf_sgd {
    float lr, momentum, weight_decay;
} pwf_sgd;

/** min(1, limit / (norm + 1e-6)), the factor of gradient clipping; limit <= 0: 1. `squares` holds
 * the sums of squares per block, added here in block order in double.
 * Local. *norm gets the norm; it is not finite if a gradient was not. */
float pwf_clip_factor(const double *squares, int64_t blocks, double limit, double *norm);

/** One update of `count` elements:
 *   g = scale * gradient + weight_decay * x;  m = momentum * m + g;  x = x - lr * m
 * each line one fma per term. Elements whose code >= 0 are left alone; `code` NULL: none.
 * Local; any thread, one per element range. Same bits on every instruction set. */
void pwf_sgd_update(float *x, float *m, const float *gradient, const int16_t *code, int64_t count,
                    float scale, pwf_sgd settings);

#endif
