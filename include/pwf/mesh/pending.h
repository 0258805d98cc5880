/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_PENDING_H
#define PWF_MESH_PENDING_H

#include "pwf/mesh/mesh.h"

#include <stdbool.h>

/** A gather that is planned once and then begun and ended in every step: pwf_mesh_gather in two
 * halves, with work in between. */

typedef struct pwf_pending pwf_pending;

/** Plans the gather of bytes [offset[r], offset[r + 1]) from rank r of the axis; offset[0] is 0.
 * Local, but the same on every rank of the axis. The caller owns the plan; the mesh must outlive
 * it; `offset` is copied. Fails with PWF_RESOURCE. */
pwf_status pwf_pending_new(const pwf_mesh *mesh, pwf_axis axis, const int64_t *offset,
                           pwf_pending **out);

/** Begins to gather `data` in place; until the end nobody touches `data`.
 * Collective over the axis. At most one begin without an end. */
void pwf_pending_begin(pwf_pending *pending, void *data);

/** Moves the bytes on without waiting; MPI does so only while one of its functions runs.
 * Local; on the thread that talks to MPI. Returns false unless a gather has begun and bytes are
 * under way. */
bool pwf_pending_move(pwf_pending *pending);

/** Waits until all bytes have arrived.
 * Collective over the axis. */
void pwf_pending_end(pwf_pending *pending);

/** Frees the plan; NULL is allowed.
 * Local. Not between begin and end. */
void pwf_pending_free(pwf_pending *pending);

#endif
