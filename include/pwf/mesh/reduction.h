/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_REDUCTION_H
#define PWF_MESH_REDUCTION_H

#include "pwf/mesh/mesh.h"

#include <stdbool.h>
#include <stdint.h>

/** The sum of all ranks' gradients, which moves while the gradients are still being made: exact
 * sums (mesh/exact.h) of a flat vector, in pieces, each of which travels as soon as the rank's
 * threads have added to it all they have. */

typedef struct pwf_reduction pwf_reduction;

/** Plans the sum of elements [offset[s], offset[s + 1]) for the ranks of shard s; offset[0] is 0.
 * Local, but the same on every rank. The caller owns the plan; the mesh must outlive it; `offset`
 * is copied. Fails with PWF_RESOURCE. */
pwf_status pwf_reduction_new(const pwf_mesh *mesh, const int64_t *offset, pwf_reduction **out);

/** Frees the plan; NULL is allowed.
 * Local. Not between begin and end. */
void pwf_reduction_free(pwf_reduction *reduction);

/** Begins a sum over all ranks of `values` (offset[shards] elements), to which the threads of this
 * rank add every element `times` times before the end. Until the end nobody else touches `values`.
 * Collective over the world. Between an end and the next begin stands a call in which all ranks
 * meet, such as pwf_mesh_agree. */
void pwf_reduction_begin(pwf_reduction *reduction, int64_t *values, int64_t times);

/** Adds `count` elements from flat offset `lo` of a gradient to the rank's summands.
 * Local; any thread, between begin and end. Exact. Returns false if an element was not finite or
 * too large (mesh/exact.h). */
bool pwf_reduction_add(pwf_reduction *reduction, const float *gradient, int64_t lo, int64_t count);

/** Sends what is complete and takes what has come, without waiting; MPI moves messages on only
 * while one of its functions runs.
 * Local; on the thread that talks to MPI, as often as one likes. Returns false unless a sum has
 * begun and there are other ranks. */
bool pwf_reduction_move(pwf_reduction *reduction);

/** Waits until the sum is there: the elements of the rank's own shard then hold it, the others are
 * undefined. What was added fewer times than begin said counts as it is.
 * Collective over the world; the rank's threads have ended adding. */
void pwf_reduction_end(pwf_reduction *reduction);

#endif
