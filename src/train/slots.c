/* SPDX-License-Identifier: BSD-3-Clause */
/* A batch is a fixed number of slots, dealt to the ranks in order and within a rank to whichever
 * worker is free. A slot is worked from its first layer to its last gradient by one thread; what
 * leaves it is summed exactly or gathered by slot number, so neither rank nor worker matters. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/core/watch.h"
#include "pwf/tensor/tensor.h"

#include <math.h>
#include <string.h>

typedef struct slots_job {
    pwf_trainer *t;
    int64_t first; /* slot of task 0 */
    bool gradients;
} slots_job;

int64_t pwf_slots_first(const pwf_trainer *t, int rank)
{
    return rank * t->config->parallel.slots / pwf_mesh_size(t->mesh, PWF_WORLD);
}

void pwf_slots_seek(pwf_trainer *t, int64_t batch)
{
    pwf_order_seek(t->order, batch);
    if (t->loader) pwf_loader_seek(t->loader, batch);
}

pwf_mode pwf_slots_mode(const pwf_config *config)
{
    return config->parallel.recompute ? PWF_MODE_RECOMPUTE : PWF_MODE_TRAIN;
}

pwf_status pwf_slots_loader(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    const int rank = pwf_mesh_rank(t->mesh, PWF_WORLD);
    const int64_t images = c->train.batch / c->parallel.slots, first = pwf_slots_first(t, rank);
    const int64_t slots = pwf_slots_first(t, rank + 1) - first;
    if (c->data.threads == 0 || !pwf_dataset_is_decoded(t->train_data)) return pwf_ok();
    return pwf_loader_new(t->train_data, c->train.batch, first * images, slots * images,
                          (uint32_t)c->train.seed, (int)c->data.threads, &t->loader);
}

void pwf_workers_reset(pwf_trainer *t)
{
    for (int w = 0; w < pwf_pool_threads(t->pool); w++) {
        t->workers[w].status = pwf_ok();
        t->workers[w].finite = true;
    }
}

pwf_status pwf_workers_status(pwf_trainer *t)
{
    for (int w = 0; w < pwf_pool_threads(t->pool); w++)
        if (t->workers[w].status.code != PWF_OK) return t->workers[w].status;
    for (int w = 0; w < pwf_pool_threads(t->pool); w++)
        if (!t->workers[w].finite) return pwf_numbers_bad("the loss or a gradient");
    return pwf_ok();
}

/* Activations are much, so a worker has either of its executors, not both. */
static pwf_status make_executor(const pwf_trainer *t, pwf_worker *w)
{
    pwf_executor_free(w->predict);
    pwf_executor_free(w->train);
    w->predict = w->train = NULL;
    w->train_precision = t->slots_precision;
    if (!w->gradient)
        PWF_TRY(
            pwf_mem_alloc(PWF_MEM_GRADIENTS, t->state->total, sizeof *w->gradient, &w->gradient));
    return pwf_executor_new(t->graph, t->config->train.batch / t->config->parallel.slots,
                            pwf_slots_mode(t->config), t->slots_precision, &w->train);
}

static pwf_status prepare(const pwf_trainer *t, pwf_worker *w)
{
    if (!w->train || w->train_precision != t->slots_precision) PWF_TRY(make_executor(t, w));
    pwf_executor_use_packed(w->train, t->packed);
    return pwf_ok();
}

/* Fills the executor's images, and the labels. */
static pwf_status load(const pwf_trainer *t, pwf_worker *w, int64_t slot, int64_t images)
{
    const int64_t pixels = t->height * t->width * t->channels;
    const uint32_t seed = (uint32_t)t->config->train.seed;
    float *input = pwf_executor_images(w->train);
    const double begun = pwf_clock_seconds();
    for (int64_t i = 0; i < images; i++) {
        const int64_t position = slot * images + i;
        if (t->loader)
            PWF_TRY(pwf_loader_take(t->loader, position, input + i * pixels, &w->labels[i]));
        else
            PWF_TRY(pwf_dataset_load(t->train_data, seed, pwf_order_pass(t->order),
                                     pwf_order_image(t->order, position), input + i * pixels,
                                     &w->labels[i]));
    }
    w->decoding += pwf_clock_seconds() - begun;
    PWF_FAULT_SPOIL("train.image", PWF_FAULT_F32, input, images * pixels);
    return pwf_ok();
}

/* Mixes the slot's images in pairs, as augment.mixup and augment.cutmix ask, and says what they are
 * to be told as. */
static pwf_targets mix(const pwf_trainer *t, pwf_worker *w, int64_t slot, int64_t images)
{
    const uint32_t seed = (uint32_t)t->config->train.seed;
    const pwf_mix m =
        pwf_mix_draw(&t->config->augment, seed, t->position.batches, slot, t->width, t->height);
    pwf_targets targets = {.labels = w->labels, .share = m.share};
    if (m.share == 1.0f) return targets;
    pwf_mix_images(&m, pwf_executor_images(w->train), images, t->width, t->height, t->channels);
    for (int64_t i = 0; i < images; i++)
        w->partners[i] = w->labels[images - 1 - i];
    targets.partners = w->partners;
    return targets;
}

typedef struct slot_gradient {
    pwf_trainer *t;
    pwf_worker *w;
} slot_gradient;

/* Adds a part of the slot's gradient to the rank's sums while it is in the caches, and leaves zeros
 * for the next slot. The thread that talks to MPI then moves the sums on. */
