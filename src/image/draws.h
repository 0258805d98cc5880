/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_DRAWS_H
#define PWF_SRC_IMAGE_DRAWS_H

#include "pwf/core/rng.h"
#include "pwf/image/transform.h"

/** Successive random numbers of one stream. Each purpose has its own stream, so what one draws does
 * not shift the numbers of another.
 * All functions: Local; any thread. Exact: the same bits everywhere. */

typedef struct pwf_draws {
    pwf_stream stream;
    uint64_t quad; /* counter of the next four words */
    uint32_t words[4];
    int left; /* words not yet taken */
} pwf_draws;

/* The stream of an image in a pass over the data. */
pwf_draws pwf_draws_of_image(pwf_image_key key, pwf_rng_purpose purpose);

uint32_t pwf_draw_word(pwf_draws *draws);
double pwf_draw_uniform(pwf_draws *draws);                          /* [0, 1) */
double pwf_draw_between(pwf_draws *draws, double low, double high); /* [low, high) */
int64_t pwf_draw_below(pwf_draws *draws, int64_t places);           /* 0 .. places - 1 */
float pwf_draw_normal(pwf_draws *draws);

/* exp of a uniform number between the logarithms of two positive numbers. */
double pwf_draw_log_uniform(pwf_draws *draws, double low, double high);

/* Beta(alpha, alpha), alpha > 0: one gamma variate over the sum of two, in logarithms, so that it
 * works for every alpha. Source: Marsaglia and Tsang, A simple method for generating gamma
 * variables, TOMS 2000. */
double pwf_draw_beta(pwf_draws *draws, double alpha);

#endif
