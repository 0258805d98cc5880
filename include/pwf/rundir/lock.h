/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_LOCK_H
#define PWF_RUNDIR_LOCK_H

#include "pwf/mesh/mesh.h"

/** One owner of a run directory: the file .pwf.lock in it, held by world rank 0 for the life of a
 * job. docs/explanation/reliability.md describes it. */

typedef struct pwf_lock pwf_lock;

/** Creates DIR if necessary and takes its lock; the lock of a job that has ended is taken over. An
 * earlier start of the same Slurm job that still runs is asked to stop; the call waits for it for
 * at most ten minutes.
 * Collective over the mesh. *out is NULL on all ranks but 0, which owns it. Fails with
 * PWF_CANTCREATE, naming the holder, if another job has the lock, or with PWF_DENIED, PWF_IO or
 * PWF_RESOURCE; the same everywhere. */
pwf_status pwf_lock_take(const pwf_mesh *mesh, const char *dir, pwf_lock **out);

/** Releases the lock; removes DIR if it was created for the lock and is empty. NULL is allowed.
 * Local. */
void pwf_lock_release(pwf_lock *lock);

#endif