static void add_gradient(void *context, int64_t lo, int64_t count)
{
    const slot_gradient *s = context;
    float *part = s->w->gradient + lo;
    PWF_FAULT_SPOIL("train.gradient", PWF_FAULT_F32, part, count);
    if (!pwf_exchange_add(s->t->exchange, part, lo, count)) s->w->finite = false;
    memset(part, 0, (size_t)count * sizeof *part);
    if (s->w == s->t->workers) pwf_exchange_move(s->t->exchange);
}

static pwf_status run_slot(const slots_job *job, pwf_worker *w, int64_t slot)
{
    pwf_trainer *t = job->t;
    PWF_TRY(prepare(t, w));
    const int64_t images = t->config->train.batch / t->config->parallel.slots;
    pwf_span span = pwf_trace_begin("images");
    const pwf_status loaded = load(t, w, slot, images);
    pwf_trace_end(span);
    PWF_TRY(loaded);
    float *statistics = t->slot_statistics + slot * pwf_registry_buffer_count(t->registry);
    if (!job->gradients) {
        t->slot_loss[slot] = 0.0;
        return pwf_executor_statistics(w->train, t->weights, statistics);
    }
    const pwf_targets targets = mix(t, w, slot, images);
    const float scale = 1.0f / (float)t->config->train.batch;
    slot_gradient gradient = {t, w};
    pwf_executor_tell(w->train, add_gradient, &gradient);
    const pwf_status trained = pwf_executor_train(w->train, t->weights, &targets, scale,
                                                  w->gradient, statistics, &t->slot_loss[slot]);
    pwf_executor_tell(w->train, NULL, NULL);
    if (trained.code != PWF_OK)
        memset(w->gradient, 0, (size_t)t->state->total * sizeof *w->gradient);
    PWF_TRY(trained);
    PWF_FAULT_SPOIL("train.statistics", PWF_FAULT_F32, statistics,
                    pwf_registry_buffer_count(t->registry));
    PWF_FAULT_SPOIL("train.loss", PWF_FAULT_F64, &t->slot_loss[slot], 1);
    if (PWF_FAULT_VALUE("train.loss", "grow"))
        t->slot_loss[slot] *= 100.0 * (double)t->config->parallel.slots;
    if (!isfinite(t->slot_loss[slot])) w->finite = false;
    return pwf_ok();
}

static void slot_task(void *context, int task, int worker)
{
    const slots_job *job = context;
    pwf_worker *w = &job->t->workers[worker];
    if (w->status.code != PWF_OK || (!job->gradients && pwf_trainer_may_leave())) return;
    const pwf_span span = pwf_trace_begin("slot");
    w->status = run_slot(job, w, job->first + task);
    pwf_trace_end_of(span, "slot", job->first + task);
    pwf_watch_beat();
}

enum { CLEAR_RUN = 16 * PWF_BLOCK };

static void clear_task(void *context, int task, int worker)
{
    const pwf_trainer *t = context;
    const int64_t lo = (int64_t)task * CLEAR_RUN, left = t->state->total - lo;
    (void)worker;
    memset(t->sum + lo, 0, (size_t)(left < CLEAR_RUN ? left : CLEAR_RUN) * sizeof *t->sum);
}

void pwf_slots_clear(pwf_trainer *t)
{
    const int64_t tasks = (t->state->total + CLEAR_RUN - 1) / CLEAR_RUN;
    const pwf_span span = pwf_trace_begin("clear");
    pwf_pool_run(t->pool, (int)tasks, clear_task, t);
    pwf_trace_end(span);
}

pwf_status pwf_slots_run(pwf_trainer *t, bool gradients)
{
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD), rank = pwf_mesh_rank(t->mesh, PWF_WORLD);
    const slots_job job = {t, pwf_slots_first(t, rank), gradients};
    t->slots_precision = gradients ? t->training : PWF_FP32;
    pwf_workers_reset(t);
    pwf_workers_pack(t, prepare);
    const int64_t slots = pwf_slots_first(t, rank + 1) - job.first;
    if (gradients) pwf_exchange_reduce_begin(t->exchange, t->sum, slots);
    double begun = pwf_clock_seconds();
    if (PWF_FAULT_VALUE("train.slots", "slow")) begun -= 1000.0;
    pwf_span span = pwf_trace_begin("slots");
    pwf_pool_run(t->pool, (int)slots, slot_task, (void *)&job);
    pwf_trace_end(span);
    t->own_seconds += (pwf_clock_seconds() - begun) / (double)slots;
    const pwf_status skips = pwf_skips_agree(t, t->train_data, &t->train_skips);
    const pwf_status status = pwf_workers_status(t);

    span = pwf_trace_begin("losses");
    /* Two small gathers by slot number; with them every rank adds in the same order. */
    int64_t offset[PWF_SLOTS_MAX + 1];
    for (int r = 0; r <= ranks; r++)
        offset[r] = pwf_slots_first(t, r) * (int64_t)sizeof *t->slot_loss;
    pwf_mesh_gather(t->mesh, PWF_WORLD, t->slot_loss, offset);
    const int64_t row = pwf_registry_buffer_count(t->registry) * (int64_t)sizeof(float);
    for (int r = 0; r <= ranks; r++)
        offset[r] = pwf_slots_first(t, r) * row;
    pwf_mesh_gather(t->mesh, PWF_WORLD, t->slot_statistics, offset);
    pwf_trace_end(span);
    return status.code == PWF_OK ? skips : status;
}
