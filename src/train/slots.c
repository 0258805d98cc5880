/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a batch. A batch is a fixed number of slots, dealt to the ranks in order and within a rank
 * to whichever worker is free. One thread runs a slot from its first layer to its last gradient;
 * its results are summed exactly or gathered by slot number, so they do not depend on rank or
 * worker. Called by the step, the BatchNorm statistics at the end and the dry run. Starts the
 * reduction of gradients and gathers losses and statistics over MPI. */
#include "slots.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"
#include "pwf/core/request.h"
#include "pwf/core/trace.h"
#include "pwf/core/watch.h"
#include "pwf/image/mix.h"

#include <math.h>
#include <string.h>

/* Every rank has sums for the whole flat vector, since its slots contribute to all of it; gradients
 * only for this rank's shard. */
pwf_status pwf_batch_new(const pwf_engine *engine, pwf_batch *out)
{
    const pwf_config *c = engine->config;
    const pwf_state *s = engine->state;
    const int rank = pwf_mesh_rank(engine->mesh, PWF_WORLD);
    const int64_t own = pwf_range_length(s->own);
    const int64_t own_posterior = pwf_range_length(s->own_posterior);
    out->slots = c->parallel.slots;
    out->images = c->train.batch;
    out->buffers = pwf_registry_buffer_count(engine->registry);
    out->blocks = pwf_block_count(s->total);
    out->first = pwf_feed_first_slot(&engine->feed, rank);
    out->last = pwf_feed_first_slot(&engine->feed, rank + 1);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, s->total, sizeof *out->sum, &out->sum));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, own, sizeof *out->dmu, &out->dmu));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, own_posterior, sizeof *out->dsigma, &out->dsigma));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, out->blocks, sizeof *out->norm, &out->norm));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, out->slots, sizeof *out->slot_loss, &out->slot_loss));
    return pwf_mem_alloc(PWF_MEM_BUFFERS, out->slots * out->buffers, sizeof *out->slot_statistics,
                         &out->slot_statistics);
}

void pwf_batch_free(pwf_batch *batch)
{
    pwf_mem_free(batch->sum);
    pwf_mem_free(batch->dmu);
    pwf_mem_free(batch->dsigma);
    pwf_mem_free(batch->norm);
    pwf_mem_free(batch->slot_loss);
    pwf_mem_free(batch->slot_statistics);
    *batch = (pwf_batch){.sum = NULL};
}

double pwf_batch_loss(const pwf_batch *batch)
{
    double loss = 0.0;
    for (int64_t s = 0; s < batch->slots; s++)
        loss += batch->slot_loss[s];
    return loss / (double)batch->images;
}

pwf_work pwf_slots_work(const pwf_config *config, pwf_precision precision)
{
    return (pwf_work){.images = config->train.batch / config->parallel.slots,
                      .mode = config->parallel.recompute ? PWF_MODE_RECOMPUTE : PWF_MODE_TRAIN,
                      .precision = precision};
}

/* ---- one slot ------------------------------------------------------------------------------- */

typedef struct slots_job {
    pwf_engine *engine;
    pwf_batch *batch;
    const pwf_position *position;
    bool gradients;
} slots_job;

/* Fills the executor's images [images, H, W, C] and the labels of a slot. The position of an image
 * in the batch determines its augmentation, whichever rank loads it. */
static pwf_status load_images(const slots_job *job, pwf_worker *w, int64_t slot)
{
    const pwf_engine *e = job->engine;
    const int64_t pixels = e->height * e->width * e->channels, images = w->work.images;
    float *input = pwf_executor_images(w->executor);
    const double begun = pwf_clock_seconds();
    for (int64_t i = 0; i < images; i++)
        PWF_TRY(pwf_feed_load(&e->feed, slot * images + i, input + i * pixels, &w->labels[i]));
    w->decode_seconds += pwf_clock_seconds() - begun;
    PWF_FAULT_SPOIL("train.image", PWF_FAULT_F32, input, images * pixels);
    return pwf_ok();
}

