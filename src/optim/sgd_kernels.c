/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set. */
#include "sgd_kernels.h"

#include <math.h>

void PWF_KERNEL(pwf_sgd_update)(float *restrict x, float *restrict m,
                                const float *restrict gradient, const int16_t *restrict code,
                                int64_t count, float scale, pwf_sgd s)
{
    if (!code) {
        for (int64_t i = 0; i < count; i++) {
            const float g = fmaf(s.weight_decay, x[i], scale * gradient[i]);
            m[i] = fmaf(s.momentum, m[i], g);
            x[i] = fmaf(-s.lr, m[i], x[i]);
        }
        return;
    }
    /* Fixed elements are written back as they are: a blend vectorises, a branch does not. */
    for (int64_t i = 0; i < count; i++) {
        const float g = fmaf(s.weight_decay, x[i], scale * gradient[i]);
        const float moved = fmaf(s.momentum, m[i], g);
        const float stepped = fmaf(-s.lr, moved, x[i]);
        m[i] = code[i] < 0 ? moved : m[i];
        x[i] = code[i] < 0 ? stepped : x[i];
    }
}
