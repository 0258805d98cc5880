/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_VIRTUAL_CLOCK_H
#define PWF_TESTS_VIRTUAL_CLOCK_H

/* A clock for tests, in place of CLOCK_MONOTONIC: virtual time passes only while every thread of
 * the process sleeps in it, and then at once. So a test of limits and intervals needs no real time,
 * and a busy machine cannot change its outcome.
 *
 * A test program links virtual_clock.c through pwf_virtual_clock() in tests/CMakeLists.txt, which
 * wraps clock_gettime, pthread_cond_timedwait, pthread_cond_signal and pthread_create. Every thread
 * counts as awake from its creation; one that ends must call virtual_leave first. */

/** Sleeps for `seconds` of virtual time. */
void virtual_sleep(double seconds);

/** Sleeps until the process ends. */
_Noreturn void virtual_hang(void);

/** Lets time pass at once, whoever is awake. For programs with no thread that sleeps. */
void virtual_advance(double seconds);

/** Makes the next sleep of every thread end `seconds` late, as if the process had been stopped. */
void virtual_oversleep(double seconds);

/** Announces that the calling thread ends. */
void virtual_leave(void);

#endif
