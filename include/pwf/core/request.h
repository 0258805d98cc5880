/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_REQUEST_H
#define PWF_CORE_REQUEST_H

#include "pwf/core/status.h"

/** What somebody outside asks of a running job: to save, or to save and stop. A signal is only
 * noted; the job looks when it is between two pieces of work. Of several requests the largest
 * counts. */
typedef enum pwf_request {
    PWF_REQUEST_NONE,
    PWF_REQUEST_SAVE,      /* SIGUSR2; all that follow are to save and stop */
    PWF_REQUEST_STEPS,     /* checkpoint.stop_after */
    PWF_REQUEST_TIME,      /* checkpoint.max_time */
    PWF_REQUEST_FILE,      /* the file `stop` in the run directory */
    PWF_REQUEST_USR1,      /* SIGUSR1 */
    PWF_REQUEST_HANGUP,    /* SIGHUP */
    PWF_REQUEST_INTERRUPT, /* SIGINT */
    PWF_REQUEST_TERMINATE  /* SIGTERM */
} pwf_request;

/** Begins to listen for signals, in a thread of its own. One of SIGTERM, SIGINT and SIGHUP that
 * comes more than a second after the first of them ends the process as if nobody listened; one that
 * was ignored stays so.
 * The calling thread, and those that it starts from then on, are never interrupted: the matrix
 * products of oneDNN let the stack pointer point into the heap, so that the frame of a signal
 * handler would be written over what lies there.
 * Local; once in a process, before it starts threads. Fails without memory for the thread. */
pwf_status pwf_request_listen(void);

/** Stops listening; a signal that would have ended the process, and has come, does so now.
 * Local. */
void pwf_request_ignore(void);

/** From this reading of pwf_clock_seconds on, the time is up; 0: never.
 * Local. */
void pwf_request_set_deadline(double seconds);

/** The largest request of this process.
 * Local; any thread. */
pwf_request pwf_request_now(void);

/** Forgets requests to save; one to stop stays.
 * Local. */
void pwf_request_saved(void);

/** Why a job stops, as the end of a sentence: "on SIGUSR1".
 * Local. */
const char *pwf_request_reason(pwf_request request);

/** The same as a word for programs: usr1, usr2, term, int, hup, stop_after, max_time, stop_file or
 * none.
 * Local. */
const char *pwf_request_word(pwf_request request);

#endif
