/* SPDX-License-Identifier: BSD-3-Clause */
/* The watchdog: a thread that ends the process with PWF_STUCK if there is no progress for longer
 * than a limit. Working threads only count events, through pwf_watch_beat and related functions,
 * called from everywhere; the watchdog thread reads the clock. State: these counters and the thread
 * itself. */
#include "pwf/core/watch.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TICK = 1.0;       /* seconds between two checks at most */
static const double WAITS_MORE = 1.2; /* a waiting process gets this multiple of the limit */
static const double SLOWER = 20.0;    /* and at least this multiple of its own work */

/* Counted by the working threads: pieces of work begun, collectives completed, signs of progress.
 */
static atomic_ulong begun, met, beats;
static _Atomic double limit;
static _Atomic(const char *) limit_key = "", waits; /* waits: the collective, or NULL */

/* The same for one background thread, such as the checkpoint writer. */
static atomic_ulong pieces;
static _Atomic double background_limit;
static _Atomic(const char *) background_key = "", background_what = "";
static _Thread_local bool in_background;

/* `ends`, `pids` and `count` are guarded by the mutex. */
static struct {
    bool runs, ends; /* the thread exists; it must exit */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pid_t *pids; /* [count] process of each rank, 0 on other hosts */
    int count;
} watch;

/* The watchdog thread's record of the current piece of work. */
typedef struct view {
    unsigned long begun, met, beats;
    double silent; /* seconds without progress */
    double worked; /* seconds of own work since the last collective */
    unsigned long pieces;
    double background; /* seconds without progress in the background thread */
} view;

void pwf_watch_limit(const char *key, double seconds)
{
    /* The key is stored first: the watchdog names it once the limit is exceeded. */
    atomic_store(&limit_key, key);
    atomic_store(&limit, seconds);
    atomic_fetch_add(&begun, 1);
}

void pwf_watch_beat(void)
{
    /* Only a change of the count matters, so no other memory is ordered by it. */
    atomic_fetch_add_explicit(in_background ? &pieces : &beats, 1, memory_order_relaxed);
}

void pwf_watch_beside(const char *what, const char *key, double seconds)
{
    in_background = true;
    atomic_store(&background_what, what);
    atomic_store(&background_key, key);
    atomic_store(&background_limit, seconds);
    atomic_fetch_add(&pieces, 1);
}

void pwf_watch_wait(const char *what)
{
    atomic_store_explicit(&waits, what, memory_order_relaxed);
    pwf_watch_beat();
}

void pwf_watch_met(void)
{
    atomic_store_explicit(&waits, NULL, memory_order_relaxed);
    atomic_fetch_add_explicit(&met, 1, memory_order_relaxed);
}

/* The first rank on this host whose process is stopped (SIGSTOP); -1 if none is known. */
static int find_stopped(void)
{
    for (int r = 0; r < watch.count; r++) {
        char path[64], text[512] = "";
        if (watch.pids[r] <= 0) continue;
        snprintf(path, sizeof path, "/proc/%ld/stat", (long)watch.pids[r]);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        const size_t n = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        text[n] = '\0';
        const char *end = strrchr(text, ')'); /* "pid (name) state ..." */
        if (end && (strncmp(end, ") T", 3) == 0 || strncmp(end, ") t", 3) == 0)) return r;
    }
    return -1;
}

/* Logs what is stuck and ends the process. */
static _Noreturn void end_process(double silent)
{
    const char *what = atomic_load(&waits), *name = atomic_load(&limit_key);
    char place[160], stopped[80] = "";
    pwf_log_place(place);
    const int rank = what ? find_stopped() : -1;
    if (rank >= 0)
        snprintf(stopped, sizeof stopped, "; rank %d (process %ld on this host) is stopped", rank,
                 (long)watch.pids[rank]);
    /* A process that waits is rarely the cause; the message names a stopped rank if there is one.
     */
    if (what)
        pwf_log(PWF_LOG_ERROR, "STUCK",
                "%s: waited %.0f s in %s for other ranks%s; the limit is %s", place, silent, what,
                stopped, name);
    else
        pwf_log(PWF_LOG_ERROR, "STUCK",
                "%s: no progress for %.0f s; the limit is %s; raise it if the work is just slow",
                place, silent, name);
    _exit(PWF_STUCK);
}

/* Ends the process if the background thread has exceeded its limit. */
static void check_background(view *v, double seconds)
{
    const unsigned long now = atomic_load(&pieces);
    const double most = atomic_load(&background_limit);
    v->background = now == v->pieces ? v->background + seconds : 0.0;
    v->pieces = now;
    if (most <= 0.0 || v->background <= most) return;
    char place[160];
    pwf_log_place(place);
    pwf_log(PWF_LOG_ERROR, "STUCK",
            "%s: the thread that %s made no progress for %.0f s; the limit is %s; raise it if the "
            "work is just slow",
            place, atomic_load(&background_what), v->background, atomic_load(&background_key));
    _exit(PWF_STUCK);
}

