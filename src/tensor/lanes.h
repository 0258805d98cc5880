/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_LANES_H
#define PWF_SRC_TENSOR_LANES_H

#include "functions.h"

/* Sixteen floats in the registers of the instruction set that a kernel file is compiled for: one of
 * AVX-512, two of AVX2, or an array. For sums along a row, which compilers do not keep in
 * registers. The three variants below give the same bits; the comments of the first hold for all.
 */

enum { PWF_LANES = 16 };

#if defined(__AVX512F__)

#include <immintrin.h>

typedef __m512 pwf_lanes;

static inline pwf_lanes pwf_lanes_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void pwf_lanes_store(float *p, pwf_lanes v)
{
    _mm512_storeu_ps(p, v);
}

static inline pwf_lanes pwf_lanes_of(float x)
{
    return _mm512_set1_ps(x);
}

#define PWF_LANES_PAIRWISE(name, operation)                                                        \
    static inline pwf_lanes pwf_lanes_##name(pwf_lanes a, pwf_lanes b)                             \
    {                                                                                              \
        return operation(a, b);                                                                    \
    }
PWF_LANES_PAIRWISE(add, _mm512_add_ps)
PWF_LANES_PAIRWISE(subtract, _mm512_sub_ps)
PWF_LANES_PAIRWISE(multiply, _mm512_mul_ps)
PWF_LANES_PAIRWISE(greater, _mm512_max_ps) /* a where it is greater than b, else b; b if a is NaN */

static inline pwf_lanes pwf_lanes_fma(pwf_lanes a, pwf_lanes b, pwf_lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* 2^k, where x is 3 * 2^22 + k for an integer k of [-126, 127]; 0 for -127. */
static inline pwf_lanes pwf_lanes_power(pwf_lanes x)
{
    const __m512i place = _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(place, 23));
}

/* The first n <= 16 floats at p, then `rest`. */
static inline pwf_lanes pwf_lanes_load_first(const float *p, int64_t n, float rest)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(rest), (__mmask16)((1u << n) - 1u), p);
}

static inline void pwf_lanes_store_first(float *p, pwf_lanes v, int64_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), v);
}

/* The sum in double: the upper half is added to the lower until one is left. */
static inline double pwf_lanes_sum(pwf_lanes v)
{
    const __m512d eight = _mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(v)),
                                        _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
    const __m256d four =
        _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