/* Blends the images of a slot in pairs, as augment.mixup and augment.cutmix ask, and returns the
 * targets of the blended images. */
static pwf_targets mix_images(const slots_job *job, pwf_worker *w, int64_t slot)
{
    const pwf_engine *e = job->engine;
    const int64_t images = w->work.images;
    const uint32_t seed = (uint32_t)e->config->train.seed;
    const pwf_image_mix m = pwf_image_draw_mix(&e->config->augment, seed, job->position->batches,
                                               slot, e->width, e->height);
    pwf_targets targets = {.labels = w->labels, .share = m.share};
    if (m.share == 1.0f) return targets;
    pwf_image_apply_mix(&m, pwf_executor_images(w->executor), images, e->width, e->height,
                        e->channels);
    for (int64_t i = 0; i < images; i++)
        w->partners[i] = w->labels[images - 1 - i];
    targets.partners = w->partners;
    return targets;
}

typedef struct slot_gradient {
    pwf_engine *engine;
    pwf_worker *worker;
} slot_gradient;

/* Adds a finished piece of the slot's gradient to the rank's sums while it is in the caches, and
 * clears it for the next slot. The MPI thread then advances the reduction. */
static void add_gradient(void *context, int64_t lo, int64_t count)
{
    const slot_gradient *s = context;
    pwf_engine *e = s->engine;
    float *piece = s->worker->gradient + lo;
    PWF_FAULT_SPOIL("train.gradient", PWF_FAULT_F32, piece, count);
    if (!pwf_exchange_add(e->exchange, piece, lo, count)) s->worker->finite = false;
    memset(piece, 0, (size_t)count * sizeof *piece);
    if (s->worker == e->workers.each) pwf_exchange_move(e->exchange);
}

/* Runs forward and backward; a failure leaves the worker's gradient zeroed. */
static pwf_status train_slot(const slots_job *job, pwf_worker *w, int64_t slot, float *statistics)
{
    pwf_engine *e = job->engine;
    const int64_t total = e->state->total;
    const pwf_targets targets = mix_images(job, w, slot);
    const float scale = 1.0f / (float)job->batch->images;
    double *loss = &job->batch->slot_loss[slot];
    slot_gradient gradient = {e, w};
    if (!w->gradient)
        PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, total, sizeof *w->gradient, &w->gradient));
    pwf_executor_watch_gradients(w->executor, add_gradient, &gradient);
    const pwf_status trained = pwf_executor_train(w->executor, e->workers.weights, &targets, scale,
                                                  w->gradient, statistics, loss);
    pwf_executor_watch_gradients(w->executor, NULL, NULL);
    if (trained.code != PWF_OK) memset(w->gradient, 0, (size_t)total * sizeof *w->gradient);
    PWF_TRY(trained);
    PWF_FAULT_SPOIL("train.statistics", PWF_FAULT_F32, statistics, job->batch->buffers);
    PWF_FAULT_SPOIL("train.loss", PWF_FAULT_F64, loss, 1);
    if (PWF_FAULT_VALUE("train.loss", "grow")) *loss *= 100.0 * (double)job->batch->slots;
    if (!isfinite(*loss)) w->finite = false;
    return pwf_ok();
}

/* Loads the images, then runs forward and backward. The results go to the row of the slot. */
static pwf_status run_slot(const slots_job *job, pwf_worker *w, int64_t slot)
{
    const pwf_workers *workers = &job->engine->workers;
    float *statistics = job->batch->slot_statistics + slot * job->batch->buffers;
    PWF_TRY(pwf_workers_executor(workers, w));
    const pwf_span span = pwf_trace_begin("images");
    const pwf_status loaded = load_images(job, w, slot);
    pwf_trace_end(span);
    PWF_TRY(loaded);
    if (job->gradients) return train_slot(job, w, slot, statistics);
    job->batch->slot_loss[slot] = 0.0;
    return pwf_executor_statistics(w->executor, workers->weights, statistics);
}

