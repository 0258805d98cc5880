/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TEST_CLUSTER_INPUTS_H
#define PWF_TEST_CLUSTER_INPUTS_H

#include "pwf/cluster/round.h"
#include "pwf/core/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* clang-format off: cmocka wants the four above first */
#include <cmocka.h>
/* clang-format on */

/** A whole problem, the same on every rank. */
typedef struct problem {
    pwf_fixing_config settings;
    int64_t total;
    float *mu, *sigma;
    uint8_t *fixed;
} problem;

/** The whole result, on every rank. */
typedef struct solution {
    float *mu, *sigma;
    uint8_t *fixed;
    int16_t *code;
    pwf_round_result result;
    pwf_codebook codebook;
} solution;

problem problem_new(int64_t total);
void problem_free(problem *p);

/** Random weights and settings, chosen to hit ties, exact zeros, points on the grid, sigma 0 and
 * weights that are fixed already. */
problem problem_random(uint64_t seed, int64_t total);

/** The range of this rank if `seed` splits the blocks at random and assigns the ranges in random
 * order; seed 0: as pwf_shard_range. */
pwf_range part_of(const pwf_mesh *mesh, int64_t total, uint64_t seed);

/** Runs the round with each rank holding part_of(seed) and gathers everything.
 * Collective over the world. */
pwf_status solve(const pwf_mesh *mesh, const problem *p, uint64_t seed, int codebook_count,
                 solution *out);
void solution_free(solution *s);

/** A 64-bit random number from a counter. */
uint64_t random_bits(uint64_t seed, uint64_t index);

#endif
