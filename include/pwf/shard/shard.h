/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SHARD_SHARD_H
#define PWF_SHARD_SHARD_H

#include "pwf/core/pool.h"
#include "pwf/core/range.h"
#include "pwf/mesh/mesh.h"

#include <stdbool.h>

/** The flat vector in blocks, the blocks in shards, and the two exchanges of a step. */

enum { PWF_BLOCK = 4096 }; /* elements; part of the numerics contract */

/** The elements of n that part `rank` of `size` owns: whole blocks, floor or ceiling of the mean
 * number of them, in rank order; the last block may be short, a part may be empty.
 * Local. Pure: recomputed, never stored. */
pwf_range pwf_shard_range(int64_t n, int size, int rank);

/** Number of blocks of n elements.
 * Local. */
int64_t pwf_block_count(int64_t n);

/** The exchanges of a flat vector of `total` elements over a mesh, with the buffers they need. */
typedef struct pwf_exchange pwf_exchange;

/** Plans the exchanges. The first `rounded` elements are those that a rounded gather moves as two
 * bytes each, for which it takes as many where there is more than one shard.
 * Collective over the mesh, which must outlive it. Fails with PWF_RESOURCE, the same everywhere. */
pwf_status pwf_exchange_new(const pwf_mesh *mesh, int64_t total, int64_t rounded,
                            pwf_exchange **out);

/** Frees the plan; NULL is allowed.
 * Local. Not between a begin and its end. */
void pwf_exchange_free(pwf_exchange *exchange);

/** The own range: this rank's shard of the flat vector.
 * Local. */
pwf_range pwf_exchange_own(const pwf_exchange *exchange);

/** Gathers `full` (total elements) in place from the shards; the own range must be filled. With
 * `rounded` the first elements of pwf_exchange_new are bf16 numbers, stored as fp32 like the
 * others, and travel as two bytes each. Between begin and end `full` is not touched.
 * Collective over the shard axis. Exact. */
void pwf_exchange_gather_begin(pwf_exchange *exchange, pwf_pool *pool, float *full, bool rounded);
void pwf_exchange_gather_end(pwf_exchange *exchange, pwf_pool *pool);

/** Sums `sum` (total elements) over all ranks of the world; the own range then holds the whole
 * sum, the rest is undefined (mesh/reduction.h). The threads of this rank add every element `times`
 * times between begin and end, and nobody else touches `sum`.
 * Collective over the world. Exact. */
void pwf_exchange_reduce_begin(pwf_exchange *exchange, int64_t *sum, int64_t times);
void pwf_exchange_reduce_end(pwf_exchange *exchange);

/** Adds `count` elements from flat offset `lo` of a slot's gradient to the sum that has begun.
 * Local; any thread. Returns false if an element was not finite or too large (mesh/exact.h). */
bool pwf_exchange_add(pwf_exchange *exchange, const float *gradient, int64_t lo, int64_t count);

/** Moves a gather and a sum that have begun on as far as they go without waiting; `exchange` is a
 * pwf_exchange, so that this can be a pool's pulse.
 * Local; on the thread that talks to MPI. Returns whether there is one. */
bool pwf_exchange_move(void *exchange);

/** Gathers one double per block: `blocks` has pwf_block_count(total) entries, of which this rank
 * has filled those of its own range; afterwards all are filled, in block order, on every rank.
 * Collective over the shard axis. */
void pwf_exchange_gather_blocks(const pwf_exchange *exchange, double *blocks);

#endif
