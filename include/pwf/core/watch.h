/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_WATCH_H
#define PWF_CORE_WATCH_H

#include "pwf/core/status.h"

#include <sys/types.h>

/** The watchdog: a thread that ends the process with PWF_STUCK after a time limit without progress.
 * Time in which the whole process is stopped or starved does not count. A process that waits for
 * others gets 1.2 times the limit, so that the one that hangs reports first, and at least 20 times
 * the time of its own work, because the others may just be slower. */

/** Starts the thread; there is no limit yet.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_watch_start(void);

/** Ends the thread. No effect if it is not running.
 * Local. */
void pwf_watch_stop(void);

/** Begins a piece of work with a limit of `seconds` without progress; 0: none. `key` names the
 * setting of the limit and must stay valid.
 * Local. */
void pwf_watch_limit(const char *key, double seconds);

/** Records progress of this process.
 * Local; any thread. Costs one atomic addition. */
void pwf_watch_beat(void);

/** Begins a piece of work of the calling background thread with its own limit of `seconds`; 0: no
 * limit, or the work has ended. `what` completes "the thread that ..."; `what` and `key` must stay
 * valid. From now on pwf_watch_beat of this thread counts for the background work.
 * Local; one background thread at a time. */
void pwf_watch_beside(const char *what, const char *key, double seconds);

/** Bracket a wait for other ranks in the collective `what`, which must stay valid.
 * Local; on the MPI thread. */
void pwf_watch_wait(const char *what);
void pwf_watch_met(void);

/** Sets the process of each rank, 0 for ranks on other hosts, so that the watchdog can name a
 * stopped one. pids[count] is copied.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_watch_peers(const pid_t *pids, int count);

#endif
