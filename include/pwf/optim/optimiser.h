/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_OPTIMISER_H
#define PWF_OPTIM_OPTIMISER_H

#include "pwf/optim/config.h"

#include <stdint.h>

/** Optimisers: element-wise updates of flat slices. PWF_OPTIMISERS lists them. */

enum { PWF_MOMENTS_MAX = 2 }; /* a checkpoint has room for 3 + 2 * 2 arrays */

/* Values that all elements of one optimiser step share. */
typedef struct pwf_optimiser_step {
    const pwf_optim_config *config;
    float lr;      /* of this step */
    float scale;   /* of the gradient, from clipping */
    int64_t count; /* updates since the moments were zero, this one included: from 1 */
} pwf_optimiser_step;

typedef struct pwf_optimiser {
    /* Names of the moments, each of which is a state array for mu and one for sigma; the first is
     * "momentum", NULL ends the list. The training state, its checkpoints and its fingerprint
     * follow from it. */
    const char *moments[PWF_MOMENTS_MAX + 1];
    /* One update of `elements` elements of x and of each moment, with g = scale * gradient.
     * Elements with code >= 0 keep x and moments; `code` NULL: all elements are updated. The arrays
     * do not overlap. Any thread; element-wise, with the same bits on every instruction set. */
    void (*update)(const pwf_optimiser_step *step, float *x, float *const *moments,
                   const float *gradient, const int16_t *code, int64_t elements);
} pwf_optimiser;

/** The optimiser of a name, compiled for the instruction set in use.
 * Local; any thread. Constant; valid for the whole run. */
const pwf_optimiser *pwf_optimiser_get(pwf_optimiser_name name);

/** The number of moments of an optimiser.
 * Local; any thread. */
int pwf_optimiser_moments(const pwf_optimiser *optimiser);

/** Returns the factor of gradient clipping, min(1, limit / (norm + 1e-6)); 1 if limit <= 0.
 * `squares` holds the sum of squares of each block, added here in block order in double.
 * Local. *norm gets the norm; it is not finite if a gradient was not. */
float pwf_clip_factor(const double *squares, int64_t blocks, double limit, double *norm);

#endif
