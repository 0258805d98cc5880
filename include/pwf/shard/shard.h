/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SHARD_SHARD_H
#define PWF_SHARD_SHARD_H

#include "pwf/core/hash.h"
#include "pwf/core/pool.h"
#include "pwf/core/range.h"
#include "pwf/mesh/mesh.h"

#include <stdbool.h>

/** The partition of the flat vector into blocks and shards, and the two exchanges of a step: a
 * gather of weights and a reduction of gradients. */

enum { PWF_BLOCK = 4096 }; /* elements; part of the numerics contract */

/** The elements of a vector of length n that shard `rank` of `size` owns: whole blocks in rank
 * order, whose numbers differ by at most one. The last block may be short; a shard may be empty.
 * Local. A pure function: recomputed, never stored. */
pwf_range pwf_shard_range(int64_t n, int size, int rank);

/** Number of blocks of n elements.
 * Local. */
int64_t pwf_block_count(int64_t n);

/** The hash of block `block` of an array of `elements` elements of `size` bytes. The last block may
 * be short.
 * Local. */
pwf_hash pwf_block_hash(const void *data, int64_t elements, size_t size, int64_t block);

/** Plans and buffers of both exchanges. */
typedef struct pwf_exchange pwf_exchange;

/** Plans the exchanges of a vector of `total` elements, of which a rounded gather sends the first
 * `rounded` as bf16; with several shards this takes a buffer of 2 bytes for each of these.
 * Collective over the mesh, which must outlive *out. Fails with PWF_RESOURCE, the same on every
 * rank. */
pwf_status pwf_exchange_new(const pwf_mesh *mesh, int64_t total, int64_t rounded,
                            pwf_exchange **out);

/** Frees the plan; NULL is allowed.
 * Local. Not between a begin and its end. */
void pwf_exchange_free(pwf_exchange *exchange);

/** The range of this rank's shard.
 * Local. */
pwf_range pwf_exchange_own(const pwf_exchange *exchange);

/** Gathers full[total] in place from the shards; this rank has filled its own range. With
 * `rounded`, the leading elements announced to pwf_exchange_new must be representable in bf16 and
 * are sent in 2 bytes each. `full` must not be accessed between begin and end.
 * Collective over the shard axis. Exact. */
void pwf_exchange_gather_begin(pwf_exchange *exchange, pwf_pool *pool, float *full, bool rounded);
void pwf_exchange_gather_end(pwf_exchange *exchange, pwf_pool *pool);

/** Sums sum[total] over all ranks; afterwards this rank's range holds the result and the rest is
 * undefined (mesh/reduction.h). Between begin and end the threads of this rank add to every element
 * `times` times; nothing else accesses `sum`.
 * Collective over the world. Exact. */
void pwf_exchange_reduce_begin(pwf_exchange *exchange, int64_t *sum, int64_t times);
void pwf_exchange_reduce_end(pwf_exchange *exchange);

/** Adds gradient[count] of a slot to elements [lo, lo + count) of the sum in progress.
 * Local; any thread. Returns false if an element is infinite, NaN or too large (pwf_exact_add). */
bool pwf_exchange_add(pwf_exchange *exchange, const float *gradient, int64_t lo, int64_t count);

/** Lets the exchanges in progress advance without waiting. `exchange` is a pwf_exchange; the type
 * fits pwf_pool_pulse.
 * Local; on the MPI thread. Returns whether an exchange is in progress. */
bool pwf_exchange_move(void *exchange);

/** Gathers one double per block in place: this rank has filled the entries of its own range in
 * blocks[pwf_block_count(total)]; afterwards every rank has all of them.
 * Collective over the shard axis. */
void pwf_exchange_gather_blocks(const pwf_exchange *exchange, double *blocks);

#endif
