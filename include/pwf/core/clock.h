/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_CLOCK_H
#define PWF_CORE_CLOCK_H

/** Seconds on a clock that never jumps; the difference of two readings is an elapsed time.
 * Local; any thread. */
double pwf_clock_seconds(void);

/** Writes UTC as "2026-01-02T03:04:05.678Z" and a NUL.
 * Local; any thread. */
void pwf_clock_utc(char text[25]);

#endif
