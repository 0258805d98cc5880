/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_BACKGROUND_H
#define PWF_CKPT_BACKGROUND_H

#include "pwf/ckpt/ckpt.h"

/** Checkpoints written while the caller goes on: a thread of each rank does the long steps of the
 * commit protocol on a copy of the state, and calls neither MPI nor HDF5. The other steps, and
 * going on from one stage of the thread to the next, are left to the caller:
 *
 *   begin; then, again and again, in a reduction the largest pwf_background_claim of all ranks;
 * when that is not PWF_BACKGROUND_BUSY, advance; until that names the file or fails.
 *
 * The file, and what is left behind after a failure, are those of pwf_ckpt_write. */

typedef struct pwf_background pwf_background;

enum { PWF_BACKGROUND_BUSY = 1000 }; /* larger than any pwf_code */

enum { PWF_BACKGROUND_THREAD = 1000 }; /* its number in a trace; workers count from 0 */

/** Starts the thread, and takes the memory for the copy where this rank writes. In one step the
 * thread may be silent for `seconds`, 0: for ever, by the setting `key` (core/watch.h), which must
 * stay valid. The mesh must outlive it.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_background_new(const pwf_mesh *mesh, const pwf_state *state, const char *key,
                              double seconds, pwf_background **out);

/** Waits for the thread and ends it; a file that is not finished is removed. NULL is allowed.
 * Local. */
void pwf_background_free(pwf_background *b);

/** Begins to write DIR/ckpt-STEP.h5; when it returns, the snapshot and its state may change.
 * Nothing may be under way; the state is of the shapes of pwf_background_new, the writer is
 * PWF_CKPT_PWRITE.
 * Collective over the mesh; the same status everywhere. Fails as pwf_ckpt_write; nothing is then
 * under way. */
pwf_status pwf_background_begin(pwf_background *b, const char *dir, const pwf_snapshot *snapshot);

/** Begins to remove old files as pwf_ckpt_prune does. Nothing may be under way.
 * Local, but called on all ranks. */
void pwf_background_prune(pwf_background *b, const char *dir, pwf_ckpt_retention stay);

/** Whether something is under way; the same on all ranks.
 * Local. */
bool pwf_background_is_under_way(const pwf_background *b);

/** What this rank brings to the reduction: PWF_BACKGROUND_BUSY, or how its thread ended.
 * Local. */
int pwf_background_claim(pwf_background *b);

/** Processor time in seconds that the own thread has taken since the last begin: what it can have
 * kept from others. It must not be busy.
 * Local. */
double pwf_background_seconds(const pwf_background *b);

/** Waits until the own thread is not busy.
 * Local. */
void pwf_background_wait(pwf_background *b);

/** Goes on with what is under way; `claim` is the largest of all ranks', and none was busy. `path`
 * (PWF_PATH bytes) gets the name of the checkpoint when it has it for good, else "".
 * Collective over the mesh; the same status everywhere. Fails as pwf_ckpt_write; nothing is then
 * under way. */
pwf_status pwf_background_advance(pwf_background *b, int claim, char *path);

#endif
