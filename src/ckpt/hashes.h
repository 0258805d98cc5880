/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_HASHES_H
#define PWF_CKPT_HASHES_H

#include "pwf/ckpt/ckpt.h"

/** Block hashes of a state, and the fingerprint computed from them. */

/* The hashes of all blocks of all arrays of pwf_state_arrays, array by array. */
typedef struct pwf_hashes {
    int arrays;
    int64_t first[PWF_STATE_ARRAYS_MAX + 1]; /* array i has entries [first[i], first[i + 1]) */
    pwf_hash *hash;
    int64_t *offset; /* where the hashes of each shard begin, in bytes; array by array */
} pwf_hashes;

/** Allocates the tables for the hashes of a state.
 * Local. The caller frees them with pwf_hashes_free, also after a failure. Fails with PWF_RESOURCE.
 */
pwf_status pwf_hashes_new(const pwf_mesh *mesh, const pwf_state *state, pwf_hashes *out);
void pwf_hashes_free(pwf_hashes *hashes);

/** Hashes this rank's blocks of the arrays, which are those of pwf_state_arrays or copies of them.
 * Local; any thread. */
void pwf_hashes_own(pwf_hashes *hashes, const pwf_state_array *arrays, pwf_range own,
                    pwf_range own_posterior);

/** Gets the hashes of the other shards' blocks.
 * Collective over the shards. */
void pwf_hashes_gather(const pwf_mesh *mesh, pwf_hashes *hashes);

/* What the fingerprint covers besides the arrays. */
typedef struct pwf_replicated {
    int64_t posterior, total, buffer_count;
    const float *buffers;
    const pwf_codebook *codebook;
    const pwf_facts *facts;
} pwf_replicated;

/** The fingerprint from `count` block hashes in order and the replicated rest of a snapshot.
 * Local. */
pwf_hash pwf_hashes_fingerprint(const pwf_hash *hash, int64_t count, const pwf_replicated *rest);

#endif
