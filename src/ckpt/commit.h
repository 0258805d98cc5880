/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_COMMIT_H
#define PWF_CKPT_COMMIT_H

#include "pwf/ckpt/ckpt.h"

/** The commit protocol of write.c, step by step, for callers that run all of it at once or the long
 * steps in a thread. */

typedef struct pwf_commit pwf_commit;

#define PWF_CKPT_NAME "ckpt-%010lld.h5" /* of the checkpoint of a step */

/** Plans a file of the state of a snapshot; no file is created yet. facts.config must stay valid
 * until the file has been laid out, the state unchanged until pwf_commit_copy or the end.
 * Collective over the mesh; the same status everywhere. The caller ends it with pwf_commit_end.
 * Fails with PWF_RESOURCE. */
pwf_status pwf_commit_new(const pwf_mesh *mesh, const char *dir, const char *name, uint32_t kind,
                          const pwf_snapshot *snapshot, pwf_commit **out);

/** Runs the next steps, after each of which the ranks agree on a status: with `all` all remaining
 * ones, else those before the next one that may run in a thread.
 * Collective over the mesh; the same status everywhere. Fails as pwf_ckpt_write. */
pwf_status pwf_commit_together(pwf_commit *c, bool all);

/** Runs one step that may run in a thread. *more tells whether the next one may, too, before the
 * ranks agree on a status; after a failure it is false.
 * Local; any thread, one at a time; calls neither MPI nor HDF5. Fails as pwf_ckpt_write. */
pwf_status pwf_commit_aside(pwf_commit *c, bool *more);

/** The name of the file once the last step is done, so that it is durable; else NULL.
 * Local. */
const char *pwf_commit_done(const pwf_commit *c);

/** Continues with a copy of the arrays, so that the state may change. Called after open_all.
 * `copy` has pwf_commit_copy_bytes bytes, which is 0 on ranks that write nothing. Local. */
size_t pwf_commit_copy_bytes(const pwf_mesh *mesh, const pwf_state *state);
void pwf_commit_copy(pwf_commit *c, char *copy);

/** Ends a commit with the status of its last step; after a failure the partial file is removed.
 * NULL is allowed. Collective over the mesh if an mpiio file is open, else local. */
void pwf_commit_end(pwf_commit *c, const pwf_status *status);

/** What pwf_ckpt_prune does on rank 0.
 * Local; any thread. */
void pwf_folder_prune(const char *dir, pwf_retention stay);

#endif
