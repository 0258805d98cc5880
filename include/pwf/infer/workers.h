/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_INFER_WORKERS_H
#define PWF_INFER_WORKERS_H

#include "pwf/core/pool.h"
#include "pwf/core/status.h"
#include "pwf/nn/executor.h"

/** The worker threads of a rank, the executor of each, and the weights of the whole network that
 * they compute with. */

/** What an executor is made for. */
typedef struct pwf_work {
    int64_t images; /* of one run: those of a slot or of an evaluation chunk */
    pwf_mode mode;
    pwf_precision precision; /* of matrix-product inputs */
} pwf_work;

/** One worker. Its thread creates the executor, so that the memory lies close to that thread. */
typedef struct pwf_worker {
    pwf_executor *executor; /* NULL before the first task */
    pwf_work work;          /* what the executor was made for */
    float *gradient;        /* [total], of one slot; allocated by the first training task */
    int32_t *labels;        /* [images] */
    int32_t *partners;      /* [images]: labels of the images blended in by mixup or CutMix */
    pwf_status status;      /* first failure in the current loop */
    double decode_seconds;  /* time this thread has spent decoding images, since the start */
    bool finite;            /* all losses and gradients of the loop are finite and not too large */
} pwf_worker;

/** All workers of a rank. */
typedef struct pwf_workers {
    const pwf_graph *graph;
    pwf_pool *pool;
    pwf_worker *each; /* [threads] */
    pwf_work work;    /* of the current loop */
    float *weights;   /* [total], flat order: sampled or mean weights of the whole network */
    void *prepacked;  /* the same weights in the layout of the executors of `work` */
    size_t prepacked_bytes;
} pwf_workers;

/** Starts `threads` threads for a network of `total` parameters, for at most `images` images a run.
 * `out` must be all zeros; the graph must outlive it.
 * Local. Fails with PWF_RESOURCE; pwf_workers_stop releases what was made in either case. */
pwf_status pwf_workers_start(const pwf_graph *graph, int threads, int64_t total, int64_t images,
                             pwf_workers *out);

/** Ends the threads and frees everything.
 * Local. */
void pwf_workers_stop(pwf_workers *workers);

/** Begins a loop of tasks that do `work` with the present weights: clears all statuses and prepacks
 * the weights. A failure is in the status of a worker; its tasks must then do nothing.
 * Local. Call it again whenever the weights change. */
void pwf_workers_begin(pwf_workers *workers, pwf_work work);

/** Provides the executor of a worker for the current work, creating it if necessary. A worker has
 * one executor at a time, because activations take most of the memory.
 * Local; on the thread of that worker. Fails with PWF_RESOURCE or PWF_CONFIG. */
pwf_status pwf_workers_executor(const pwf_workers *workers, pwf_worker *worker);

/** The first failure of the current loop, in worker order; else PWF_NUMBERS if one of its losses or
 * gradients is infinite, NaN or too large.
 * Local. */
pwf_status pwf_workers_status(const pwf_workers *workers);

/** Seconds that all workers together have spent decoding images since the start.
 * Local. */
double pwf_workers_decode_seconds(const pwf_workers *workers);

#endif
