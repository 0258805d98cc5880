/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_BACKGROUND_H
#define PWF_CKPT_BACKGROUND_H

#include "pwf/ckpt/ckpt.h"

/** Checkpoints written in the background: a thread of each rank runs the long steps of the commit
 * on a copy of the state and calls neither MPI nor HDF5. The caller runs the other steps:
 *
 *   begin; then, repeatedly, the maximum of pwf_background_claim over all ranks by a reduction;
 * when that is not PWF_BACKGROUND_BUSY, advance; until nothing is under way.
 *
 * The result is that of pwf_ckpt_write, also after a failure. */

typedef struct pwf_background pwf_background;

enum { PWF_BACKGROUND_BUSY = 1000 }; /* larger than any pwf_code */

enum { PWF_BACKGROUND_THREAD = 1000 }; /* its thread number in a trace; workers count from 0 */

/** Starts the thread and, on a rank that writes, allocates the copy. The watchdog allows the thread
 * `seconds` (0: no limit) per step, by the setting `key` (core/watch.h), which must stay valid. The
 * mesh must outlive it.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_background_new(const pwf_mesh *mesh, const pwf_state *state, const char *key,
                              double seconds, pwf_background **out);

/** Waits for the thread and ends it; an incomplete file is removed. NULL is allowed.
 * Local. */
void pwf_background_free(pwf_background *b);

/** Begins to write DIR/ckpt-STEP.h5; when it returns, the snapshot and its state may change.
 * Nothing may be under way, the state must have the shapes of pwf_background_new, and the writer
 * must be PWF_CKPT_PWRITE.
 * Collective over the mesh; the same status everywhere. Fails as pwf_ckpt_write; nothing is then
 * under way. */
pwf_status pwf_background_begin(pwf_background *b, const char *dir, const pwf_snapshot *snapshot);

/** Begins to remove old files as pwf_ckpt_prune does. Nothing may be under way.
 * Local, but called on all ranks. */
void pwf_background_prune(pwf_background *b, const char *dir, pwf_retention stay);

/** Whether something is under way; the same on all ranks.
 * Local. */
bool pwf_background_is_under_way(const pwf_background *b);

/** This rank's value for the reduction: PWF_BACKGROUND_BUSY, or the status code of the last step of
 * its thread.
 * Local. */
int pwf_background_claim(pwf_background *b);

/** Processor time of the thread since the last begin, in seconds. The thread must not be busy.
 * Local. */
double pwf_background_seconds(const pwf_background *b);

/** Waits until the thread of this rank is not busy.
 * Local. */
void pwf_background_wait(pwf_background *b);

/** Runs the next collective steps; `claim` is the maximum over all ranks, none of which was busy.
 * `path` (PWF_PATH bytes) gets the name of the checkpoint once it is durable, else "", also when
 * old files have been removed.
 * Collective over the mesh; the same status everywhere. Fails as pwf_ckpt_write; nothing is then
 * under way. */
pwf_status pwf_background_advance(pwf_background *b, int claim, char *path);

#endif
