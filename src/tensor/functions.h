/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_FUNCTIONS_H
#define PWF_SRC_TENSOR_FUNCTIONS_H

#include "pwf/core/functions.h"

/* More functions of our own than core has. */

/* Iterations of the next loop do not depend on each other, though arrays may be the same. */
#if defined(__clang__)
#define PWF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PWF_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* The error function, relative error below 2e-7. Near 0 it is x times a polynomial in x^2; further
 * out 1 - e^(t q(t) - t), t = |x|; from 4 on it is 1. Both polynomials are best in the relative
 * error of the result (fitted in double precision: 5e-10 and 7e-10). */
static inline float pwf_erf(float x)
{
    const float absolute = fabsf(x), t = absolute > 4.0f ? 4.0f : absolute, s = t * t;
    float p = 0x1.5ac332p-14f;
    p = fmaf(p, s, -0x1.a99ef6p-11f);
    p = fmaf(p, s, 0x1.54b5e4p-8f);
    p = fmaf(p, s, -0x1.b80cb4p-6f);
    p = fmaf(p, s, 0x1.ce2df4p-4f);
    p = fmaf(p, s, -0x1.812742p-2f);
    p = fmaf(p, s, 0x1.06eba8p-3f);
    float q = -0x1.8ef998p-17f;
    q = fmaf(q, t, 0x1.596c44p-12f);
    q = fmaf(q, t, -0x1.e0f670p-9f);
    q = fmaf(q, t, 0x1.8641a6p-6f);
    q = fmaf(q, t, -0x1.b36b78p-4f);
    q = fmaf(q, t, -0x1.452d3ep-1f);
    q = fmaf(q, t, -0x1.077e1ep-3f);
    const float near = fmaf(p, t, t), far = 1.0f - pwf_exp(fmaf(q, t, -t));
    return copysignf(t > 0.9375f ? far : near, x);
}

#endif
