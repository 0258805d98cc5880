/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread pool: every task runs once, on a valid worker, whatever the number of threads; runs
 * follow each other; the pulse is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/pool.h"

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { TASKS = 200 };

static atomic_int starts;

static void start(void)
{
    atomic_fetch_add(&starts, 1);
}

typedef struct work {
    pthread_t caller;
    atomic_int done[TASKS];
    atomic_int running[8]; /* per worker: never two at once */
    atomic_bool bad;
    int threads;
} work;

static void count_task(void *context, int task, int worker)
{
    work *w = context;
    if (worker < 0 || worker >= w->threads || atomic_fetch_add(&w->running[worker], 1) != 0)
        atomic_store(&w->bad, true);
    if ((worker == 0) != (pthread_equal(pthread_self(), w->caller) != 0))
        atomic_store(&w->bad, true);
    atomic_fetch_add(&w->done[task], 1);
    atomic_fetch_sub(&w->running[worker], 1);
}

static void every_task_runs_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        pwf_pool *pool = NULL;
        atomic_store(&starts, 0);
        assert_int_equal(pwf_pool_new(threads, start, &pool).code, PWF_OK);
        assert_int_equal(pwf_pool_threads(pool), threads);
        for (int run = 0; run < 300; run++) {
            static work w;
            memset(&w, 0, sizeof w);
            w.caller = pthread_self();
            w.threads = threads;
            const int tasks = run % (TASKS + 1);
            pwf_pool_run(pool, tasks, count_task, &w);
            assert_false(atomic_load(&w.bad));
            for (int i = 0; i < TASKS; i++)
                assert_int_equal(atomic_load(&w.done[i]), i < tasks);
        }
        pwf_pool_free(pool);
        assert_int_equal(atomic_load(&starts), threads);
    }
}

/* Two tasks that wait for each other end only if two workers run at the same time. */
static void meet(void *context, int task, int worker)
{
    (void)task;
    (void)worker;
    pthread_barrier_wait(context);
}

static void workers_work_at_the_same_time(void **state)
{
    (void)state;
    pthread_barrier_t barrier;
    pwf_pool *pool = NULL;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
    assert_int_equal(pwf_pool_new(3, NULL, &pool).code, PWF_OK);
    for (int i = 0; i < 20; i++)
        pwf_pool_run(pool, 3, meet, &barrier);
    pwf_pool_free(pool);
    pthread_barrier_destroy(&barrier);
    pwf_pool_free(NULL);
}

typedef struct pulses {
    pthread_t caller;
    atomic_int count;
    bool bad;
} pulses;

static bool pulse(void *context)
{
    pulses *p = context;
    if (!pthread_equal(pthread_self(), p->caller)) p->bad = true;
    return atomic_fetch_add(&p->count, 1) < 1000;
}

/* Tasks of other workers end after the caller has pulsed many times. */
static void wait_for_pulses(void *context, int task, int worker)
{
    pulses *p = context;
    (void)task;
    while (worker > 0 && atomic_load(&p->count) < 50)
        sched_yield();
}

static void the_caller_pulses(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        pwf_pool *pool = NULL;
        pulses p = {.caller = pthread_self()};
        assert_int_equal(pwf_pool_new(threads, NULL, &pool).code, PWF_OK);
        pwf_pool_pulse(pool, pulse, &p);
        for (int run = 0; run < 20; run++) {
            atomic_store(&p.count, run % 2 ? 0 : 1000); /* then it has nothing to keep going */
            pwf_pool_run(pool, 60, wait_for_pulses, &p);
        }
        assert_false(p.bad);
        pwf_pool_pulse(pool, NULL, NULL);
        const int before = atomic_load(&p.count);
        pwf_pool_run(pool, 60, wait_for_pulses, &(pulses){.count = 50});
        assert_int_equal(atomic_load(&p.count), before);
        pwf_pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(workers_work_at_the_same_time),
        cmocka_unit_test(the_caller_pulses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
