/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_POSTERIOR_STATE_H
#define PWF_POSTERIOR_STATE_H

#include "pwf/core/hash.h"
#include "pwf/core/status.h"
#include "pwf/optim/optimiser.h"
#include "pwf/registry/registry.h"
#include "pwf/shard/shard.h"

#include <stdbool.h>
#include <stdint.h>

/** The training state of one rank: its range of the flat vector, and small replicated data.
 * Checkpoints and the fingerprint iterate the table of arrays, so an array added there is saved. */

/* The codebook: code k stands for the centre entry[k] * 2^-min_power. Entries are only appended, so
 * that codes stay valid. Replicated on all ranks. */
typedef struct pwf_codebook {
    int64_t min_power;
    int count;
    int32_t *entry; /* [PWF_CODES_MAX], of which `count` are used */
} pwf_codebook;

/* PWF_FREE: code of a weight that is not yet fixed. */
enum { PWF_CODES_MAX = 32767, PWF_FREE = -1 };

typedef struct pwf_state {
    const pwf_registry *registry;
    int64_t posterior, total; /* elements of the flat vector */
    pwf_range own;            /* of the flat vector */
    pwf_range own_posterior;  /* intersection of own and [0, posterior) */
    /* [own.hi - own.lo] */
    float *mu;                         /* mean of the posterior, or value of a plain parameter */
    float *mu_moment[PWF_MOMENTS_MAX]; /* [0] always exists, the others if the optimiser has them */
    /* [own_posterior.hi - own_posterior.lo] */
    float *sigma;
    float *sigma_moment[PWF_MOMENTS_MAX];
    int16_t *code;                            /* index into the codebook, or PWF_FREE */
    const pwf_optimiser *optimiser;           /* the optimiser whose moments the state holds */
    char moment_name[2][PWF_MOMENTS_MAX][32]; /* "mu_momentum"; "sigma_momentum" */
    /* replicated */
    pwf_codebook codebook;
    float *buffers; /* BatchNorm running statistics */
} pwf_state;

enum { PWF_STATE_ARRAYS_MAX = 3 + 2 * PWF_MOMENTS_MAX };

/** One array of the table: `posterior` arrays have an element per posterior parameter, the others
 * one per parameter of any kind. `data` is this rank's own part. */
typedef struct pwf_state_array {
    const char *name; /* "mu", "sigma", "code"; "mu_momentum" and so on for moments */
    bool posterior;
    bool real;   /* fp32; else int16 */
    size_t size; /* bytes of an element */
    void *data;
} pwf_state_array;

/** Allocates the state of the range `own` with start values: mu and buffers from the registry,
 * sigma and momentum 0, all weights free, an empty codebook.
 * Local. The caller owns it; the registry must outlive it. Fails with PWF_RESOURCE. */
pwf_status pwf_state_new(const pwf_registry *registry, pwf_range own, uint32_t seed,
                         int64_t min_power, pwf_state **out);
void pwf_state_free(pwf_state *state);

/** Sets the optimiser and adds its moments beyond "momentum", which every state has; they start at
 * 0.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_state_add_moments(pwf_state *state, const pwf_optimiser *optimiser);

/** Sets all moments to 0.
 * Local. */
void pwf_state_clear_moments(pwf_state *state);

/** Lists the sharded arrays of the state; returns their number.
 * Local. */
int pwf_state_arrays(const pwf_state *state, pwf_state_array out[PWF_STATE_ARRAYS_MAX]);

/** Hashes block `block` of each array into table[i * blocks + block], where i is the array and
 * `blocks` the number of blocks of the range. Nothing is written for a posterior array without this
 * block.
 * Local; any thread. */
void pwf_state_hash_block(const pwf_state *state, int64_t block, pwf_hash *table);

/** Returns the code of centre `integer`, appending it if it is new; PWF_FREE if the codebook is
 * full.
 * Local; every rank must make the same calls. */
int pwf_codebook_add(pwf_codebook *codebook, int32_t integer);

/** Returns the value of a code: integer * 2^-min_power, exact in fp32 for |integer| < 2^24.
 * Local. */
float pwf_codebook_value(const pwf_codebook *codebook, int code);

#endif
