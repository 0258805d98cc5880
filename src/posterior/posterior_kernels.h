/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_POSTERIOR_POSTERIOR_KERNELS_H
#define PWF_POSTERIOR_POSTERIOR_KERNELS_H

#include "pwf/core/isa.h"

#include <stdbool.h>
#include <stdint.h>

/* The element loops of the posterior for one instruction set. No two arrays overlap. `code` >= 0
 * marks a fixed weight. */
typedef struct pwf_posterior_kernels {
    /* weights = mu + max(sigma, 2^-30) * eps */
    void (*draw)(float *weights, const float *mu, const float *sigma, const float *eps,
                 int64_t count);
    /* the same, rounded stochastically to bf16 by 16 random bits; the mean is preserved */
    void (*draw_rounded)(float *weights, const float *mu, const float *sigma, const float *eps,
                         const uint16_t *random, int64_t count);
    /* weights = the bf16 number nearest to mu, ties to even */
    void (*round)(float *weights, const float *mu, int64_t count);
    /* dmu is dL/dw on entry and exit; dsigma = eps * dL/dw, 0 where sigma is below its floor. Fixed
     * weights get 0 in both. `eps` NULL: dsigma = 0 */
    void (*loss)(float *dmu, float *dsigma, const float *sigma, const int16_t *code,
                 const float *eps, int64_t count);
    /* dsigma -= weight * max(0, target - sigma) * |eps|; for fixed weights only if `fixed_too` */
    void (*pull)(float *dsigma, const float *sigma, const int16_t *code, const float *eps,
                 int64_t count, float weight, float target, bool fixed_too);
    /* sum of squares of both arrays, in the order that posterior_kernels.c defines */
    double (*squares)(const float *dmu, int64_t mus, const float *dsigma, int64_t sigmas);
} pwf_posterior_kernels;

extern const pwf_posterior_kernels pwf_posterior_kernels_base, pwf_posterior_kernels_avx2,
    pwf_posterior_kernels_avx512;

#endif