/* The largest lane; no lane may be NaN. */
static inline float pwf_lanes_top(pwf_lanes v)
{
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* ---- AVX2: lanes 0 to 7 are `low` ---- */
#elif defined(__AVX2__)

#include <immintrin.h>

typedef struct pwf_lanes {
    __m256 low, high;
} pwf_lanes;

static inline pwf_lanes pwf_lanes_load(const float *p)
{
    return (pwf_lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

static inline void pwf_lanes_store(float *p, pwf_lanes v)
{
    _mm256_storeu_ps(p, v.low);
    _mm256_storeu_ps(p + 8, v.high);
}

static inline pwf_lanes pwf_lanes_of(float x)
{
    return (pwf_lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

#define PWF_LANES_PAIRWISE(name, operation)                                                        \
    static inline pwf_lanes pwf_lanes_##name(pwf_lanes a, pwf_lanes b)                             \
    {                                                                                              \
        return (pwf_lanes){operation(a.low, b.low), operation(a.high, b.high)};                    \
    }
PWF_LANES_PAIRWISE(add, _mm256_add_ps)
PWF_LANES_PAIRWISE(subtract, _mm256_sub_ps)
PWF_LANES_PAIRWISE(multiply, _mm256_mul_ps)
PWF_LANES_PAIRWISE(greater, _mm256_max_ps)

static inline pwf_lanes pwf_lanes_fma(pwf_lanes a, pwf_lanes b, pwf_lanes c)
{
    return (pwf_lanes){_mm256_fmadd_ps(a.low, b.low, c.low),
                       _mm256_fmadd_ps(a.high, b.high, c.high)};
}

static inline pwf_lanes pwf_lanes_power(pwf_lanes x)
{
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i low = _mm256_add_epi32(_mm256_castps_si256(x.low), bias);
    const __m256i high = _mm256_add_epi32(_mm256_castps_si256(x.high), bias);
    return (pwf_lanes){_mm256_castsi256_ps(_mm256_slli_epi32(low, 23)),
                       _mm256_castsi256_ps(_mm256_slli_epi32(high, 23))};
}

static inline double pwf_lanes_sum(pwf_lanes v)
{
    const __m256d upper = _mm256_add_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(v.low, 1)),
                                        _mm256_cvtps_pd(_mm256_extractf128_ps(v.high, 1)));
    const __m256d lower = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(v.low)),
                                        _mm256_cvtps_pd(_mm256_castps256_ps128(v.high)));
    const __m256d four = _mm256_add_pd(lower, upper);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

static inline float pwf_lanes_top(pwf_lanes v)
{
    const __m256 eight = _mm256_max_ps(v.low, v.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

#else

typedef struct pwf_lanes {
    float at[PWF_LANES];
} pwf_lanes;

static inline pwf_lanes pwf_lanes_load(const float *p)
{
    pwf_lanes v;
    memcpy(v.at, p, sizeof v.at);
    return v;
}

static inline void pwf_lanes_store(float *p, pwf_lanes v)
{
    memcpy(p, v.at, sizeof v.at);
}

static inline pwf_lanes pwf_lanes_of(float x)
{
    pwf_lanes v;
    for (int j = 0; j < PWF_LANES; j++)
        v.at[j] = x;
    return v;
}

#define PWF_LANES_PAIRWISE(name, result)                                                           \
    static inline pwf_lanes pwf_lanes_##name(pwf_lanes a, pwf_lanes b)                             \
    {                                                                                              \
        for (int j = 0; j < PWF_LANES; j++)                                                        \
            a.at[j] = result;                                                                      \
        return a;                                                                                  \
    }
PWF_LANES_PAIRWISE(add, a.at[j] + b.at[j])
PWF_LANES_PAIRWISE(subtract, a.at[j] - b.at[j])
PWF_LANES_PAIRWISE(multiply, a.at[j] * b.at[j])
PWF_LANES_PAIRWISE(greater, a.at[j] > b.at[j] ? a.at[j] : b.at[j])

static inline pwf_lanes pwf_lanes_fma(pwf_lanes a, pwf_lanes b, pwf_lanes c)
{
    for (int j = 0; j < PWF_LANES; j++)
        c.at[j] = pwf_fma(a.at[j], b.at[j], c.at[j]);
    return c;
}

static inline pwf_lanes pwf_lanes_power(pwf_lanes x)
{
    for (int j = 0; j < PWF_LANES; j++)
        x.at[j] = pwf_float_of((pwf_float_bits(x.at[j]) + 127u) << 23);
    return x;
}

static inline double pwf_lanes_sum(pwf_lanes v)
{
    double sum[PWF_LANES];
    for (int j = 0; j < PWF_LANES; j++)
        sum[j] = (double)v.at[j];
    for (int half = PWF_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

static inline float pwf_lanes_top(pwf_lanes v)
{
    for (int j = 1; j < PWF_LANES; j++)
        v.at[0] = v.at[j] > v.at[0] ? v.at[j] : v.at[0];
    return v.at[0];
}

#endif

#if !defined(__AVX512F__)

static inline pwf_lanes pwf_lanes_load_first(const float *p, int64_t n, float rest)
{
    float all[PWF_LANES];
    for (int64_t j = 0; j < PWF_LANES; j++)
        all[j] = rest;
    for (int64_t j = 0; j < n; j++)
        all[j] = p[j];
    return pwf_lanes_load(all);
}

static inline void pwf_lanes_store_first(float *p, pwf_lanes v, int64_t n)
{
    float all[PWF_LANES];
    pwf_lanes_store(all, v);
    for (int64_t j = 0; j < n; j++)
        p[j] = all[j];
}

#endif

/* 2^x for x up to 127, by a polynomial of degree 6 on [-1/2, 1/2] (fitted in double precision; its
 * relative error is below 2e-8). Below -127 it is 0. NaN stays. */
static inline pwf_lanes pwf_lanes_exp2(pwf_lanes x)
{
    static const float c[] = {0x1.5f3e54p-10f, 0x1.3b2d4cp-7f, 0x1.c6aee8p-5f,
                              0x1.ebfbdcp-3f,  0x1.62e430p-1f, 1.0f};
    /* Adding and subtracting 3 * 2^22 rounds to an integer, also readable from the low bits. */
    const pwf_lanes far = pwf_lanes_of(0x1.8p23f);
    x = pwf_lanes_greater(pwf_lanes_of(-127.0f), x);
    const pwf_lanes shifted = pwf_lanes_add(x, far);
    const pwf_lanes r = pwf_lanes_subtract(x, pwf_lanes_subtract(shifted, far));
    pwf_lanes p = pwf_lanes_of(0x1.41fbbcp-13f);
    PWF_UNROLL
    for (int i = 0; i < 6; i++)
        p = pwf_lanes_fma(p, r, pwf_lanes_of(c[i]));
    return pwf_lanes_multiply(p, pwf_lanes_power(shifted));
}

#endif
