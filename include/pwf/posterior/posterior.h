/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_POSTERIOR_POSTERIOR_H
#define PWF_POSTERIOR_POSTERIOR_H

#include "pwf/core/pool.h"
#include "pwf/core/rng.h"
#include "pwf/posterior/config.h"
#include "pwf/posterior/state.h"

/** Start values, sampling and gradients of the posterior (docs/explanation/method.md, section 1).
 */

#define PWF_SIGMA_FLOOR 0x1p-30f

/** Sets sigma of the own range from the means, per tensor (quantile over the whole tensor).
 * Local. `full_mu` holds all `total` means. Takes 8 bytes per element of the largest tensor that
 * meets the own range. Fails with PWF_RESOURCE, and with PWF_NUMBERS when a mean of such a tensor
 * is not finite; sigma is then partly set. Same bits for any sharding and instruction set. */
pwf_status pwf_posterior_start_sigma(pwf_state *state, const pwf_posterior_config *config,
                                     const float *full_mu);

/** Draws the weights of the own range: mu + max(sigma, 2^-30) * eps, one rounding; plain ones are
 * copied. With `rounded` each is then one of the two bf16 numbers around it, by 16 bits of the
 * stream PWF_RNG_ROUND of the same step and sample, so that its mean over these bits is exactly the
 * draw; beyond the largest bf16 number, 3.39e38, it may become infinite. `weights` points to the
 * element own.lo.
 * Local. Same bits on every instruction set. */
void pwf_posterior_sample(const pwf_state *state, pwf_pool *pool, pwf_stream noise, bool rounded,
                          float *weights);

/** The means of the own range as weights, those with a posterior rounded to the nearest bf16 number
 * (ties to even) if `rounded` says so. `weights` points to the element own.lo.
 * Local. Same bits on every instruction set. */
void pwf_posterior_means(const pwf_state *state, pwf_pool *pool, bool rounded, float *weights);

/** From the summed loss gradient of the own range (`sum` points to element own.lo, exact units)
 * to the gradients of mu and sigma, regulariser included, and the sum of their squares per block.
 * Fixed weights get 0, unless `reference`: then they too are regularised. `noise` NULL: ordinary
 * training without posterior; d sigma is then 0 throughout.
 * Local. dmu [own], dsigma [own_posterior]; `norm` has an entry per block of the own range, squares
 * added in double, in a fixed order. Same bits on every instruction set. */
void pwf_posterior_gradient(const pwf_state *state, const pwf_posterior_config *config,
                            bool reference, pwf_pool *pool, const pwf_stream *noise,
                            const int64_t *sum, float *dmu, float *dsigma, double *norm);

typedef struct pwf_measures {
    int64_t unique;                  /* distinct values, -0 counted as 0 */
    double entropy, entropy_nonzero; /* bits; without the zeros */
} pwf_measures;

/** Measures `count` values.
 * Local; sorts a copy: 8 bytes per value for a while. Fails with PWF_RESOURCE. */
pwf_status pwf_posterior_measures(const float *values, int64_t count, pwf_measures *out);

#endif
