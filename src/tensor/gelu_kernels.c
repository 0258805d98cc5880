/* SPDX-License-Identifier: BSD-3-Clause */
/* GELU, x times the normal distribution function of x (Hendrycks and Gimpel 2016), exactly and not
 * by its tanh approximation; compiled once per instruction set, called through pwf_kernels. The
 * forward pass stores the slope, so that backward needs neither x nor y. */
#include "functions.h"
#include "tables.h"

/* The polynomial gives an arbitrary number for NaN, so NaN is passed through. */
void PWF_KERNEL(pwf_cdf)(float *y, const float *x, int64_t count)
{
    float density;
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] != x[i] ? x[i] : pwf_normal_cdf(x[i], &density);
}

/* dy/dx = cdf(x) + x density(x) */
void PWF_KERNEL(pwf_gelu_forward)(float *y, float *slope, const float *x, int64_t count)
{
    float density;
    if (slope) {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++) {
            const float v = x[i], cdf = pwf_normal_cdf(v, &density);
            y[i] = v * cdf;
            slope[i] = fmaf(v, density, cdf);
        }
    } else {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] * pwf_normal_cdf(x[i], &density);
    }
}

void PWF_KERNEL(pwf_gelu_backward)(float *dx, bool add, const float *dy, const float *slope,
                                   int64_t count)
{
    PWF_EACH_GRADIENT(dx, add, i, count, dy[i] * slope[i])
}
