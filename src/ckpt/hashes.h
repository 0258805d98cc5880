/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_HASHES_H
#define PWF_CKPT_HASHES_H

#include "pwf/ckpt/ckpt.h"

/** Block hashes of a state, and the fingerprint made from them. */

/* The hashes of all blocks of all arrays of pwf_state_arrays, one array behind the other. */
typedef struct pwf_hashes {
    int arrays;
    int64_t first[PWF_STATE_ARRAYS_MAX + 1]; /* array i has entries [first[i], first[i + 1]) */
    pwf_hash *hash;
} pwf_hashes;

/** Hashes the own blocks and gathers those of the other shards.
 * Collective over the mesh. The caller frees out->hash with pwf_mem_free. Fails with
 * PWF_RESOURCE, the same on every rank. */
pwf_status pwf_hashes_of_state(const pwf_mesh *mesh, const pwf_state *state, pwf_hashes *out);

/** The fingerprint from `count` block hashes in order and the replicated rest of a snapshot (its
 * codebook and buffers, position, seed, slots, model and data; /run does not count).
 * Local. Fails with PWF_RESOURCE. */
typedef struct pwf_replicated {
    int64_t posterior, total, buffer_count, codebook_count, min_power;
    const float *buffers;
    const int32_t *codebook;
    pwf_position position;
    int64_t seed, slots;
    const char *model;
    pwf_hash data;
} pwf_replicated;
pwf_status pwf_hashes_fingerprint(const pwf_hash *hash, int64_t count, const pwf_replicated *rest,
                                  pwf_hash *out);

#endif
