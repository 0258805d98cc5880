/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CLUSTER_CLUSTER_H
#define PWF_CLUSTER_CLUSTER_H

#include "pwf/cluster/round.h"
#include "pwf/core/mem.h"

/** The parts of a fixing round: centres, candidates sorted by the interval of centres they accept,
 * the distributed cut, and the sums in block order. Lengths are in units of 2^-min_power here, so
 * that a centre is its integer. */

/* A centre is an exact fp32 value below this integer (pwf_codebook_value). */
#define PWF_CENTRE_LIMIT 16777216.0

/* The smallest divisor of D. */
#define PWF_DISTANCE_SIGMA_FLOOR 0x1p-20

/* The centres of one stage, ascending, with a table that finds one in constant time: first[q] is
 * the index of the first centre not below (q << shift) - limit. */
typedef struct pwf_centres {
    int32_t *at;
    int32_t *first;
    int64_t count, room; /* centres, and allocated */
    int64_t limit;       /* all centres lie in [-limit, limit] */
    int64_t zero;        /* index of the centre 0 */
    int shift;
} pwf_centres;

/** Replaces the centres by those of a stage (pwf_cluster_centres).
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_centres_set(pwf_centres *centres, int64_t order, int64_t min_power, double largest);
void pwf_centres_free(pwf_centres *centres);

/** Index of the first centre not below `integer`; `count` if there is none.
 * Local. */
int64_t pwf_centres_find(const pwf_centres *centres, int64_t integer);

/* One candidate: its bucket says the first centre it accepts, `last` the last one. */
typedef struct pwf_candidate {
    uint32_t index; /* of the local weight */
    int32_t last;
} pwf_candidate;

/* The unassigned weights of this rank that accept any centre in this stage, in a bucket per first
 * centre accepted, by index inside a bucket. The order inside a block therefore does not depend
 * on which other blocks a rank holds. */
typedef struct pwf_candidates {
    pwf_candidate *at;
    int64_t room;
    int64_t *begin, *length; /* of each bucket */
    int32_t *reach;          /* no candidate of the bucket has a larger `last` */
    int64_t *change;         /* changes of the counts, as differences; one more than centres */
    int64_t *count;          /* of each centre, over all ranks */
    int64_t bucket_room;
} pwf_candidates;

/* What a stage is. */
typedef struct pwf_stage {
    int64_t order, min_power;
    double delta;
    bool zero_fix;
    double scale, unit; /* 2^min_power, 2^-min_power */
} pwf_stage;

/** Finds the candidates of a stage and leaves their number per centre in `change` (differences,
 * this rank only).
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_candidates_build(pwf_candidates *candidates, const pwf_stage *stage,
                                const pwf_centres *centres, const pwf_round_weights *weights);
void pwf_candidates_free(pwf_candidates *candidates);

/** The distance D of a weight from a centre: the very formula of section 3.
 * Local. */
double pwf_stage_distance(const pwf_stage *stage, float mu, float sigma, int32_t centre);

/** The smallest D between an unassigned weight of this rank and any centre; infinity if there is no
 * weight.
 * Local. */
double pwf_stage_nearest(const pwf_stage *stage, const pwf_centres *centres,
                         const pwf_round_weights *weights);

/* Which of a centre's candidates are taken: D below `distance`, or equal to it and global index not
 * above `index`. */
typedef struct pwf_cut {
    uint64_t distance; /* the bits of D, which order as D does */
    int64_t index;
} pwf_cut;

/** The cut that leaves exactly `wanted` (> 0) of the candidates of a centre, of which there are
 * more.
 * Collective over the world. Exact. */
pwf_cut pwf_candidates_cut(const pwf_mesh *mesh, const pwf_candidates *candidates,
                           const pwf_stage *stage, const pwf_centres *centres,
                           const pwf_round_weights *weights, int64_t centre, int64_t wanted);

/* Sums over all weights in block order, whichever rank holds a block. */
typedef struct pwf_block_sums {
    double *own;     /* one per own block */
    double *all;     /* rank 0: one per block, in rank order */
    int64_t *offset; /* bytes of rank r's blocks in `all` */
    int32_t *order;  /* ranks by position of their part */
    int64_t blocks;  /* own */
    int ranks;
} pwf_block_sums;

/** Prepares the sums; the parts of all ranks must be disjoint and cover everything.
 * Collective over the world. Fails with PWF_RESOURCE, the same everywhere. */
pwf_status pwf_block_sums_new(pwf_block_sums *sums, const pwf_mesh *mesh,
                              const pwf_round_weights *weights);
void pwf_block_sums_free(pwf_block_sums *sums);

/** The sum of `own` of all ranks, added in block order by rank 0, on every rank.
 * Collective over the world. Same bits on any number of ranks. */
double pwf_block_sums_total(const pwf_block_sums *sums, const pwf_mesh *mesh);

#endif
