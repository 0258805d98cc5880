/* SPDX-License-Identifier: BSD-3-Clause */
/* Worker threads and their executors. Called once per loop over slots or chunks by training,
 * evaluation and prediction; each task of the loop then fetches the executor of its worker. The
 * weights are prepacked once per loop by all threads, not once per executor call. Touches memory
 * only, neither MPI nor files. */
#include "pwf/infer/workers.h"

#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/tensor/tensor.h"

#include <stdlib.h>

/* Executors and gradients are made later, each by the thread that uses it, so that their pages lie
 * in the memory of its processor. */
pwf_status pwf_workers_start(const pwf_graph *graph, int threads, int64_t total, int64_t images,
                             pwf_workers *out)
{
    out->graph = graph;
    out->each = calloc((size_t)threads, sizeof *out->each);
    PWF_FAIL_IF(!out->each, PWF_RESOURCE, "no memory for %d workers", threads);
    PWF_TRY(pwf_pool_new(threads, pwf_tensor_thread_start, &out->pool));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_WEIGHTS, total, sizeof *out->weights, &out->weights));
    for (int w = 0; w < threads; w++) {
        pwf_worker *worker = &out->each[w];
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, images, sizeof *worker->labels, &worker->labels));
        PWF_TRY(
            pwf_mem_alloc(PWF_MEM_BUFFERS, images, sizeof *worker->partners, &worker->partners));
    }
    return pwf_ok();
}

void pwf_workers_stop(pwf_workers *workers)
{
    const int threads = workers->pool ? pwf_pool_threads(workers->pool) : 0;
    for (int w = 0; w < threads; w++) {
        pwf_worker *worker = &workers->each[w];
        pwf_executor_free(worker->executor);
        pwf_mem_free(worker->gradient);
        pwf_mem_free(worker->labels);
        pwf_mem_free(worker->partners);
    }
    free(workers->each);
    pwf_pool_free(workers->pool);
    pwf_mem_free(workers->weights);
    pwf_mem_free(workers->prepacked);
    *workers = (pwf_workers){.pool = NULL};
}

/* Member by member: the struct has padding. */
static bool is_same_work(const pwf_work *a, const pwf_work *b)
{
    return a->images == b->images && a->mode == b->mode && a->precision == b->precision;
}

pwf_status pwf_workers_executor(const pwf_workers *workers, pwf_worker *worker)
{
    const pwf_work *work = &workers->work;
    if (!worker->executor || !is_same_work(&worker->work, work)) {
        pwf_executor_free(worker->executor);
        worker->executor = NULL;
        worker->work = *work;
        PWF_TRY(pwf_executor_new(workers->graph, work->images, work->mode, work->precision,
                                 &worker->executor));
    }
    pwf_executor_use_packed(worker->executor, workers->prepacked);
    return pwf_ok();
}

/* Allocates the prepacked weights. The executors of all workers have the same layout, so that of
 * worker 0 determines the size and the number of pieces. */
static pwf_status reserve(pwf_workers *workers, int *pieces)
{
    PWF_TRY(pwf_workers_executor(workers, &workers->each[0]));
    const size_t bytes = pwf_executor_packed(workers->each[0].executor, pieces);
    if (bytes <= workers->prepacked_bytes) return pwf_ok();
    pwf_mem_free(workers->prepacked);
    workers->prepacked = NULL;
    workers->prepacked_bytes = 0;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_WEIGHTS, (int64_t)bytes, 1, &workers->prepacked));
    workers->prepacked_bytes = bytes;
    return pwf_ok();
}

/* A piece is packed by whichever worker is free; the layout is the same for all executors. */
static void prepack_piece(void *context, int piece, int index)
{
    pwf_workers *workers = context;
    pwf_worker *worker = &workers->each[index];
    if (worker->status.code == PWF_OK) worker->status = pwf_workers_executor(workers, worker);
    if (worker->status.code == PWF_OK)
        worker->status =
            pwf_executor_pack(worker->executor, workers->weights, workers->prepacked, piece);
}

/* Worker 0, on the calling thread, allocates the shared buffer before the others start. */
void pwf_workers_begin(pwf_workers *workers, pwf_work work)
{
    int pieces = 0;
    const pwf_span span = pwf_trace_begin("pack");
    workers->work = work;
    for (int w = 0; w < pwf_pool_threads(workers->pool); w++) {
        workers->each[w].status = pwf_ok();
        workers->each[w].finite = true;
    }
    workers->each[0].status = reserve(workers, &pieces);
    if (workers->each[0].status.code == PWF_OK)
        pwf_pool_run(workers->pool, pieces, prepack_piece, workers);
    pwf_trace_end(span);
}

pwf_status pwf_workers_status(const pwf_workers *workers)
{
    bool finite = true;
    for (int w = 0; w < pwf_pool_threads(workers->pool); w++) {
        PWF_TRY(workers->each[w].status);
        finite = finite && workers->each[w].finite;
    }
    if (finite) return pwf_ok();
    char place[160];
    pwf_log_place(place);
    return PWF_FAIL(PWF_NUMBERS, "%s: the loss or a gradient is infinite, NaN or too large", place);
}

double pwf_workers_decode_seconds(const pwf_workers *workers)
{
    double seconds = 0.0;
    for (int w = 0; w < pwf_pool_threads(workers->pool); w++)
        seconds += workers->each[w].decode_seconds;
    return seconds;
}
