/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_FUNCTIONS_H
#define PWF_SRC_TENSOR_FUNCTIONS_H

#include "pwf/core/bits.h"

#include <math.h>

/* exp, log and erf of our own: libm's differ from machine to machine. */

/* Iterations of the next loop do not depend on each other, though arrays may be the same. */
#if defined(__clang__)
#define PWF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PWF_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* e^x = 2^k e^r, r in [-ln2/2, ln2/2], Taylor's polynomial of degree 7 (remainder 5e-9 relative).
 * Below -87 it is 0 and above 88 infinity: no denormals. NaN stays. */
static inline float pwf_exp(float x)
{
    const float clamped = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    /* Adding and taking away 3 * 2^22 rounds to an integer, also readable from the low bits. */
    const float shifted = fmaf(clamped, 0x1.715476p+0f, 0x1.8p23f);
    const float k = shifted - 0x1.8p23f;
    const float r = fmaf(k, 0x1.05c610p-29f, fmaf(k, -0x1.62e430p-1f, clamped));
    float p = 0x1.a01a02p-13f;
    p = fmaf(p, r, 0x1.6c16c2p-10f);
    p = fmaf(p, r, 0x1.111112p-7f);
    p = fmaf(p, r, 0x1.555556p-5f);
    p = fmaf(p, r, 0x1.555556p-3f);
    p = fmaf(p, r, 0.5f);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    const float power = pwf_float_of((pwf_float_bits(shifted) + 127u) << 23);
    const float y = p * power;
    return x < -87.0f ? 0.0f : x > 88.0f ? INFINITY : y;
}

/* ln x for normal positive x: x = m 2^e, m in [sqrt(1/2), sqrt 2), f = m - 1; ln 2 in
 * two parts. Others give NaN or their limits. */
static inline float pwf_log(float x)
{
    float n;
    const float f = pwf_log_split(x, &n), f2 = f * f;
    const float tail = fmaf(n, -0x1.05c610p-29f, fmaf(pwf_log_polynomial(f) * f, f2, -0.5f * f2));
    const float y = fmaf(n, 0x1.62e430p-1f, f + tail);
    return x > 0.0f ? x < INFINITY ? y : INFINITY : x < 0.0f ? NAN : x == 0.0f ? -INFINITY : x;
}

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
