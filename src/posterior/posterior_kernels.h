/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_POSTERIOR_POSTERIOR_KERNELS_H
#define PWF_POSTERIOR_POSTERIOR_KERNELS_H

#include "pwf/core/isa.h"

#include <stdbool.h>
#include <stdint.h>

/* The element loops of the posterior. No two arrays overlap. `code` >= 0 marks a fixed weight.
 *
 * draw: weights = mu + max(sigma, 2^-30) * eps.
 * draw_rounded: the same, rounded stochastically to bf16 by 16 random bits; the mean is preserved.
 * round: weights = the bf16 number nearest to mu, ties to even.
 * loss: dmu is dL/dw on entry and exit; dsigma = eps * dL/dw, 0 where sigma is below its floor.
 *   Fixed weights get 0 in both. `eps` NULL: dsigma = 0.
 * pull: dsigma -= weight * max(0, target - sigma) * |eps|; for fixed weights only if `fixed_too`.
 * squares: sum of squares of both arrays, in the order that posterior_kernels.c defines. */
#define PWF_DECLARE(isa)                                                                           \
    void pwf_posterior_draw_##isa(float *weights, const float *mu, const float *sigma,             \
                                  const float *eps, int64_t count);                                \
    void pwf_posterior_draw_rounded_##isa(float *weights, const float *mu, const float *sigma,     \
                                          const float *eps, const uint16_t *random,                \
                                          int64_t count);                                          \
    void pwf_posterior_round_##isa(float *weights, const float *mu, int64_t count);                \
    void pwf_posterior_loss_##isa(float *dmu, float *dsigma, const float *sigma,                   \
                                  const int16_t *code, const float *eps, int64_t count);           \
    void pwf_posterior_pull_##isa(float *dsigma, const float *sigma, const int16_t *code,          \
                                  const float *eps, int64_t count, float weight, float target,     \
                                  bool fixed_too);                                                 \
    double pwf_posterior_squares_##isa(const float *dmu, int64_t mus, const float *dsigma,         \
                                       int64_t sigmas);
PWF_DECLARE(base)
PWF_DECLARE(avx2)
PWF_DECLARE(avx512)
#undef PWF_DECLARE

#endif
