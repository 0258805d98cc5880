/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_CLOCK_H
#define PWF_CORE_CLOCK_H

/** Seconds on the monotonic clock; only differences of two readings have a meaning.
 * Local; any thread. */
double pwf_clock_seconds(void);

/** The current UTC as "2026-01-02T03:04:05.678Z", NUL-terminated.
 * Local; any thread. */
void pwf_clock_utc(char text[25]);

#endif
