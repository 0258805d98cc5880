/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_REQUEST_H
#define PWF_CORE_REQUEST_H

#include "pwf/core/status.h"

/** Requests to a running job: save a checkpoint, or save and stop. A signal is only recorded; the
 * job polls between two units of work. If there are several requests, the largest counts. */
typedef enum pwf_request {
    PWF_REQUEST_NONE,
    PWF_REQUEST_SAVE,      /* SIGUSR2; all later ones save and stop */
    PWF_REQUEST_STEPS,     /* checkpoint.stop_after */
    PWF_REQUEST_TIME,      /* checkpoint.max_time */
    PWF_REQUEST_FILE,      /* the file `stop` in the run directory */
    PWF_REQUEST_USR1,      /* SIGUSR1 */
    PWF_REQUEST_HANGUP,    /* SIGHUP */
    PWF_REQUEST_INTERRUPT, /* SIGINT */
    PWF_REQUEST_TERMINATE  /* SIGTERM */
} pwf_request;

/** Starts a thread that receives the signals. A second SIGTERM, SIGINT or SIGHUP more than one
 * second after the first ends the process as without a handler; signals that were ignored stay
 * ignored. The calling thread, and threads that it starts later, block these signals: in matrix
 * products oneDNN points the stack pointer into the heap, where the frame of a handler would
 * overwrite data.
 * Local; once per process, before it starts threads. Fails with PWF_RESOURCE. */
pwf_status pwf_request_listen(void);

/** Restores the default actions of the signals. If the largest request so far came by a signal,
 * raises that signal again, which ends the process.
 * Local. */
void pwf_request_ignore(void);

/** Sets the time limit as a reading of pwf_clock_seconds; 0: none.
 * Local. */
void pwf_request_set_deadline(double seconds);

/** The largest request so far by a signal or the time limit.
 * Local; any thread. */
pwf_request pwf_request_now(void);

/** Clears a request to save; a request to stop stays.
 * Local. */
void pwf_request_saved(void);

/** The reason as the end of a sentence: "on SIGUSR1".
 * Local. */
const char *pwf_request_reason(pwf_request request);

/** The reason as a word for scripts: usr1, usr2, term, int, hup, stop_after, max_time, stop_file or
 * none.
 * Local. */
const char *pwf_request_word(pwf_request request);

#endif
