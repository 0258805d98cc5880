/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set. */
#include "adamw_kernels.h"

#include <math.h>

void PWF_KERNEL(pwf_adamw_update)(float *restrict x, float *restrict m, float *restrict v,
                                  const float *restrict gradient, const int16_t *restrict code,
                                  int64_t count, pwf_adamw_factors f)
{
    for (int64_t i = 0; i < count; i++) {
        const float g = f.scale * gradient[i];
        const float moved = fmaf(f.rest1, g, f.beta1 * m[i]);
        const float spread = fmaf(f.rest2 * g, g, f.beta2 * v[i]);
        const float share = moved / fmaf(sqrtf(spread), f.root, f.eps);
        const float stepped = fmaf(-f.rate, share, f.keep * x[i]);
        /* Fixed elements are written back as they are: a blend vectorises, a branch does not. */
        const int go = !code || code[i] < 0;
        m[i] = go ? moved : m[i];
        v[i] = go ? spread : v[i];
        x[i] = go ? stepped : x[i];
    }
}
