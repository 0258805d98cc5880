/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_WATCH_H
#define PWF_CORE_WATCH_H

#include "pwf/core/status.h"

#include <sys/types.h>

/** A thread that ends the process with PWF_STUCK when nothing goes on for longer than a limit. Time
 * in which the whole process is stopped or starved does not count. A process that waits for others
 * gets a fifth more, so that the one that hangs speaks first, and at least twenty times what its
 * own share of the work took: the others may just be slower. */

/** Starts the thread, without a limit.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_watch_start(void);

/** Ends the thread; nothing if there is none.
 * Local. */
void pwf_watch_stop(void);

/** Begins something that may be silent for `seconds`, 0: for ever; `key` names the setting and must
 * stay valid.
 * Local. */
void pwf_watch_limit(const char *key, double seconds);

/** Notes that a piece of this process's own work is done.
 * Local; any thread. Costs an atomic addition. */
void pwf_watch_beat(void);

/** Begins the next piece of what this thread does beside the rest, which may be silent for
 * `seconds` too, 0: it has ended, or may be silent for ever; `what` says what the thread does. Both
 * must stay valid. One such thread at a time; from now on its signs of life are its own.
 * Local. */
void pwf_watch_beside(const char *what, const char *key, double seconds);

/** Notes that this process begins to wait for others, in the collective `what`, and that they have
 * come. `what` must stay valid.
 * Local; from the thread that talks to MPI. */
void pwf_watch_wait(const char *what);
void pwf_watch_met(void);

/** Says which processes belong to ranks 0 to count - 1, 0 for those of other hosts: a stopped one
 * is then named. Copied.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_watch_peers(const pid_t *pids, int count);

#endif
