/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_PENDING_H
#define PWF_MESH_PENDING_H

#include "pwf/mesh/mesh.h"

#include <stdbool.h>

/** pwf_mesh_gather in two calls, begin and end, so that computation can overlap it. Planned once
 * and used in every step. */

typedef struct pwf_pending pwf_pending;

/** Plans the gather of bytes [offset[r], offset[r + 1]) from rank r of the axis; offset[0] is 0.
 * Local, with the same `offset`, which is copied, on every rank of the axis. The caller owns *out;
 * the mesh must outlive it. Fails with PWF_RESOURCE. */
pwf_status pwf_pending_new(const pwf_mesh *mesh, pwf_axis axis, const int64_t *offset,
                           pwf_pending **out);

/** Begins to gather `data` in place. `data` must not be accessed before the end.
 * Collective over the axis. Calls must alternate with pwf_pending_end. */
void pwf_pending_begin(pwf_pending *pending, void *data);

/** Lets MPI make progress, without waiting.
 * Local; on the MPI thread. Returns whether a gather is in progress. */
bool pwf_pending_move(pwf_pending *pending);

/** Waits until the gather is complete.
 * Collective over the axis. */
void pwf_pending_end(pwf_pending *pending);

/** Frees the plan; NULL is allowed.
 * Local. Not between begin and end. */
void pwf_pending_free(pwf_pending *pending);

#endif
