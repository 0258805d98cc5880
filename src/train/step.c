/* SPDX-License-Identifier: BSD-3-Clause */
/* One optimiser step: draw the weights, run the slots, reduce the gradients to their owners,
 * regularise, clip, update (docs/explanation/method.md, sections 1 and 2). Called by the run and
 * the dry run. A step first does everything that leaves the state as it is, agrees with the other
 * ranks, and only then updates the state, so that a bad step can be repeated or skipped. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/trace.h"
#include "pwf/optim/optimiser.h"

#include <math.h>

enum { SKIPS_MAX = 3 }; /* steps in a row without an update */

static const float STATISTICS_MOMENTUM = 0.1f; /* PyTorch's BatchNorm default */

/* ---- without touching the state ------------------------------------------------------------- */

/* Computes the gradients of this rank's shard from the reduced sums; afterwards every rank has the
 * sums of squares of all blocks, in block order. */
static void compute_gradient(const pwf_engine *e, const pwf_batch *b, const pwf_stream *noise)
{
    const bool reference = e->config->fixing.compat == PWF_COMPAT_REFERENCE;
    const pwf_range own = e->state->own;
    double *norm = b->norm + own.lo / PWF_BLOCK;
    pwf_span span = pwf_trace_begin("gradient");
    pwf_posterior_gradient(e->state, &e->config->posterior, reference, e->workers.pool, noise,
                           b->sum + own.lo, b->dmu, b->dsigma, norm);
    PWF_FAULT_SPOIL("train.norm", PWF_FAULT_F64, norm, pwf_block_count(pwf_range_length(own)));
    pwf_trace_end(span);
    span = pwf_trace_begin("norms");
    pwf_exchange_gather_blocks(e->exchange, b->norm);
    pwf_trace_end(span);
}

/* Fault points of the tests: bits that flip in memory between two steps. */
static void spoil_state(pwf_snapshot *now, int64_t buffers)
{
    pwf_state *s = now->state;
    const int64_t own = pwf_range_length(s->own);
    const int64_t own_posterior = pwf_range_length(s->own_posterior);
    PWF_FAULT_SPOIL("train.mu", PWF_FAULT_F32, s->mu, own);
    PWF_FAULT_SPOIL("train.momentum", PWF_FAULT_F32, s->mu_moment[0], own);
    PWF_FAULT_SPOIL("train.sigma", PWF_FAULT_F32, s->sigma, own_posterior);
    PWF_FAULT_SPOIL("train.buffers", PWF_FAULT_F32, s->buffers, buffers);
    PWF_FAULT_SPOIL("train.codebook", PWF_FAULT_I32, s->codebook.entry, s->codebook.count);
    PWF_FAULT_SPOIL("train.position", PWF_FAULT_I64, &now->facts.position,
                    (int64_t)(sizeof now->facts.position / sizeof(int64_t)));
    PWF_FAULT_SPOIL("train.losses", PWF_FAULT_F64, now->facts.losses.value,
                    now->facts.losses.count);
}

/* Checks what this rank computed, then agrees. Whatever failed on a rank, all perform the same
 * communication, with values that are then not used. */
static pwf_status conclude(pwf_trainer *t, pwf_status status, pwf_status rest)
{
    t->guard.received = true;
    if (status.code == PWF_OK) status = pwf_guard_check_step(&t->guard);
    if (rest.code != PWF_OK) status = rest;
    const pwf_span span = pwf_trace_begin("agreement");
    status = pwf_trainer_agree(t, status);
    pwf_trace_end(span);
    t->guard.received = false;
    return status;
}

