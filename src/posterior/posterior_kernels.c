/* SPDX-License-Identifier: BSD-3-Clause */
/* The element loops of the posterior, compiled once per instruction set, with the same bits in
 * each. Called by posterior.c on any thread. Pure functions of their arguments. Selections are
 * written as blends of two finished values, so that the loops vectorise. */
#include "posterior_kernels.h"

#include "pwf/core/bits.h"
#include "pwf/posterior/posterior.h"

#include <math.h>

/* With the operands in this order, a NaN in sigma is returned. */
static inline float floored(float sigma)
{
    return sigma < PWF_SIGMA_FLOOR ? PWF_SIGMA_FLOOR : sigma;
}

static void draw(float *restrict weights, const float *restrict mu, const float *restrict sigma,
                 const float *restrict eps, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        weights[i] = fmaf(floored(sigma[i]), eps[i], mu[i]);
}

/* The upper 16 bits of bits + below, as a number; `below` determines the rounding of the lower
 * half. Nothing is added to Inf and NaN, so Inf stays Inf and a quiet NaN stays NaN. */
static inline float upper_half(uint32_t bits, uint32_t below)
{
    const uint32_t added = (bits & 0x7fffffffu) < 0x7f800000u ? below : 0u;
    return pwf_float_of((bits + added) & 0xffff0000u);
}

/* Stochastic rounding to bf16: the lower half of the bits, divided by 2^16, is the probability that
 * adding a random 16-bit number carries into the upper half. */
static void draw_rounded(float *restrict weights, const float *restrict mu,
                         const float *restrict sigma, const float *restrict eps,
                         const uint16_t *restrict random, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const float w = fmaf(floored(sigma[i]), eps[i], mu[i]);
        weights[i] = upper_half(pwf_float_bits(w), random[i]);
    }
}

static void round_nearest(float *restrict weights, const float *restrict mu, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const uint32_t bits = pwf_float_bits(mu[i]);
        weights[i] = upper_half(bits, 0x7fffu + (bits >> 16 & 1u));
    }
}

static void loss(float *restrict dmu, float *restrict dsigma, const float *restrict sigma,
                 const int16_t *restrict code, const float *restrict eps, int64_t count)
{
    if (!eps) {
        for (int64_t i = 0; i < count; i++) {
            dmu[i] = code[i] < 0 ? dmu[i] : 0.0f;
            dsigma[i] = 0.0f;
        }
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        const float dw = code[i] < 0 ? dmu[i] : 0.0f;
        const float ds = eps[i] * dw;
        dmu[i] = dw;
        dsigma[i] = sigma[i] < PWF_SIGMA_FLOOR || code[i] >= 0 ? 0.0f : ds;
    }
}

static void pull(float *restrict dsigma, const float *restrict sigma, const int16_t *restrict code,
                 const float *restrict eps, int64_t count, float weight, float target,
                 bool fixed_too)
{
    const int16_t first_kept = fixed_too ? INT16_MAX : 0;
    for (int64_t i = 0; i < count; i++) {
        const float gap = target - sigma[i];
        const float force = weight * (gap > 0.0f ? gap : 0.0f);
        const float pulled = fmaf(-force, fabsf(eps[i]), dsigma[i]);
        dsigma[i] = code[i] < first_kept ? pulled : dsigma[i];
    }
}

/* The order of the sum is part of the numerics contract: element i of each array goes to partial
 * sum i % 64, first all of dmu, then all of dsigma; then the upper half of the partial sums is
 * added to the lower half until one is left. The square of a float is exact in double. */
enum { LANES = 64 };

static inline void add_squares(double *restrict lane, const float *restrict x, int64_t count)
{
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += (double)x[i + j] * (double)x[i + j];
    for (int j = 0; i + j < count; j++)
        lane[j] += (double)x[i + j] * (double)x[i + j];
}

static double squares(const float *dmu, int64_t mus, const float *dsigma, int64_t sigmas)
{
    double lane[LANES] = {0};
    add_squares(lane, dmu, mus);
    add_squares(lane, dsigma, sigmas);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

const pwf_posterior_kernels PWF_KERNEL(pwf_posterior_kernels) = {draw, draw_rounded, round_nearest,
                                                                 loss, pull,         squares};
