/* SPDX-License-Identifier: BSD-3-Clause */
/* Two clocks: the monotonic one for elapsed times and limits, and UTC for log lines and file names.
 * Called from everywhere, by any thread. No state. Results of training never depend on either
 * clock; only reports, time limits and the watchdog do. */
#include "pwf/core/clock.h"

#include <stdio.h>
#include <time.h>

double pwf_clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct timespec pwf_clock_after(long ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ns;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

void pwf_clock_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void pwf_clock_utc(char text[25])
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    char seconds[20];
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, 25, "%s.%03dZ", seconds, (int)(t.tv_nsec / 1000000));
}
