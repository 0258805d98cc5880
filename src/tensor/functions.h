/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_FUNCTIONS_H
#define PWF_SRC_TENSOR_FUNCTIONS_H

#include "pwf/core/functions.h"

#include <stdint.h>
#include <string.h>

/* More functions of our own than core has. */

/* Iterations of the next loop do not depend on each other, though arrays may be the same. */
#if defined(__clang__)
#define PWF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PWF_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* The next loop is short and of constant length: no loop is to remain. */
#if defined(__clang__)
#define PWF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PWF_UNROLL _Pragma("GCC unroll 8")
#endif

/* fma, also where there is no instruction for it: the sum in double, rounded to odd (its last bit
 * tells that something was lost), rounds to float as the exact sum does; Boldo and Melquiond, IEEE
 * Transactions on Computers 57 (2008). */
static inline float pwf_fma(float a, float b, float c)
{
#if defined(__FMA__)
    return fmaf(a, b, c);
#else
    const double product = (double)a * (double)b, addend = (double)c, sum = product + addend;
    const double back = sum - product, lost = (product - (sum - back)) + (addend - back);
    const int64_t up = (int64_t)(lost > 0.0) - (int64_t)(lost < 0.0);
    const int64_t away = sum < 0.0 ? -up : up;
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits += away & -(~bits & 1);
    double odd;
    memcpy(&odd, &bits, sizeof odd);
    return (float)odd;
#endif
}

/* The nearest bf16 number, the upper half of an fp32 one; of two the even one. As the instructions
 * have it, a denormal is a zero, and a NaN stays one. */
static inline uint16_t pwf_bf16_of(float x)
{
    const uint32_t bits = pwf_float_bits(x);
    const uint32_t size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
    const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const uint32_t number = size > 0x7f800000u ? bits >> 16 | 0x40u : nearest;
    return (uint16_t)(size < 0x00800000u ? sign : number);
}

/* The smaller of |x| and a positive number; of NaN that number. As integers, because that is one
 * instruction everywhere. */
static inline float pwf_least_size(float x, float most)
{
    const uint32_t size = pwf_float_bits(x) & 0x7fffffffu, limit = pwf_float_bits(most);
    return pwf_float_of(size < limit ? size : limit);
}

/* The normal distribution function of x, and *density its derivative. Beyond t = |x| the
 * distribution has e^(-t^2 / 2) r(t), where r is smooth: a polynomial about 2.75, best in its
 * relative error on [0, 5.5] (8e-8, fitted in double precision). Up to there the smaller of cdf(x)
 * and cdf(-x) has a relative error below 7e-7; further out it is off by less than 1e-9.
 * At 13.25 the exponential is 0, so further out there is nothing to select. Of NaN it makes some
 * number. */
static inline float pwf_normal_cdf(float x, float *density)
{
    const float t = pwf_least_size(x, 13.25f), bell = pwf_exp_within(-0.5f * t * t);
    const float v = pwf_least_size(x, 5.5f) - 2.75f;
    const float v2 = v * v, v4 = v2 * v2;
    float r3 = fmaf(v2, 0x1.193a76p-32f, fmaf(v, -0x1.b8f2f8p-30f, 0x1.e779bap-30f));
    float r2 = fmaf(v2, fmaf(v, -0x1.19567ap-28f, 0x1.89c800p-24f),
                    fmaf(v, -0x1.0c2132p-21f, 0x1.0e0f52p-19f));
    float r1 = fmaf(v2, fmaf(v, -0x1.3161cep-17f, 0x1.5ea062p-15f),
                    fmaf(v, -0x1.7b2c26p-13f, 0x1.87c0a0p-11f));
    float r = fmaf(v2, fmaf(v, -0x1.8383c8p-9f, 0x1.6c5ddep-7f),
                   fmaf(v, -0x1.432b34p-5f, 0x1.0bb96ap-3f));
    r2 = fmaf(r3, v4, r2);
    r1 = fmaf(r2, v4, r1);
    r = fmaf(r1, v4, r);
    const float tail = bell * r;
    *density = 0x1.988454p-2f * bell;
    return pwf_float_bits(x) >> 31 ? tail : 1.0f - tail;
}

#endif
