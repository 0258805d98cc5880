/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/watch.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double TICK = 1.0, WAITS_MORE = 1.2, SLOWER = 20.0;

/* What the working threads note. The watching thread keeps the time, so that they need no clock. */
static atomic_ulong begun, met, beats;
static _Atomic double limit;
static _Atomic(const char *) limit_key = "", waits; /* waits: NULL in own work */

/* The same of a thread beside them. */
static atomic_ulong pieces;
static _Atomic double beside_limit;
static _Atomic(const char *) beside_key = "", beside_what = "";
static _Thread_local bool is_beside;

static struct {
    bool runs, ends;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pid_t *pids;
    int count;
} watch;

/* What the watching thread knows of the piece of work under way. */
typedef struct view {
    unsigned long begun, met, beats;
    double silent; /* seconds since something happened */
    double worked; /* seconds of own work since the ranks last met */
    unsigned long pieces;
    double beside; /* seconds since something happened in the thread beside */
} view;

void pwf_watch_limit(const char *key, double seconds)
{
    atomic_store(&limit_key, key);
    atomic_store(&limit, seconds);
    atomic_fetch_add(&begun, 1);
}

void pwf_watch_beat(void)
{
    atomic_fetch_add_explicit(is_beside ? &pieces : &beats, 1, memory_order_relaxed);
}

void pwf_watch_beside(const char *what, const char *key, double seconds)
{
    is_beside = true;
    atomic_store(&beside_what, what);
    atomic_store(&beside_key, key);
    atomic_store(&beside_limit, seconds);
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

/* The first rank of this host whose process is stopped; -1: none, or nobody can tell. */
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

static _Noreturn void end_process(double silent)
{
    const char *what = atomic_load(&waits), *name = atomic_load(&limit_key);
    char place[160], stopped[80] = "";
    pwf_log_place(place);
    const int rank = what ? find_stopped() : -1;
    if (rank >= 0)
        snprintf(stopped, sizeof stopped, "; rank %d, process %ld of this host, is stopped", rank,
                 (long)watch.pids[rank]);
    if (what)
        pwf_log(PWF_LOG_ERROR, "STUCK",
                "%s: waited %.0f s in a %s for ranks that do not come%s; the limit is %s", place,
                silent, what, stopped, name);
    else
        pwf_log(PWF_LOG_ERROR, "STUCK",
                "%s: nothing done for %.0f s; the limit is %s, to be raised if this was no "
                "fault",
                place, silent, name);
    _exit(PWF_STUCK);
}

static void look_beside(view *v, double seconds)
{
    const unsigned long now = atomic_load(&pieces);
    const double most = atomic_load(&beside_limit);
    v->beside = now == v->pieces ? v->beside + seconds : 0.0;
    v->pieces = now;
    if (most <= 0.0 || v->beside <= most) return;
    char place[160];
    pwf_log_place(place);
    pwf_log(PWF_LOG_ERROR, "STUCK",
            "%s: the thread that %s has done nothing for %.0f s; the limit is %s, to be raised if "
            "this was no fault",
            place, atomic_load(&beside_what), v->beside, atomic_load(&beside_key));
    _exit(PWF_STUCK);
}

/* Takes in what happened in the last `seconds`. */
static void look(view *v, double seconds)
{
    const view now = {.begun = atomic_load(&begun),
                      .met = atomic_load(&met),
                      .beats = atomic_load(&beats),
                      .pieces = v->pieces,
                      .beside = v->beside};
    if (now.begun != v->begun || now.met != v->met) {
        *v = now;
        return;
    }
    v->silent += seconds;
    if (now.beats != v->beats) {
        v->worked += v->silent;
        v->silent = 0.0;
        v->beats = now.beats;
    }
    const double most = atomic_load(&limit);
    const bool waiting = atomic_load(&waits) != NULL;
    const double patience =
        most * WAITS_MORE > SLOWER * v->worked ? most * WAITS_MORE : SLOWER * v->worked;
    if (most > 0.0 && v->silent > (waiting ? patience : most)) end_process(v->silent);
}

/* Seconds between two looks. */
static double find_tick(void)
{
    double tick = TICK;
    const double limits[] = {atomic_load(&limit), atomic_load(&beside_limit)};
    for (int i = 0; i < 2; i++)
        if (limits[i] > 0.0 && limits[i] / 8.0 < tick) tick = limits[i] / 8.0;
    return tick;
}

static void *watch_main(void *argument)
{
    (void)argument;
    view v = {0};
    double before = pwf_clock_seconds();
    pthread_mutex_lock(&watch.mutex);
    while (!watch.ends) {
        const double tick = find_tick();
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        const long ns = next.tv_nsec + (long)(tick * 1e9);
        next.tv_sec += ns / 1000000000;
        next.tv_nsec = ns % 1000000000;
        pthread_cond_timedwait(&watch.changed, &watch.mutex, &next);
        /* A longer sleep than asked for was that of the whole process. */
        const double after = pwf_clock_seconds(), passed = after - before;
        before = after;
        const double counted = passed < 2.0 * tick ? passed : 2.0 * tick;
        if (!watch.ends) look_beside(&v, counted);
        if (!watch.ends) look(&v, counted);
    }
    pthread_mutex_unlock(&watch.mutex);
    return NULL;
}

pwf_status pwf_watch_start(void)
{
    pthread_condattr_t monotonic;
    PWF_ASSERT(!watch.runs);
    watch.ends = false;
    pthread_mutex_init(&watch.mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const int e = pthread_create(&watch.thread, NULL, watch_main, NULL);
    watch.runs = e == 0;
    if (e == 0) return pwf_ok();
    pthread_cond_destroy(&watch.changed);
    pthread_mutex_destroy(&watch.mutex);
    return PWF_FAIL(PWF_RESOURCE, "cannot start the watchdog thread: %s", strerror(e));
}

void pwf_watch_stop(void)
{
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
    atomic_store(&beside_limit, 0.0);
}

pwf_status pwf_watch_peers(const pid_t *pids, int count)
{
    pid_t *copy = malloc((size_t)count * sizeof *pids);
    if (!copy) return PWF_FAIL(PWF_RESOURCE, "no memory for the watchdog");
    memcpy(copy, pids, (size_t)count * sizeof *pids);
    if (watch.runs) pthread_mutex_lock(&watch.mutex); /* the thread reads them under it */
    free(watch.pids);
    watch.pids = copy;
    watch.count = count;
    if (watch.runs) pthread_mutex_unlock(&watch.mutex);
    return pwf_ok();
}
