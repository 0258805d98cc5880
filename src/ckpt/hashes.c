/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes of the blocks of a state, and the fingerprint made from them.
 * Called by the commit, by the trainer and by inspection.
 * Gathers hashes over the shards by MPI; touches no file. */
#include "hashes.h"

#include "fields.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"

#include <string.h>

/* Offsets of the blocks of each shard in the table of an array, in bytes: [shards + 1]. */
static void piece_offsets(const pwf_state *state, bool posterior, int shards, int64_t *offset)
{
    const pwf_range all = {0, posterior ? state->posterior : state->total};
    offset[0] = 0;
    for (int r = 0; r < shards; r++) {
        const pwf_range own = pwf_range_meet(pwf_shard_range(state->total, shards, r), all);
        const int64_t blocks = pwf_block_count(pwf_range_length(own));
        offset[r + 1] = offset[r] + blocks * (int64_t)sizeof(pwf_hash);
    }
}

/* Tables for all blocks of all arrays, on every rank. */
pwf_status pwf_hashes_new(const pwf_mesh *mesh, const pwf_state *state, pwf_hashes *out)
{
    const int shards = pwf_mesh_size(mesh, PWF_SHARD);
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    *out = (pwf_hashes){.arrays = pwf_state_arrays(state, arrays)};
    for (int i = 0; i < out->arrays; i++)
        out->first[i + 1] =
            out->first[i] + pwf_block_count(arrays[i].posterior ? state->posterior : state->total);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, out->first[out->arrays], sizeof *out->hash, &out->hash));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, out->arrays * (shards + 1), sizeof *out->offset,
                          &out->offset));
    for (int i = 0; i < out->arrays; i++)
        piece_offsets(state, arrays[i].posterior, shards, out->offset + i * (shards + 1));
    return pwf_ok();
}

void pwf_hashes_free(pwf_hashes *hashes)
{
    pwf_mem_free(hashes->hash);
    pwf_mem_free(hashes->offset);
    *hashes = (pwf_hashes){0};
}

void pwf_hashes_own(pwf_hashes *hashes, const pwf_state_array *arrays, pwf_range own,
                    pwf_range own_posterior)
{
    for (int i = 0; i < hashes->arrays; i++) {
        const pwf_range range = arrays[i].posterior ? own_posterior : own;
        const int64_t elements = pwf_range_length(range);
        pwf_hash *table = hashes->hash + hashes->first[i] + range.lo / PWF_BLOCK;
        for (int64_t block = 0; block < pwf_block_count(elements); block++)
            table[block] = pwf_block_hash(arrays[i].data, elements, arrays[i].size, block);
    }
}

/* Each shard has filled its own entries; afterwards all ranks have all of them. */
void pwf_hashes_gather(const pwf_mesh *mesh, pwf_hashes *hashes)
{
    const int shards = pwf_mesh_size(mesh, PWF_SHARD);
    for (int i = 0; i < hashes->arrays; i++)
        pwf_mesh_gather(mesh, PWF_SHARD, hashes->hash + hashes->first[i],
                        hashes->offset + i * (shards + 1));
}

/* Order: sizes, fields, codebook, buffers, block hashes. It is frozen with the format version. */
pwf_hash pwf_hashes_fingerprint(const pwf_hash *hash, int64_t count, const pwf_replicated *rest)
{
    const pwf_codebook *book = rest->codebook;
    const int64_t numbers[] = {rest->posterior, rest->total, rest->buffer_count, book->count,
                               book->min_power};
    pwf_hasher hasher;
    pwf_hasher_begin(&hasher);
    /* sizes first, so that different states never give the same sequence of bytes */
    pwf_hasher_add(&hasher, numbers, sizeof numbers);
    pwf_fields_hash(rest->facts, &hasher);
    if (book->count > 0)
        pwf_hasher_add(&hasher, book->entry, (size_t)book->count * sizeof *book->entry);
    if (rest->buffer_count > 0)
        pwf_hasher_add(&hasher, rest->buffers, (size_t)rest->buffer_count * sizeof *rest->buffers);
    if (count > 0) pwf_hasher_add(&hasher, hash, (size_t)count * sizeof *hash);
    return pwf_hasher_digest(&hasher);
}

/* Copies block hashes that the caller has computed already to their places. */
static void take_own(pwf_hashes *hashes, const pwf_state_array *arrays, const pwf_state *state,
                     const pwf_hash *known)
{
    const int64_t all = pwf_block_count(pwf_range_length(state->own));
    for (int i = 0; i < hashes->arrays; i++) {
        const pwf_range own = arrays[i].posterior ? state->own_posterior : state->own;
        if (own.hi > own.lo)
            memcpy(hashes->hash + hashes->first[i] + own.lo / PWF_BLOCK, known + i * all,
                   (size_t)pwf_block_count(pwf_range_length(own)) * sizeof *known);
    }
}

/* Every rank ends with the same fingerprint, since all hashes are gathered. */
pwf_status pwf_ckpt_fingerprint(const pwf_mesh *mesh, const pwf_snapshot *snapshot,
                                const pwf_hash *own, pwf_hash *out)
{
    const pwf_state *state = snapshot->state;
    pwf_hashes hashes;
    pwf_status s = pwf_mesh_agree(mesh, pwf_hashes_new(mesh, state, &hashes));
    if (s.code == PWF_OK) {
        pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
        pwf_state_arrays(state, arrays);
        if (own)
            take_own(&hashes, arrays, state, own);
        else
            pwf_hashes_own(&hashes, arrays, state->own, state->own_posterior);
        pwf_hashes_gather(mesh, &hashes);
        const pwf_replicated rest = {.posterior = state->posterior,
                                     .total = state->total,
                                     .buffer_count = pwf_registry_buffer_count(state->registry),
                                     .buffers = state->buffers,
                                     .codebook = &state->codebook,
                                     .facts = &snapshot->facts};
        *out = pwf_hashes_fingerprint(hashes.hash, hashes.first[hashes.arrays], &rest);
    }
    pwf_hashes_free(&hashes);
    return pwf_mesh_agree(mesh, s);
}
