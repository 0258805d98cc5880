/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_ADAMW_H
#define PWF_OPTIM_ADAMW_H

#include <stdint.h>

/** AdamW (Loshchilov and Hutter, ICLR 2019) on flat slices, as PyTorch's torch.optim.AdamW. */

typedef struct pwf_adamw {
    float lr, beta1, beta2, eps, weight_decay;
    int64_t step; /* updates since the moments were zero, this one included: from 1 */
} pwf_adamw;

/** One update of `count` elements, with g = scale * gradient and t = settings.step:
 *   x -= lr * weight_decay * x;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *   x -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
 * Elements whose code >= 0 are left alone; `code` NULL: none.
 * Local; any thread, one per element range. Arrays do not overlap. Same bits on every instruction
 * set; the powers are computed without libm. */
void pwf_adamw_update(float *x, float *m, float *v, const float *gradient, const int16_t *code,
                      int64_t count, float scale, pwf_adamw settings);

#endif
