/* SPDX-License-Identifier: BSD-3-Clause */
/* Hardswish, a piecewise form of x sigmoid(x) without an exponential (Howard et al. 2019,
 * arXiv:1905.02244); compiled once per instruction set, called through pwf_kernels. The factor is
 * divided by 6 before it is multiplied by x, so that y is exactly x from 3 on. */
#include "functions.h"
#include "tables.h"

void PWF_KERNEL(pwf_hardswish_forward)(float *y, const float *x, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
        const float moved = x[i] + 3.0f, factor = (moved > 6.0f ? 6.0f : moved) / 6.0f;
        y[i] = x[i] <= -3.0f ? 0.0f : x[i] * factor; /* also for -infinity; NaN stays NaN */
    }
}

/* dy/dx of the middle piece x (x + 3) / 6 is x / 3 + 1/2. At +-3 the outer slopes are taken. */
static inline float slope(float x)
{
    const float middle = fmaf(x, 0x1.555556p-2f, 0.5f);
    return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : middle;
}

void PWF_KERNEL(pwf_hardswish_backward)(float *dx, bool add, const float *dy, const float *x,
                                        int64_t count)
{
    PWF_EACH_GRADIENT(dx, add, i, count, dy[i] * slope(x[i]))
}
