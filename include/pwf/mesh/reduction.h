/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_REDUCTION_H
#define PWF_MESH_REDUCTION_H

#include "pwf/mesh/mesh.h"

#include <stdbool.h>
#include <stdint.h>

/** The sum of gradients over all ranks, overlapped with the backward pass: exact sums
 * (mesh/exact.h) of a flat vector in pieces, each sent as soon as all threads of the rank have
 * added to it. */

typedef struct pwf_reduction pwf_reduction;

/** Plans a sum whose elements [offset[s], offset[s + 1]) the ranks of shard s need; offset[0] is 0.
 * Local, with the same `offset`, which is copied, on every rank. The caller owns *out; the mesh
 * must outlive it. Fails with PWF_RESOURCE. */
pwf_status pwf_reduction_new(const pwf_mesh *mesh, const int64_t *offset, pwf_reduction **out);

/** Frees the plan; NULL is allowed.
 * Local. Not between begin and end. */
void pwf_reduction_free(pwf_reduction *reduction);

/** Begins the sum of `values` (offset[shards] elements) over all ranks. Before the end, the threads
 * of this rank add to every element exactly `times` times; nothing else accesses `values`.
 * Collective over the world. A call that synchronises all ranks, such as pwf_mesh_agree, must
 * separate an end from the next begin. */
void pwf_reduction_begin(pwf_reduction *reduction, int64_t *values, int64_t times);

/** Adds gradient[count] to elements [lo, lo + count).
 * Local; any thread, between begin and end. Exact. Returns false if an element is infinite, NaN or
 * too large (pwf_exact_add). */
bool pwf_reduction_add(pwf_reduction *reduction, const float *gradient, int64_t lo, int64_t count);

/** Sends complete pieces and handles received ones, without waiting. MPI makes progress only inside
 * MPI calls, so this is called often.
 * Local; on the MPI thread. Returns whether a sum is in progress and there are other ranks. */
bool pwf_reduction_move(pwf_reduction *reduction);

/** Waits for the sum. Afterwards the elements of this rank's shard hold it; the others are
 * undefined. Pieces with fewer additions than announced are summed as they are.
 * Collective over the world, when all threads of the rank have finished adding. */
void pwf_reduction_end(pwf_reduction *reduction);

#endif
