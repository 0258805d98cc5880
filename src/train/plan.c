/* SPDX-License-Identifier: BSD-3-Clause */
/* Schedule of a run: how long each phase is, the learning rate of a step, the work that is left and
 * the bytes a step moves. Called by the run for its decisions and by the dry run for its estimates.
 * Pure functions; nothing is touched. */
#include "plan.h"

#include "phase.h"
#include "pwf/optim/schedule.h"

#include <string.h>

/* Rounds half up, without libm; x is never negative. */
static int64_t nearest(double x)
{
    return (int64_t)(x + 0.5);
}

int64_t pwf_plan_steps(const pwf_plan *plan, double epochs)
{
    const double batch = (double)plan->config->train.batch;
    const int64_t steps = nearest(epochs * (double)plan->train_images / batch);
    return steps < 1 ? 1 : steps;
}

int64_t pwf_plan_baseline_steps(const pwf_plan *plan)
{
    const double epochs = plan->config->train.baseline_epochs;
    return epochs > 0.0 ? pwf_plan_steps(plan, epochs) : 0;
}

int64_t pwf_plan_phase_steps(const pwf_plan *plan, const pwf_position *position)
{
    const pwf_config *c = plan->config;
    if (!pwf_phases[position->phase].steps) return 0;
    if (position->phase == PWF_PHASE_BASELINE) return pwf_plan_baseline_steps(plan);
    return pwf_plan_steps(plan, position->round ? c->fixing.epochs : c->fixing.first_epochs);
}

/* The schedule restarts in each phase that has steps. Ordinary training has its own rate and kind;
 * warm-up and step length are in passes over the training images. */
double pwf_plan_lr(const pwf_plan *plan, const pwf_position *position)
{
    const pwf_config *c = plan->config;
    const bool baseline = position->phase == PWF_PHASE_BASELINE;
    const pwf_schedule schedule = {
        .lr = baseline ? c->train.baseline_lr : c->optim.lr,
        .kind = baseline ? c->train.baseline_schedule : c->optim.schedule,
        .warmup = c->optim.warmup > 0.0 ? pwf_plan_steps(plan, c->optim.warmup) : 0,
        .step_every = pwf_plan_steps(plan, c->optim.step_epochs),
        .step_factor = c->optim.step_factor,
    };
    return pwf_schedule_lr(&schedule, position->phase_step, pwf_plan_phase_steps(plan, position));
}

int64_t pwf_plan_norm_batches(const pwf_plan *plan)
{
    const int64_t pass = plan->train_images / plan->config->train.batch;
    const int64_t batches = plan->config->train.norm_batches;
    return batches < pass ? batches : pass;
}

/* A forward pass costs about a third of a training step per image. */
double pwf_plan_pass_units(const pwf_plan *plan)
{
    return (double)plan->test_images / (double)plan->config->train.batch / 3.0;
}

/* An ensemble adds a pass per draw to that of the means. */
static double evaluation_units(const pwf_plan *plan, bool ensemble)
{
    const double draws = ensemble ? 1.0 + (double)plan->config->eval.samples : 1.0;
    return draws * pwf_plan_pass_units(plan);
}

/* Walks the phases as run.c does, without running them. */
double pwf_plan_units(const pwf_plan *plan, const pwf_position *from)
{
    const pwf_config *c = plan->config;
    const bool each = c->eval.ensemble == PWF_ENSEMBLE_ALL;
    const bool last = c->eval.ensemble != PWF_ENSEMBLE_NONE;
    pwf_position at = *from;
    double units = 0.0;
    while (at.phase != PWF_PHASE_DONE) {
        units += (double)(pwf_plan_phase_steps(plan, &at) - at.phase_step);
        at.phase_step = 0;
        if (at.phase == PWF_PHASE_START || at.phase == PWF_PHASE_EVALUATE)
            units += evaluation_units(plan, each);
        if (at.phase == PWF_PHASE_FINISH)
            units += evaluation_units(plan, last) + (double)pwf_plan_norm_batches(plan) / 3.0;
        if (at.phase == PWF_PHASE_FIX) at.round++;
        if (at.phase == PWF_PHASE_EVALUATE && at.round < c->fixing.fractions.count)
            at.phase = PWF_PHASE_TRAIN;
        else
            at.phase++;
    }
    return units;
}

void pwf_plan_traffic(const pwf_engine *engine, int64_t ranks, int64_t shards, pwf_traffic *out)
{
    const pwf_config *c = engine->config;
    const int64_t total = engine->state->total, replicas = ranks / shards;
    const int64_t buffers = pwf_registry_buffer_count(engine->registry);
    const bool halves = c->parallel.precision == PWF_BF16;
    const int64_t weights = 4 * total - (halves ? 2 * engine->state->posterior : 0);
    const int64_t norms = 8 * pwf_block_count(total), sums = 8 * total;
    memset(out->bytes, 0, sizeof out->bytes);
    /* Within a shard group every rank lacks the blocks of the others. */
    out->bytes[PWF_SHARD][PWF_GATHERED] = replicas * (shards - 1) * (weights + norms);
    /* Each summand moves once to the rank that adds it, each sum once to every other replica. */
    out->bytes[PWF_REPLICA][PWF_REDUCED] = (replicas - 1) * sums;
    /* Losses and statistics of the slots, and the agreement at the end of the step. */
    out->bytes[PWF_WORLD][PWF_GATHERED] = (ranks - 1) * c->parallel.slots * (8 + 4 * buffers);
    out->bytes[PWF_WORLD][PWF_REDUCED] =
        (ranks - 1) * sums + 2 * (ranks - 1) * 8 * (1 + PWF_AGREED);
    if (c->data.skip_bad > 0 && pwf_dataset_is_decoded(engine->feed.train))
        out->bytes[PWF_WORLD][PWF_GATHERED] += 8 * ranks * (ranks - 1);
}
