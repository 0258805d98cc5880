/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CLUSTER_ROUND_H
#define PWF_CLUSTER_ROUND_H

#include "pwf/cluster/config.h"
#include "pwf/mesh/mesh.h"
#include "pwf/posterior/state.h"

/** One fixing round (docs/explanation/method.md, section 3) over weights that lie distributed on
 * all ranks of a mesh. */

typedef struct pwf_round_step {
    int32_t order;
    int32_t integer; /* centre = integer * 2^-min_power */
    double delta, centre;
    int64_t count;
    double mean, spread; /* of the mu's pulled in: mean and population standard deviation */
} pwf_round_step;

/** This rank's part of the weights: whole blocks of PWF_BLOCK of [0, total); the parts of all
 * ranks of the world are disjoint and cover [0, total), in any rank order; parts may be empty. */
typedef struct pwf_round_weights {
    int64_t total;
    pwf_range own;
    float *mu, *sigma; /* own.hi - own.lo */
    int16_t *code;     /* PWF_FREE: a candidate */
    pwf_codebook *codebook;
} pwf_round_weights;

typedef struct pwf_round_result {
    pwf_round_step *steps; /* the caller frees with pwf_mem_free */
    int64_t count;
    int64_t fixed;      /* weights fixed when the round ended */
    size_t extra_bytes; /* most extra memory this rank used */
} pwf_round_result;

/** Fixes weights until ceil(fraction * total) are fixed, where fraction is
 * config->fractions.at[round]: mu becomes the centre, sigma as
 * sigma_join says, code the centre's index in the codebook. Rank 0 chooses each centre; every rank
 * assigns its own part.
 * Collective over the world of the mesh. All ranks pass the same configuration, round and codebook
 * and get the same result and codebook. Exact: the same on any number of ranks. Fails with
 * PWF_RESOURCE, PWF_CONFIG (more centres than codes) or PWF_NUMBERS (mu or sigma not finite); the
 * weights are then as they were. */
pwf_status pwf_cluster_round(const pwf_mesh *mesh, const pwf_fixing_config *config, int round,
                             pwf_round_weights *weights, pwf_round_result *result);

/** The centres of one stage, ascending, as integers of 2^-min_power: all sums of `order` equal-
 * signed powers (repetition and 0 allowed) not above `largest`, and their mirror images. `centres`
 * NULL: only counts.
 * Local. Returns their number. */
int64_t pwf_cluster_centres(int32_t *centres, int64_t order, int64_t min_power, double largest);

#endif