/* Updates the record after `seconds` and ends the process if a limit is exceeded. */
static void check(view *v, double seconds)
{
    const view now = {.begun = atomic_load(&begun),
                      .met = atomic_load(&met),
                      .beats = atomic_load(&beats),
                      .pieces = v->pieces,
                      .background = v->background};
    if (now.begun != v->begun || now.met != v->met) {
        *v = now;
        return;
    }
    /* The time up to a sign of progress counts as own work; the time since the last sign is not yet
     * attributed. */
    v->silent += seconds;
    if (now.beats != v->beats) {
        v->worked += v->silent;
        v->silent = 0.0;
        v->beats = now.beats;
    }
    /* Waiting ranks get more time, so that the rank that hangs reports first. */
    const double most = atomic_load(&limit);
    const bool waiting = atomic_load(&waits) != NULL;
    const double patience =
        most * WAITS_MORE > SLOWER * v->worked ? most * WAITS_MORE : SLOWER * v->worked;
    if (most > 0.0 && v->silent > (waiting ? patience : most)) end_process(v->silent);
}

/* Seconds between two checks: an eighth of the smallest limit, at most TICK. */
static double find_tick(void)
{
    double tick = TICK;
    const double limits[] = {atomic_load(&limit), atomic_load(&background_limit)};
    for (int i = 0; i < 2; i++)
        if (limits[i] > 0.0 && limits[i] / 8.0 < tick) tick = limits[i] / 8.0;
    return tick;
}

/* The watchdog thread: sleeps on the condition with a timeout, so that pwf_watch_stop can wake it.
 * The mutex is held except while it sleeps, which also guards `watch.pids`. */
static void *watch_main(void *argument)
{
    (void)argument;
    view v = {0};
    double before = pwf_clock_seconds();
    pthread_mutex_lock(&watch.mutex);
    while (!watch.ends) {
        const double tick = find_tick();
        const struct timespec next = pwf_clock_after((long)(tick * 1e9));
        pthread_cond_timedwait(&watch.changed, &watch.mutex, &next);
        /* If the sleep took longer than requested, the whole process was stopped or starved. */
        const double after = pwf_clock_seconds(), passed = after - before;
        before = after;
        const double counted = passed < 2.0 * tick ? passed : 2.0 * tick;
        if (!watch.ends) check_background(&v, counted);
        if (!watch.ends) check(&v, counted);
    }
    pthread_mutex_unlock(&watch.mutex);
    return NULL;
}

pwf_status pwf_watch_start(void)
{
    PWF_ASSERT(!watch.runs);
    watch.ends = false;
    pthread_mutex_init(&watch.mutex, NULL);
    pwf_clock_condition(&watch.changed);
    const int e = pthread_create(&watch.thread, NULL, watch_main, NULL);
    watch.runs = e == 0;
    if (e == 0) return pwf_ok();
    pthread_cond_destroy(&watch.changed);
    pthread_mutex_destroy(&watch.mutex);
    return PWF_FAIL(PWF_RESOURCE, "cannot start the watchdog thread: %s", strerror(e));
}

void pwf_watch_stop(void)
{
    /* Also without a thread, to drop the processes and limits of an earlier run. */
    if (watch.runs) {
        pthread_mutex_lock(&watch.mutex);
        watch.ends = true;
        pthread_cond_signal(&watch.changed);
        pthread_mutex_unlock(&watch.mutex);
        pthread_join(watch.thread, NULL);
        pthread_cond_destroy(&watch.changed);
        pthread_mutex_destroy(&watch.mutex);
    }
    watch.runs = false;
    free(watch.pids);
    watch.pids = NULL;
    watch.count = 0;
    atomic_store(&limit, 0.0);
    atomic_store(&background_limit, 0.0);
}

pwf_status pwf_watch_peers(const pid_t *pids, int count)
{
    pid_t *copy = malloc((size_t)count * sizeof *pids);
    PWF_FAIL_IF(!copy, PWF_RESOURCE, "out of memory for the watchdog");
    memcpy(copy, pids, (size_t)count * sizeof *pids);
    if (watch.runs) pthread_mutex_lock(&watch.mutex); /* the watchdog thread reads them */
    free(watch.pids);
    watch.pids = copy;
    watch.count = count;
    if (watch.runs) pthread_mutex_unlock(&watch.mutex);
    return pwf_ok();
}