/* Everything before the update. Collective. */
static pwf_status attempt(pwf_trainer *t, const pwf_stream *noise)
{
    pwf_engine *e = t->engine;
    pwf_batch *b = &t->batch;
    spoil_state(&t->now, b->buffers);
    pwf_engine_begin_draw(e, noise, t->precision);
    /* While the weights of the other shards arrive: */
    pwf_span span = pwf_trace_begin("hash");
    const pwf_status rest = pwf_guard_check_rest(&t->guard);
    pwf_trace_end(span);
    pwf_feed_seek(&e->feed, t->now.facts.position.batches);
    pwf_slots_clear(e, b);
    pwf_engine_end_draw(e);
    PWF_FAULT_SPOIL("train.weights", PWF_FAULT_F32, e->workers.weights, t->now.state->total);
    const pwf_status status = pwf_slots_run(e, b, &t->now.facts.position, t->precision, true);
    t->meter.slot_seconds += b->seconds;
    (void)PWF_FAULT_POINT("train.reduce");
    span = pwf_trace_begin("reduce");
    pwf_exchange_reduce_end(e->exchange);
    pwf_trace_end(span);
    PWF_FAULT_SPOIL("train.sum", PWF_FAULT_I64, b->sum + t->now.state->own.lo,
                    pwf_range_length(t->now.state->own));
    compute_gradient(e, b, noise);
    PWF_FAULT_SPOIL("train.told", PWF_FAULT_F64, b->slot_loss, b->slots);
    return conclude(t, status, rest);
}

/* ---- the update ----------------------------------------------------------------------------- */

/* One update of this rank's shard; task b is its block b. */
typedef struct update_job {
    pwf_trainer *t;
    const pwf_optimiser *optimiser;
    pwf_optimiser_step step;
    bool bayesian;
} update_job;

/* Updates elements [lo, hi) of this rank's range of mu or sigma. */
static void update_slice(const update_job *job, float *x, float *const *moments, const float *dx,
                         const int16_t *code, int64_t lo, int64_t hi)
{
    float *at[PWF_MOMENTS_MAX];
    for (int k = 0; job->optimiser->moments[k]; k++)
        at[k] = moments[k] + lo;
    job->optimiser->update(&job->step, x + lo, at, dx + lo, code ? code + lo : NULL, hi - lo);
}

/* Updates a block of this rank's shard: posterior parameters (mu and sigma), then plain ones. */
static void update_block(void *context, int task, int worker)
{
    (void)worker;
    const update_job *job = context;
    const pwf_trainer *t = job->t;
    pwf_state *s = t->now.state;
    const pwf_batch *b = &t->batch;
    const int64_t lo = (int64_t)task * PWF_BLOCK, own = pwf_range_length(s->own);
    const int64_t hi = lo + PWF_BLOCK < own ? lo + PWF_BLOCK : own;
    const int64_t posterior = pwf_range_length(s->own_posterior);
    const int64_t split = lo > posterior ? lo : (hi < posterior ? hi : posterior);
    /* In reference mode, decay and momentum continue to shrink fixed weights. */
    const bool masked = job->bayesian && t->config->fixing.compat == PWF_COMPAT_PAPER;
    const int16_t *code = masked ? s->code : NULL;
    if (split > lo) {
        update_slice(job, s->mu, s->mu_moment, b->dmu, code, lo, split);
        if (job->bayesian) update_slice(job, s->sigma, s->sigma_moment, b->dsigma, code, lo, split);
    }
    if (hi > split) update_slice(job, s->mu, s->mu_moment, b->dmu, NULL, split, hi);
    pwf_guard_rest_block(&t->guard, task);
}

static void update(pwf_trainer *t, bool bayesian)
{
    const pwf_optim_config *optim = &t->config->optim;
    pwf_batch *b = &t->batch;
    const pwf_span span = pwf_trace_begin("update");
    update_job job = {
        .t = t,
        .optimiser = pwf_optimiser_get(optim->name),
        .step = {.config = optim,
                 .lr = (float)b->lr,
                 .count = t->now.facts.position.phase_step + 1},
        .bayesian = bayesian,
    };
    job.step.scale = pwf_clip_factor(b->norm, b->blocks, optim->clip_norm, &b->gradient_norm);
    b->clip = (double)job.step.scale;
    pwf_pool_run(t->engine->workers.pool, (int)pwf_block_count(pwf_range_length(t->now.state->own)),
                 update_block, &job);
    pwf_trace_end(span);
}

