/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels of the exact sums, compiled once per instruction set and called through exact.c. Only
 * AVX-512 converts between fp32 and 64-bit integers in one instruction. The others add a constant
 * that moves the integer into the low bits of a double; the rounding of this addition is the
 * rounding that exact.h promises. Pure functions. */
#include "exact_kernels.h"

#include "pwf/core/bits.h"
#include "pwf/mesh/exact.h"

/* x = value / unit has |x| < 2^55. x + 1.5 2^56 rounds it to a multiple of 16, h, and its low bits
 * are h / 16; the rest |x - h| <= 8 is exact, and adding 1.5 2^52 rounds that to an integer, half
 * to even. As h is even, the sum of both is x rounded half to even. */
bool PWF_KERNEL(pwf_exact_add)(int64_t *sum, const float *value, int64_t count)
{
    const double high = 0x1.8p+56, low = 0x1.8p+52;
    const uint64_t zero = (pwf_double_bits(high) << 4) + pwf_double_bits(low);
    int32_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t b = (int32_t)pwf_float_bits(value[i]);
        /* Also true of infinities and NaN. */
        const int32_t large = (b & 0x7fffffff) >= 0x45000000 ? -1 : 0; /* 2^11 */
        bad |= large;
        b &= ~large;
        const double x = (double)pwf_float_of((uint32_t)b) * 0x1p+44, t = x + high;
        const double rest = x - (t - high);
        const uint64_t q = (pwf_double_bits(t) << 4) + pwf_double_bits(rest + low) - zero;
        sum[i] = (int64_t)((uint64_t)sum[i] + q);
    }
    return bad == 0;
}

/* Sums below 2^53 units are exact as doubles, so the step to fp32 is the only rounding. In groups
 * that hold a larger one the compiler's own conversion rounds from 64 bits at once. The scaling is
 * exact: results other than 0 lie between 2^-44 and 2^19. */
void PWF_KERNEL(pwf_exact_value)(float *value, const int64_t *sum, int64_t count)
{
    enum { GROUP = 64 };
    const double low = 0x1p+52, high = 0x1p+84 + 0x1p+63 + 0x1p+52;
    for (int64_t base = 0; base < count; base += GROUP) {
        const int64_t n = count - base < GROUP ? count - base : GROUP;
        const int64_t *s = sum + base;
        float *v = value + base;
        uint64_t seen = 0;
        for (int64_t i = 0; i < n; i++)
            seen |= (uint64_t)s[i] + ((uint64_t)1 << 53);
        if (seen >> 54 != 0) {
            for (int64_t i = 0; i < n; i++)
                v[i] = (float)s[i] * 0x1p-44f;
            continue;
        }
        for (int64_t i = 0; i < n; i++) {
            /* The halves as 2^52 + low half and 2^84 + 2^32 (high half + 2^31). */
            const uint64_t u = (uint64_t)s[i] ^ (uint64_t)1 << 63;
            const double a = pwf_double_of((u & 0xffffffffu) | pwf_double_bits(low));
            const double b = pwf_double_of(u >> 32 | pwf_double_bits(0x1p+84));
            v[i] = (float)((b - high + a) * 0x1p-44);
        }
    }
}
