/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CLUSTER_CLUSTER_H
#define PWF_CLUSTER_CLUSTER_H

#include "pwf/cluster/round.h"
#include "pwf/core/mem.h"

/** Shared by the files of this room: centres, candidates sorted by the interval of centres that
 * they accept, the distributed cut, and sums in block order. Centres are integers, in units of
 * 2^-min_power. */

/* A centre is an exact fp32 value below this integer (pwf_codebook_value). */
#define PWF_CENTRE_LIMIT 16777216.0

/* Sigma is at least this in the distance D. */
#define PWF_DISTANCE_SIGMA_FLOOR 0x1p-20

/* The centres of one stage, ascending, with a table that finds one in constant time: first[q] is
 * the index of the first centre not below (q << shift) - limit. */
typedef struct pwf_centres {
    int32_t *at;
    int32_t *first;
    int64_t count, room; /* number of centres; allocated entries */
    int64_t limit;       /* all centres lie in [-limit, limit] */
    int64_t zero;        /* index of the centre 0 */
    int shift;
} pwf_centres;

/** Replaces the centres by those of a stage, see pwf_cluster_centres.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_centres_set(pwf_centres *centres, int64_t order, int64_t min_power, double largest);
void pwf_centres_free(pwf_centres *centres);

/** Index of the first centre not below `integer`; `count` if there is none.
 * Local. */
int64_t pwf_centres_find(const pwf_centres *centres, int64_t integer);

/* A candidate. Its bucket is the first centre that it accepts, `last` the index of the last. */
typedef struct pwf_candidate {
    uint32_t index; /* of the weight in this rank's range */
    int32_t last;
} pwf_candidate;

/* The free weights of this rank that accept a centre in this stage: one bucket per first accepted
 * centre, ordered by index within a bucket. The order within a block therefore does not depend on
 * which other blocks a rank holds. */
typedef struct pwf_candidates {
    pwf_candidate *at;
    int64_t room;
    int64_t *begin, *length; /* of each bucket, in `at` */
    int32_t *reach;          /* largest `last` of the bucket; -1: empty */
    int64_t *change;         /* changes of `count` as differences of neighbours [centres + 1] */
    int64_t *count;          /* candidates of each centre, over all ranks */
    int64_t bucket_room;
} pwf_candidates;

/* A stage: the centres are sums of up to `order` powers, and attract weights with D <= delta. */
typedef struct pwf_stage {
    int64_t order, min_power;
    double delta;
    bool zero_fix;
    double scale, unit; /* 2^min_power, 2^-min_power */
} pwf_stage;

/** Finds the candidates of a stage. `change` then holds their numbers per centre, as differences,
 * for this rank only.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_candidates_build(pwf_candidates *candidates, const pwf_stage *stage,
                                const pwf_centres *centres, const pwf_round_weights *weights);
void pwf_candidates_free(pwf_candidates *candidates);

/** The distance D of a weight from a centre (docs/explanation/method.md, section 3).
 * Local. */
double pwf_stage_distance(const pwf_stage *stage, float mu, float sigma, int32_t centre);

/** The smallest D between a free weight of this rank and any centre; infinity if there is no such
 * weight.
 * Local. */
double pwf_stage_nearest(const pwf_stage *stage, const pwf_centres *centres,
                         const pwf_round_weights *weights);

/* The candidates of a centre that a greedy step takes: those with D below `distance`, or equal to
 * it and a global index not above `index`. */
typedef struct pwf_cut {
    uint64_t distance; /* the bits of D, which order as D does */
    int64_t index;
} pwf_cut;

/** The cut that takes exactly `wanted` candidates of a centre, which has more. wanted > 0.
 * Collective over the world. Exact. */
pwf_cut pwf_candidates_cut(const pwf_mesh *mesh, const pwf_candidates *candidates,
                           const pwf_stage *stage, const pwf_centres *centres,
                           const pwf_round_weights *weights, int64_t centre, int64_t wanted);

/* Sums over all weights in block order, whichever rank holds a block. */
typedef struct pwf_block_sums {
    double *own;     /* one per block of this rank */
    double *all;     /* rank 0: one per block, in rank order */
    int64_t *offset; /* [ranks + 1]: where rank r's blocks begin in `all`, in bytes */
    int32_t *order;  /* ranks by position of their range */
    int64_t blocks;  /* of this rank */
    int ranks;
} pwf_block_sums;

/** Prepares the sums. The ranges of all ranks must be disjoint and cover all weights.
 * Collective over the world. Fails with PWF_RESOURCE, the same everywhere. */
pwf_status pwf_block_sums_new(pwf_block_sums *sums, const pwf_mesh *mesh,
                              const pwf_round_weights *weights);
void pwf_block_sums_free(pwf_block_sums *sums);

/** The sum of `own` of all ranks, added in block order by rank 0, on every rank.
 * Collective over the world. Same bits on any number of ranks. */
double pwf_block_sums_total(const pwf_block_sums *sums, const pwf_mesh *mesh);

#endif
