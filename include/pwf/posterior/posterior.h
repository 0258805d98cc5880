/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_POSTERIOR_POSTERIOR_H
#define PWF_POSTERIOR_POSTERIOR_H

#include "pwf/core/pool.h"
#include "pwf/core/rng.h"
#include "pwf/posterior/config.h"
#include "pwf/posterior/state.h"

/** Start values, sampling and gradients of the posterior (docs/explanation/method.md, section 1).
 */

/* Sampling uses at least this sigma. */
#define PWF_SIGMA_FLOOR 0x1p-30f

/** Sets sigma of the rank's range from the means, per tensor, with a quantile over the whole
 * tensor. `full_mu`: all means [total]. Allocates 8 bytes per element of the largest tensor that
 * overlaps the range.
 * Local. Fails with PWF_RESOURCE, or PWF_NUMBERS if a mean of such a tensor is not finite; sigma is
 * then partly set. Exact: the same bits for any sharding and instruction set. */
pwf_status pwf_posterior_start_sigma(pwf_state *state, const pwf_posterior_config *config,
                                     const float *full_mu);

/** Samples the weights of the rank's range: mu + max(sigma, 2^-30) * eps, with one rounding. Plain
 * parameters are copied. With `rounded`, each sampled weight is rounded stochastically to bf16 by
 * 16 bits of the stream PWF_RNG_ROUND of the same step and sample; its mean over these bits is the
 * unrounded weight. A weight above 3.39e38, the largest bf16 number, may become infinite. weights
 * [own.hi - own.lo].
 * Local. Exact: the same bits on every instruction set. */
void pwf_posterior_sample(const pwf_state *state, pwf_pool *pool, pwf_stream noise, bool rounded,
                          float *weights);

/** Copies the means of the rank's range to weights [own.hi - own.lo]. With `rounded`, those with a
 * posterior are rounded to the nearest bf16 number, ties to even.
 * Local. Exact: the same bits on every instruction set. */
void pwf_posterior_means(const pwf_state *state, pwf_pool *pool, bool rounded, float *weights);

/** Computes the gradients of mu and sigma, regulariser included, from the summed loss gradient
 * `sum` [own.hi - own.lo] in exact units, and the sum of their squares per block. Fixed weights get
 * 0; with `reference` they are regularised too. `noise` NULL: training without a posterior; dsigma
 * is then 0. dmu [own.hi - own.lo]; dsigma [own_posterior.hi - own_posterior.lo]; norm [blocks],
 * squares added in double in a fixed order.
 * Local. Exact: the same bits on every instruction set. */
void pwf_posterior_gradient(const pwf_state *state, const pwf_posterior_config *config,
                            bool reference, pwf_pool *pool, const pwf_stream *noise,
                            const int64_t *sum, float *dmu, float *dsigma, double *norm);

typedef struct pwf_measures {
    int64_t unique;                  /* distinct values; -0 counts as 0 */
    double entropy, entropy_nonzero; /* bits per value: of all values, of the non-zero ones */
} pwf_measures;

/** Unique values and entropy of values [count]. Sorts a copy: allocates 8 bytes per value.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_posterior_measures(const float *values, int64_t count, pwf_measures *out);

#endif
