/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_POOL_H
#define PWF_CORE_POOL_H

#include "pwf/core/status.h"

#include <stdbool.h>

/** The worker threads of a rank. The calling thread is worker 0 and takes tasks like the others. */

typedef struct pwf_pool pwf_pool;

/** One task: `task` in [0, tasks), `worker` in [0, threads). */
typedef void (*pwf_task)(void *context, int task, int worker);

/** Starts threads - 1 threads. Each worker, including the caller, first calls `start` unless NULL.
 * Local. The caller owns the pool. Fails with PWF_RESOURCE. */
pwf_status pwf_pool_new(int threads, void (*start)(void), pwf_pool **out);

/** Runs tasks 0 to tasks - 1, each once, on any worker and in any order; returns when all are done.
 * Local; on the thread that created the pool. Results must not depend on the worker of a task. */
void pwf_pool_run(pwf_pool *pool, int tasks, pwf_task task, void *context);

/** Sets a function that the thread that created the pool calls in every run: after each of its
 * tasks, and repeatedly while other workers are busy and `pulse` returns true. NULL, the initial
 * value: none.
 * Local. */
void pwf_pool_pulse(pwf_pool *pool, bool (*pulse)(void *context), void *context);

/** Number of workers, including the caller.
 * Local. */
int pwf_pool_threads(const pwf_pool *pool);

/** Ends the threads; NULL is allowed.
 * Local. */
void pwf_pool_free(pwf_pool *pool);

#endif