/* Task t is slot first + t. After a failure the other slots of this worker are left out. */
static void slot_task(void *context, int task, int worker)
{
    const slots_job *job = context;
    const int64_t slot = job->batch->first + task;
    pwf_worker *w = &job->engine->workers.each[worker];
    /* Statistics are computed again after a resume, so a job that is to stop may leave. */
    const bool leave = !job->gradients && pwf_request_now() > PWF_REQUEST_SAVE;
    if (w->status.code != PWF_OK || leave) return;
    const pwf_span span = pwf_trace_begin("slot");
    w->status = run_slot(job, w, slot);
    pwf_trace_end_of(span, "slot", slot);
    pwf_watch_beat();
}

/* ---- a batch -------------------------------------------------------------------------------- */

enum { CLEAR_RUN = 16 * PWF_BLOCK }; /* elements cleared by one task */

typedef struct clear_job {
    int64_t *sum, total;
} clear_job;

static void clear_task(void *context, int task, int worker)
{
    const clear_job *job = context;
    const int64_t lo = (int64_t)task * CLEAR_RUN, left = job->total - lo;
    (void)worker;
    memset(job->sum + lo, 0, (size_t)(left < CLEAR_RUN ? left : CLEAR_RUN) * sizeof *job->sum);
}

/* All workers clear: the sums are 8 bytes per parameter, too many for one thread. */
void pwf_slots_clear(const pwf_engine *engine, const pwf_batch *batch)
{
    clear_job job = {batch->sum, engine->state->total};
    const int64_t tasks = (job.total + CLEAR_RUN - 1) / CLEAR_RUN;
    const pwf_span span = pwf_trace_begin("clear");
    pwf_pool_run(engine->workers.pool, (int)tasks, clear_task, &job);
    pwf_trace_end(span);
}

/* Gathers losses and statistics by slot number, so that all ranks add them in the same order. */
static void gather_results(const pwf_engine *e, pwf_batch *b)
{
    const int ranks = pwf_mesh_size(e->mesh, PWF_WORLD);
    const int64_t row = b->buffers * (int64_t)sizeof *b->slot_statistics;
    int64_t offset[PWF_SLOTS_MAX + 1];
    const pwf_span span = pwf_trace_begin("losses");
    for (int r = 0; r <= ranks; r++)
        offset[r] = pwf_feed_first_slot(&e->feed, r) * (int64_t)sizeof *b->slot_loss;
    pwf_mesh_gather(e->mesh, PWF_WORLD, b->slot_loss, offset);
    for (int r = 0; r <= ranks; r++)
        offset[r] = pwf_feed_first_slot(&e->feed, r) * row;
    pwf_mesh_gather(e->mesh, PWF_WORLD, b->slot_statistics, offset);
    pwf_trace_end(span);
}

/* Gathers after a failure too, since the other ranks take part. Collective. */
pwf_status pwf_slots_run(pwf_engine *engine, pwf_batch *batch, const pwf_position *position,
                         pwf_precision precision, bool gradients)
{
    slots_job job = {engine, batch, position, gradients};
    const int64_t slots = batch->last - batch->first;
    pwf_workers_begin(&engine->workers, pwf_slots_work(engine->config, precision));
    if (gradients) pwf_exchange_reduce_begin(engine->exchange, batch->sum, slots);
    double begun = pwf_clock_seconds();
    if (PWF_FAULT_VALUE("train.slots", "slow")) begun -= 1000.0;
    const pwf_span span = pwf_trace_begin("slots");
    pwf_pool_run(engine->workers.pool, (int)slots, slot_task, &job);
    pwf_trace_end(span);
    batch->seconds = (pwf_clock_seconds() - begun) / (double)slots;
    const pwf_status skips = pwf_feed_agree_skips(&engine->feed, PWF_TRAIN, position->step);
    const pwf_status status = pwf_workers_status(&engine->workers);
    gather_results(engine, batch);
    return status.code == PWF_OK ? skips : status;
}
