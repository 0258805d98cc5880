/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CLUSTER_ROUND_H
#define PWF_CLUSTER_ROUND_H

#include "pwf/cluster/config.h"
#include "pwf/mesh/mesh.h"
#include "pwf/posterior/state.h"

/** One fixing round (docs/explanation/method.md, section 3) over weights that are distributed over
 * all ranks of a mesh. */

/* A greedy step: the weights that one centre attracted in one stage. */
typedef struct pwf_round_step {
    int32_t order;
    int32_t integer; /* centre = integer * 2^-min_power */
    double delta, centre;
    int64_t count;
    double mean, spread; /* of mu before fixing: mean and population standard deviation */
} pwf_round_step;

/* The weights of this rank: whole blocks of [0, total). The ranges of all ranks are disjoint and
 * cover [0, total), in any rank order; a range may be empty. Nothing is owned. */
typedef struct pwf_round_weights {
    int64_t total;
    pwf_range own;
    float *mu, *sigma; /* [own.hi - own.lo] */
    int16_t *code;     /* [own.hi - own.lo]; PWF_FREE: not yet fixed */
    pwf_codebook *codebook;
} pwf_round_weights;

typedef struct pwf_round_result {
    pwf_round_step *steps; /* the caller frees with pwf_mem_free */
    int64_t count;
    int64_t fixed;      /* weights fixed at the end of the round, over all ranks */
    size_t extra_bytes; /* largest extra memory of this rank */
} pwf_round_result;

/** Fixes weights until ceil(fraction * total) are fixed, fraction = config->fractions.at[round].
 * For each of them, mu becomes the centre, sigma follows config->sigma_join, and code becomes the
 * index of the centre in the codebook. Rank 0 chooses each centre; every rank assigns its own
 * weights.
 * Collective over the world of the mesh. All ranks pass the same configuration, round and codebook
 * and get the same result and codebook. Exact: the same bits on any number of ranks. Fails with
 * PWF_RESOURCE, PWF_CONFIG (a setting out of range, or more centres than codes) or PWF_NUMBERS (mu
 * or sigma not finite); the weights are then unchanged. */
pwf_status pwf_cluster_round(const pwf_mesh *mesh, const pwf_fixing_config *config, int round,
                             pwf_round_weights *weights, pwf_round_result *result);

/** The centres of one stage in ascending order, as integers in units of 2^-min_power: all sums, not
 * above `largest`, of at most `order` powers of two below `largest` and not below one unit,
 * repetition allowed; their negatives; and 0. With `centres` NULL they are only counted.
 * Local. Returns their number. */
int64_t pwf_cluster_centres(int32_t *centres, int64_t order, int64_t min_power, double largest);

#endif
