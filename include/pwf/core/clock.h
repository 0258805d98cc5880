/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_CLOCK_H
#define PWF_CORE_CLOCK_H

#include <pthread.h>
#include <time.h>

/** Seconds on the monotonic clock; only differences of two readings have a meaning.
 * Local; any thread. */
double pwf_clock_seconds(void);

/** The time of the monotonic clock `ns` nanoseconds from now for a timed wait on
 * a condition of pwf_clock_condition.
 * Local; any thread. */
struct timespec pwf_clock_after(long ns);

/** Initialises a condition whose timed waits read the monotonic clock, so that setting the wall
 * clock neither ends nor prolongs them.
 * Local. */
void pwf_clock_condition(pthread_cond_t *condition);

/** The current UTC as "2026-01-02T03:04:05.678Z", NUL-terminated.
 * Local; any thread. */
void pwf_clock_utc(char text[25]);

#endif
