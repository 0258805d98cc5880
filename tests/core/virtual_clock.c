/* SPDX-License-Identifier: BSD-3-Clause */
/* A discrete-event clock: the last thread that goes to sleep moves the time on to the earliest
 * wake-up. The linker redirects calls of the program (not of shared libraries) to the __wrap_
 * functions. clock_gettime may be called in signal handlers, so it reads an atomic and takes no
 * lock. */
#include "core/virtual_clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SLEEPERS = 8 };

static atomic_llong now = 1000000000000; /* ns */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the variables below */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int awake = 1;  /* threads */
static long long late; /* ns, added to the next wake-up */
static struct sleeper {
    bool used, woken, signalled; /* signalled: sleeps on a condition variable */
    long long until;
} sleepers[SLEEPERS];

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);

/* Wakes sleepers up to the present time; the lock is held. */
static void wake(struct sleeper *s)
{
    s->woken = true;
    awake++;
    pthread_cond_broadcast(&changed);
}

/* Moves the time on if nobody is awake; the lock is held. */
static void advance(void)
{
    long long first = -1;
    if (awake > 0) return;
    for (int i = 0; i < SLEEPERS; i++)
        if (sleepers[i].used && !sleepers[i].woken && (first < 0 || sleepers[i].until < first))
            first = sleepers[i].until;
    if (first < 0) return;
    if (first > atomic_load(&now)) atomic_store(&now, first);
    atomic_fetch_add(&now, late);
    late = 0;
    for (int i = 0; i < SLEEPERS; i++)
        if (sleepers[i].used && !sleepers[i].woken && sleepers[i].until <= atomic_load(&now))
            wake(&sleepers[i]);
}

/* The mutex, if any, is released while the thread sleeps. */
static void sleep_until(long long until, pthread_mutex_t *mutex)
{
    int i = 0;
    pthread_mutex_lock(&lock);
    while (i < SLEEPERS && sleepers[i].used)
        i++;
    if (i == SLEEPERS) abort();
    sleepers[i] = (struct sleeper){.used = true, .signalled = mutex != NULL, .until = until};
    if (mutex) pthread_mutex_unlock(mutex);
    awake--;
    advance();
    while (!sleepers[i].woken)
        pthread_cond_wait(&changed, &lock);
    sleepers[i].used = false;
    pthread_mutex_unlock(&lock);
    if (mutex) pthread_mutex_lock(mutex);
}

void virtual_sleep(double seconds)
{
    sleep_until(atomic_load(&now) + (long long)(seconds * 1e9), NULL);
}

_Noreturn void virtual_hang(void)
{
    virtual_sleep(1e9);
    abort();
}

void virtual_advance(double seconds)
{
    atomic_fetch_add(&now, (long long)(seconds * 1e9));
}

void virtual_oversleep(double seconds)
{
    pthread_mutex_lock(&lock);
    late = (long long)(seconds * 1e9);
    pthread_mutex_unlock(&lock);
}

void virtual_leave(void)
{
    pthread_mutex_lock(&lock);
    awake--;
    advance();
    pthread_mutex_unlock(&lock);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_MONOTONIC) return __real_clock_gettime(id, t);
    const long long ns = atomic_load(&now);
    *t = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    (void)condition;
    sleep_until(until->tv_sec * 1000000000LL + until->tv_nsec, mutex);
    return ETIMEDOUT;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < SLEEPERS; i++)
        if (sleepers[i].used && !sleepers[i].woken && sleepers[i].signalled) wake(&sleepers[i]);
    pthread_mutex_unlock(&lock);
    return __real_pthread_cond_signal(condition);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
    pthread_mutex_lock(&lock);
    awake++;
    pthread_mutex_unlock(&lock);
    return __real_pthread_create(thread, attributes, run, argument);
}
