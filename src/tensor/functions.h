/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_FUNCTIONS_H
#define PWF_SRC_TENSOR_FUNCTIONS_H

#include "pwf/core/functions.h"

#include <stdint.h>
#include <string.h>

/* Functions for kernel files beyond those of core/functions.h. They use no libm, so that all
 * machines give the same bits. */

/* The iterations of the next loop are independent, although an output may be one of the inputs. */
#if defined(__clang__)
#define PWF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PWF_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Stores a gradient element by element, or adds it: dx[i] = or += value for i below count, where
 * `value` may read dx[i]. */
#define PWF_EACH_GRADIENT(dx, add, i, count, value)                                                \
    if (add) {                                                                                     \
        PWF_INDEPENDENT                                                                            \
        for (int64_t i = 0; i < (count); i++)                                                      \
            (dx)[i] += (value);                                                                    \
    } else {                                                                                       \
        PWF_INDEPENDENT                                                                            \
        for (int64_t i = 0; i < (count); i++)                                                      \
            (dx)[i] = (value);                                                                     \
    }

/* Unrolls the next loop, which is short and of constant length, completely. */
#if defined(__clang__)
#define PWF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PWF_UNROLL _Pragma("GCC unroll 8")
#endif

/* fma, exact even without an instruction for it: the sum in double, rounded to odd (the last bit
 * records that something was lost), rounds to float as the exact sum does; Boldo and Melquiond,
 * IEEE Transactions on Computers 57 (2008). */
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

/* The nearest bf16 number, ties to even, as the upper half of an fp32 number. As in the
 * instructions, denormals become zeros and a NaN stays NaN. */
static inline uint16_t pwf_bf16_of(float x)
{
    const uint32_t bits = pwf_float_bits(x);
    const uint32_t size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
    const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const uint32_t number = size > 0x7f800000u ? bits >> 16 | 0x40u : nearest;
    return (uint16_t)(size < 0x00800000u ? sign : number);
}

/* The smaller of |x| and the positive number `most`; `most` for NaN. Compared as integers, which is
 * one instruction on every instruction set. */
static inline float pwf_least_size(float x, float most)
{
    const uint32_t size = pwf_float_bits(x) & 0x7fffffffu, limit = pwf_float_bits(most);
    return pwf_float_of(size < limit ? size : limit);
}

/* The normal distribution function of x, and its derivative in *density. With t = |x| the tail is
 * e^(-t^2 / 2) r(t), where r is smooth: a polynomial around 2.75 with the least relative error on
 * [0, 5.5] (8e-8, fitted in double precision). Up to 5.5 the smaller of cdf(x) and cdf(-x) has a
 * relative error below 7e-7; beyond, the absolute error is below 1e-9. From 13.25 on the
 * exponential is 0 and needs no selection. The result for NaN is unspecified. */
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
