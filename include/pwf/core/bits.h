/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_BITS_H
#define PWF_CORE_BITS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/** Bits of floating-point numbers, and the polynomial of the logarithm. Inline, so that loops over
 * them vectorise. */

/** The bits of a number, and the number with these bits.
 * Local; any thread. */
static inline uint32_t pwf_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float pwf_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/** A bf16 number, the upper half of an fp32 number, as fp32.
 * Local; any thread. Exact. */
static inline float pwf_bf16_value(uint16_t upper)
{
    return pwf_float_of((uint32_t)upper << 16);
}

static inline uint64_t pwf_double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double pwf_double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/** Splits a normal x > 0 into m 2^exponent with m in [sqrt(1/2), sqrt 2); returns f = m - 1.
 * Local; any thread. Exact. */
static inline float pwf_log_split(float x, float *exponent)
{
    const uint32_t bits = pwf_float_bits(x) - 0x3f3504f3u;
    *exponent = (float)((int32_t)bits >> 23);
    return pwf_float_of((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
}

/** P(f) of ln(1 + f) = f - f^2/2 + f^3 P(f), for f of pwf_log_split.
 * Local; any thread. Fitted to 2.2e-8 over the interval; the same bits everywhere. */
static inline float pwf_log_polynomial(float f)
{
    float p = 0x1.2c5642p-4f;
    p = fmaf(p, f, -0x1.dd96e8p-4f);
    p = fmaf(p, f, 0x1.dc8e76p-4f);
    p = fmaf(p, f, -0x1.fbc4e2p-4f);
    p = fmaf(p, f, 0x1.23dd18p-3f);
    p = fmaf(p, f, -0x1.55625cp-3f);
    p = fmaf(p, f, 0x1.999d36p-3f);
    p = fmaf(p, f, -0x1.ffffe6p-3f);
    return fmaf(p, f, 0x1.555554p-2f);
}

#endif
