/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_POOL_H
#define PWF_CORE_POOL_H

#include "pwf/core/status.h"

#include <stdbool.h>

/** A rank's worker threads. The calling thread is worker 0 and works too. */

typedef struct pwf_pool pwf_pool;

/** One piece of work: `task` in [0, tasks), `worker` in [0, threads). */
typedef void (*pwf_task)(void *context, int task, int worker);

/** Starts threads - 1 threads; each worker, the caller included, calls `start` first (may be NULL).
 * Local. The caller owns the pool. Fails with PWF_RESOURCE. */
pwf_status pwf_pool_new(int threads, void (*start)(void), pwf_pool **out);

/** Runs task 0 .. tasks - 1, each once, on any worker in any order, and returns when all are done.
 * Local; from the thread that made the pool. Nothing may depend on which worker a task falls to. */
void pwf_pool_run(pwf_pool *pool, int tasks, pwf_task task, void *context);

/** Keeps something going that only the thread that made the pool may do: in every run it calls
 * `pulse` behind each of its tasks, and again and again while others still work and `pulse` returns
 * true. NULL, as at first: nothing.
 * Local. */
void pwf_pool_pulse(pwf_pool *pool, bool (*pulse)(void *context), void *context);

/** Number of workers, the caller included.
 * Local. */
int pwf_pool_threads(const pwf_pool *pool);

/** Ends the threads; NULL is allowed.
 * Local. */
void pwf_pool_free(pwf_pool *pool);

#endif
