/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds a trainer: the engine of the infer room, and around it what training needs. Called by the
 * run, the check and the dry run, which differ in what they do with it. Allocates memory, opens the
 * data set and starts threads; writes nothing. */
#include "pwf/core/clock.h"
#include "pwf/core/isa.h"
#include "pwf/train/train.h"
#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>

/* A slot is the unit of work, so a worker without a slot would be idle in every step. */
pwf_status pwf_train_check_workers(const pwf_config *config, int64_t ranks)
{
    const int64_t threads = config->parallel.threads, slots = config->parallel.slots;
    PWF_FAIL_IF(ranks * threads > slots, PWF_LAUNCH,
                "%lld ranks of %lld threads are more workers than the %lld slots of a "
                "batch: start fewer ranks, or begin a new run with a larger "
                "parallel.slots",
                (long long)ranks, (long long)threads, (long long)slots);
    return pwf_ok();
}

/* `auto` means bf16 if the backend and the processors of all ranks support it, so that all ranks
 * compute in one precision. The choice is stored in checkpoints. Collective. */
void pwf_train_settle_precision(const pwf_mesh *mesh, pwf_config *config)
{
    const int64_t backend = config->parallel.backend;
    const bool uses = backend == PWF_TENSOR_AUTO || backend == PWF_TENSOR_ONEDNN;
    int64_t lacking = !pwf_isa_bf16();
    if (config->parallel.precision != PWF_PRECISION_AUTO) return;
    pwf_mesh_max_i64(mesh, PWF_WORLD, &lacking, 1);
    config->parallel.precision = uses && !lacking ? PWF_BF16 : PWF_FP32;
}

/* The live snapshot at step 0; from now on its position and losses are advanced in place. */
static pwf_snapshot first_snapshot(const pwf_engine *e)
{
    const pwf_config *c = e->config;
    pwf_snapshot s = {
        .state = e->state,
        .facts = {.position.phase =
                      c->train.baseline_epochs > 0.0 ? PWF_PHASE_BASELINE : PWF_PHASE_START,
                  .seed = c->train.seed,
                  .slots = c->parallel.slots,
                  .data = pwf_feed_hash(&e->feed)},
        .writer = c->checkpoint.writer,
    };
    snprintf(s.facts.model, sizeof s.facts.model, "%s", c->model.name);
    return s;
}

/* Everything beyond the engine. Local. */
static pwf_status complete(pwf_trainer *t)
{
    const pwf_engine *e = t->engine;
    const pwf_config *c = t->config;
    PWF_TRY(pwf_state_add_moments(e->state, pwf_optimiser_get(c->optim.name)));
    t->precision = c->parallel.precision;
    t->plan = (pwf_plan){.config = c,
                         .train_images = pwf_dataset_count(e->feed.train),
                         .test_images = pwf_dataset_count(e->feed.test)};
    t->now = first_snapshot(e);
    t->meter.batch_images = c->train.batch;
    t->tracing =
        (pwf_tracing){.mesh = t->mesh, .config = c, .threads = pwf_pool_threads(e->workers.pool)};
    t->saver = (pwf_saver){
        .mesh = t->mesh, .config = c, .now = &t->now, .guard = &t->guard, .meter = &t->meter};
    PWF_TRY(pwf_batch_new(e, &t->batch));
    return pwf_guard_new(e, &t->now, &t->batch, &t->guard);
}

/* The number of workers is checked first, before any memory is allocated for them. */
static pwf_status set_up(pwf_trainer *t)
{
    PWF_TRY(pwf_train_check_workers(t->config, pwf_mesh_size(t->mesh, PWF_WORLD)));
    PWF_TRY(pwf_engine_new(t->mesh, t->config, PWF_TO_TRAIN, &t->engine));
    return pwf_mesh_agree(t->mesh, complete(t));
}

pwf_status pwf_trainer_new(const pwf_mesh *mesh, const pwf_config *config, pwf_trainer **out)
{
    pwf_trainer *t = calloc(1, sizeof *t);
    *out = NULL;
    pwf_status status =
        pwf_mesh_agree(mesh, t ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for a run"));
    if (status.code == PWF_OK) {
        t->mesh = mesh;
        t->config = config;
        t->meter.started = pwf_clock_seconds();
        status = set_up(t);
    }
    if (status.code == PWF_OK)
        *out = t;
    else
        pwf_trainer_free(t);
    return status;
}

/* In the reverse order of creation: the saver's thread reads the state. */
void pwf_trainer_free(pwf_trainer *t)
{
    if (!t) return;
    pwf_saver_free(&t->saver);
    pwf_guard_free(&t->guard);
    pwf_batch_free(&t->batch);
    pwf_engine_free(t->engine);
    free(t);
}
