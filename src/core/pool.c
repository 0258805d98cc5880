/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker threads of a rank, which run the tasks of one parallel loop at a time. Called by the
 * thread that created the pool, which is worker 0 and also the MPI thread: after each of its
 * tasks it calls the pulse, which lets MPI make progress. A mutex guards the run; tasks are taken
 * by an atomic counter. */
#include "pwf/core/pool.h"

#include "pwf/core/clock.h"
#include "pwf/core/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE = 100000 /* ns between two pulses while the caller waits */ };

/* Argument of a worker thread; workers[0] stands for the caller and has no thread. */
typedef struct worker {
    pwf_pool *pool;
    int index;
    pthread_t thread;
} worker;

struct pwf_pool {
    int threads;
    void (*start)(void);
    worker *workers;
    pthread_mutex_t lock;
    pthread_cond_t wake, done; /* a run is open or the pool ends; the last thread left the run */
    pwf_task task;
    void *context;
    const char *span; /* trace span of the caller, or NULL */
    int tasks;
    atomic_int next; /* next task; not under the lock, because a step has thousands of tasks */
    int64_t runs;    /* number of runs begun */
    bool open;       /* threads may still enter the current run */
    int busy;        /* threads in the current run, without the caller */
    bool ending;     /* the threads must exit */
    bool (*pulse)(void *context);
    void *pulse_context;
};

/* Takes tasks until none is left. */
static void work(pwf_pool *p, int index)
{
    pwf_span span = {0};
    /* Other workers trace the run under the name of the caller's span, from their first task on. */
    bool idle = index > 0 && p->span;
    for (int task; (task = atomic_fetch_add(&p->next, 1)) < p->tasks; idle = false) {
        if (idle) span = pwf_trace_begin(p->span);
        p->task(p->context, task, index);
        if (index == 0 && p->pulse) p->pulse(p->pulse_context);
    }
    pwf_trace_end(span);
}

/* A thread that wakes up late finds the run closed, or the next one open. */
static void *worker_main(void *argument)
{
    const worker *w = argument;
    pwf_pool *p = w->pool;
    int64_t seen = 0;
    pwf_trace_thread(w->index);
    if (p->start) p->start();
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        if (!p->open || p->runs == seen) {
            pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        seen = p->runs;
        p->busy++;
        pthread_mutex_unlock(&p->lock);
        work(p, w->index);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0) pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

pwf_status pwf_pool_new(int threads, void (*start)(void), pwf_pool **out)
{
    PWF_ASSERT(threads >= 1);
    *out = NULL;
    pwf_pool *p = calloc(1, sizeof *p);
    worker *workers = calloc((size_t)threads, sizeof *workers);
    if (!p || !workers) {
        free(p);
        free(workers);
        return PWF_FAIL(PWF_RESOURCE, "out of memory for %d worker threads", threads);
    }
    /* `threads` counts those that exist, so that a failure below frees exactly these. */
    p->workers = workers;
    p->start = start;
    p->threads = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pwf_clock_condition(&p->done); /* the caller waits with a timeout */
    for (int i = 1; i < threads; i++) {
        workers[i] = (worker){.pool = p, .index = i};
        const int error = pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
        if (error) {
            pwf_pool_free(p);
            return PWF_FAIL(PWF_RESOURCE, "cannot start worker thread %d of %d: %s", i, threads,
                            strerror(error));
        }
        p->threads++;
    }
    /* The caller is a worker, too, once all threads exist. */
    if (start) start();
    *out = p;
    return pwf_ok();
}

/* Waits until no other thread is in the run, pulsing meanwhile. The lock is held. */
static void wait_for_others(pwf_pool *p)
{
    while (p->busy > 0) {
        pthread_mutex_unlock(&p->lock);
        const bool again = p->pulse && p->pulse(p->pulse_context);
        const struct timespec until = pwf_clock_after(PAUSE);
        pthread_mutex_lock(&p->lock);
        if (p->busy == 0) break;
        if (again)
            pthread_cond_timedwait(&p->done, &p->lock, &until);
        else
            pthread_cond_wait(&p->done, &p->lock);
    }
}

void pwf_pool_run(pwf_pool *pool, int tasks, pwf_task task, void *context)
{
    pthread_mutex_lock(&pool->lock);
    /* The last run has no threads left, so its description may change. */
    pool->task = task;
    pool->context = context;
    pool->span = pwf_trace_name();
    pool->tasks = tasks;
    atomic_store(&pool->next, 0);
    pool->runs++;
    pool->open = true;
    if (tasks > 1) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    work(pool, 0);
    /* Threads in the run may still work on a task and must leave before the next run begins. */
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    wait_for_others(pool);
    pthread_mutex_unlock(&pool->lock);
}

void pwf_pool_pulse(pwf_pool *pool, bool (*pulse)(void *context), void *context)
{
    pool->pulse = pulse;
    pool->pulse_context = context;
}

int pwf_pool_threads(const pwf_pool *pool)
{
    return pool->threads;
}

void pwf_pool_free(pwf_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    /* Only the caller starts runs, so none is open: all threads wait for the condition. */
    pool->ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    free(pool->workers);
    free(pool);
}