/* Moves the running statistics one exponential step towards the mean over slots. */
static void update_statistics(pwf_state *state, const pwf_batch *b)
{
    enum { RUN = 256 }; /* statistics summed together, since those of a slot are adjacent */
    for (int64_t first = 0; first < b->buffers; first += RUN) {
        const int64_t count = b->buffers - first < RUN ? b->buffers - first : RUN;
        double sum[RUN] = {0};
        for (int64_t s = 0; s < b->slots; s++)
            for (int64_t i = 0; i < count; i++)
                sum[i] += (double)b->slot_statistics[s * b->buffers + first + i];
        for (int64_t i = 0; i < count; i++) {
            const float mean = (float)(sum[i] / (double)b->slots);
            float *running = &state->buffers[first + i];
            *running = fmaf(STATISTICS_MOMENTUM, mean - *running, *running);
        }
    }
}

/* ---- the step ------------------------------------------------------------------------------- */

/* Advances the position, with an update or without. */
static void move_on(pwf_position *position, pwf_meter *meter)
{
    position->step++;
    position->phase_step++;
    position->batches++;
    pwf_meter_count_step(meter);
}

/* Skips a step that failed twice. */
static pwf_status skip(pwf_trainer *t, const pwf_status *why)
{
    if (t->guard.skipped >= SKIPS_MAX) {
        t->now.facts.position.batches++;
        return PWF_FAIL(PWF_NUMBERS,
                        "%s, at %d steps in a row: try a smaller optim.lr or train.baseline_lr",
                        why->text, t->guard.skipped + 1);
    }
    t->guard.skipped++;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_WARN("NUMBERS_SKIPPED",
                 "%s; the anomaly repeated, skipping this step: %d of at most %d in a row",
                 why->text, t->guard.skipped, SKIPS_MAX);
    move_on(&t->now.facts.position, &t->meter);
    return pwf_ok();
}

/* Diverged ranks and changed memory are not cured by repetition, only by reading a checkpoint. */
static bool is_repeatable(const pwf_guard *guard, const pwf_status *status)
{
    return status->code == PWF_NUMBERS && !guard->diverged && !guard->changed;
}

pwf_status pwf_step_run(pwf_trainer *t)
{
    const bool bayesian = t->now.facts.position.phase == PWF_PHASE_TRAIN;
    const pwf_stream draw = {.seed = (uint32_t)t->config->train.seed,
                             .purpose = PWF_RNG_NOISE,
                             .step = (uint64_t)t->now.facts.position.step};
    const pwf_stream *noise = bayesian ? &draw : NULL;
    const double begun = pwf_clock_seconds();
    const double communicated = pwf_mesh_traffic(t->mesh).seconds;
    t->batch.lr = pwf_plan_lr(&t->plan, &t->now.facts.position);
    pwf_status status = attempt(t, noise);
    if (is_repeatable(&t->guard, &status)) {
        const pwf_status first = status;
        status = attempt(t, noise);
        if (is_repeatable(&t->guard, &status)) return skip(t, &status);
        if (status.code == PWF_OK && pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
            PWF_WARN(
                "NUMBERS_RERUN",
                "%s, but not when the step was repeated, which suggests a hardware fault; the run "
                "continues",
                first.text);
    }
    PWF_TRY(status);
    t->guard.skipped = 0;
    update(t, bayesian);
    update_statistics(t->now.state, &t->batch);
    t->batch.loss = pwf_batch_loss(&t->batch);
    pwf_losses_add(&t->now.facts.losses, t->batch.loss);
    move_on(&t->now.facts.position, &t->meter);
    pwf_guard_mark_rest(&t->guard);
    const double seconds = pwf_clock_seconds() - begun;
    pwf_saver_count_step(&t->saver, seconds);
    pwf_meter_add_step(&t->meter, seconds, pwf_mesh_traffic(t->mesh).seconds - communicated,
                       t->batch.loss);
    return pwf_ok();
}
