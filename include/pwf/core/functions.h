/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_FUNCTIONS_H
#define PWF_CORE_FUNCTIONS_H

#include "pwf/core/bits.h"

/** exp and log with the same bits on every machine, which libm does not guarantee. Inline, so that
 * loops over them vectorise. */

/** e^x = 2^k e^r, r in [-ln2/2, ln2/2], for x in [-87, 88]; 0 at -88; NaN for NaN. The minimax
 * polynomial has a relative error of 2e-8 and is evaluated in independent parts to shorten the
 * dependency chain.
 * Local; any thread. The same bits everywhere. */
static inline float pwf_exp_within(float x)
{
    /* Adding and subtracting 3 * 2^22 rounds to an integer, which is also in the low bits. */
    const float shifted = fmaf(x, 0x1.715476p+0f, 0x1.8p23f), k = shifted - 0x1.8p23f;
    const float r = fmaf(k, 0x1.05c610p-29f, fmaf(k, -0x1.62e430p-1f, x)), r2 = r * r;
    const float high = fmaf(r2, 0x1.6ae710p-10f, fmaf(r, 0x1.1267a4p-7f, 0x1.555822p-5f));
    const float low = fmaf(high, r2, fmaf(r, 0x1.55541ap-3f, 0x1.fffffcp-2f));
    const float p = 1.0f + fmaf(low, r2, r);
    return p * pwf_float_of((pwf_float_bits(shifted) + 127u) << 23);
}

/** e^x for x <= 88; 0 below -87, so that there are no denormals; NaN for NaN.
 * Local; any thread. The same bits everywhere. */
static inline float pwf_exp_below(float x)
{
    const float y = pwf_exp_within(x);
    return x < -87.0f ? 0.0f : y;
}

/** e^x for any x; infinity above 88; otherwise as pwf_exp_below.
 * Local; any thread. The same bits everywhere. */
static inline float pwf_exp(float x)
{
    const float y = pwf_exp_below(x);
    return x > 88.0f ? INFINITY : y;
}

/** ln x for normal positive x: x = m 2^e, m in [sqrt(1/2), sqrt 2), f = m - 1; ln 2 in
 * two parts. For other x the limit or NaN.
 * Local; any thread. The same bits everywhere. */
static inline float pwf_ln(float x)
{
    float n;
    const float f = pwf_log_split(x, &n), f2 = f * f;
    const float tail = fmaf(n, -0x1.05c610p-29f, fmaf(pwf_log_polynomial(f) * f, f2, -0.5f * f2));
    const float y = fmaf(n, 0x1.62e430p-1f, f + tail);
    return x > 0.0f ? x < INFINITY ? y : INFINITY : x < 0.0f ? NAN : x == 0.0f ? -INFINITY : x;
}

#endif
