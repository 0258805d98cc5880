/* SPDX-License-Identifier: BSD-3-Clause */
/* One optimiser step: draw the weights, run the slots, reduce the gradients to their owners,
 * regularise, clip, update. docs/explanation/method.md sections 1 and 2. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/trace.h"
#include "pwf/optim/optimiser.h"

#include <math.h>
#include <string.h>

enum { SKIPS_MAX = 3 };

static const float STATISTICS_MOMENTUM = 0.1f; /* PyTorch's BatchNorm default */

static void begin_weights(pwf_trainer *t, const pwf_stream *noise, pwf_precision precision)
{
    const bool rounded = precision == PWF_BF16;
    float *mine = t->weights + t->state->own.lo;
    pwf_span span = pwf_trace_begin("sample");
    if (noise)
        pwf_posterior_sample(t->state, t->pool, *noise, rounded, mine);
    else
        pwf_posterior_means(t->state, t->pool, rounded, mine);
    pwf_trace_end(span);
    span = pwf_trace_begin("gather");
    pwf_exchange_gather_begin(t->exchange, t->pool, t->weights, rounded);
    pwf_trace_end(span);
}

static void end_weights(pwf_trainer *t)
{
    const pwf_span span = pwf_trace_begin("gather");
    pwf_exchange_gather_end(t->exchange, t->pool);
    pwf_trace_end(span);
}

void pwf_step_weights(pwf_trainer *t, const pwf_stream *noise, pwf_precision precision)
{
    begin_weights(t, noise, precision);
    end_weights(t);
}

double pwf_step_loss(const pwf_trainer *t)
{
    double loss = 0.0;
    for (int64_t s = 0; s < t->config->parallel.slots; s++)
        loss += t->slot_loss[s];
    return loss / (double)t->config->train.batch;
}

/* The sums of squares of all blocks, known to every rank in block order. */
static void gradient(pwf_trainer *t, const pwf_stream *noise)
{
    const pwf_range own = t->state->own;
    pwf_span span = pwf_trace_begin("gradient");
    pwf_posterior_gradient(t->state, &t->config->posterior,
                           t->config->fixing.compat == PWF_COMPAT_REFERENCE, t->pool, noise,
                           t->sum + own.lo, t->dmu, t->dsigma, t->norm + own.lo / PWF_BLOCK);
    PWF_FAULT_SPOIL("train.norm", PWF_FAULT_F64, t->norm + own.lo / PWF_BLOCK,
                    pwf_block_count(pwf_range_length(own)));
    pwf_trace_end(span);
    span = pwf_trace_begin("norms");
    pwf_exchange_gather_blocks(t->exchange, t->norm);
    pwf_trace_end(span);
}

/* One update of the own shard; task t is block t of it. */
typedef struct update_job {
    pwf_trainer *t;
    const pwf_optimiser *optimiser;
    pwf_optimiser_step step;
    bool bayesian;
} update_job;

/* Elements [lo, hi) of the own range of mu or sigma. */
static void update_slice(const update_job *job, float *x, float *const *moments, const float *dx,
                         const int16_t *code, int64_t lo, int64_t hi)
{
    float *at[PWF_MOMENTS_MAX];
    for (int k = 0; job->optimiser->moments[k]; k++)
        at[k] = moments[k] + lo;
    job->optimiser->update(&job->step, x + lo, at, dx + lo, code ? code + lo : NULL, hi - lo);
}

static void update_block(void *context, int task, int worker)
{
    (void)worker;
    const update_job *job = context;
    const pwf_trainer *t = job->t;
    pwf_state *s = t->state;
    const int64_t lo = (int64_t)task * PWF_BLOCK, all = pwf_range_length(s->own);
    const int64_t hi = lo + PWF_BLOCK < all ? lo + PWF_BLOCK : all;
    const int64_t posterior = pwf_range_length(s->own_posterior);
    /* Posterior elements come before plain ones. */
    const int64_t split = lo > posterior ? lo : (hi < posterior ? hi : posterior);
    /* In reference mode decay and momentum go on shrinking fixed weights. */
    const bool masked = job->bayesian && t->config->fixing.compat == PWF_COMPAT_PAPER;
    const int16_t *code = masked ? s->code : NULL;
    if (split > lo) {
        update_slice(job, s->mu, s->mu_moment, t->dmu, code, lo, split);
        if (job->bayesian) update_slice(job, s->sigma, s->sigma_moment, t->dsigma, code, lo, split);
    }
    if (hi > split) update_slice(job, s->mu, s->mu_moment, t->dmu, NULL, split, hi);
    pwf_rest_note(t, task);
}

static void update(pwf_trainer *t, bool bayesian)
{
    const pwf_optim_config *optim = &t->config->optim;
    const pwf_span span = pwf_trace_begin("update");
    update_job job = {
        .t = t,
        .optimiser = pwf_optimiser_get(optim->name),
        .step = {.config = optim, .lr = (float)t->lr, .count = t->position.phase_step + 1},
        .bayesian = bayesian,
    };
    job.step.scale = pwf_clip_factor(t->norm, pwf_block_count(t->state->total), optim->clip_norm,
                                     &t->gradient_norm);
    t->clip = (double)job.step.scale;
    const int64_t blocks = pwf_block_count(pwf_range_length(t->state->own));
    pwf_pool_run(t->pool, (int)blocks, update_block, &job);
    pwf_trace_end(span);
}

/* One exponential step of the running statistics towards the mean over slots. */
static void update_statistics(pwf_trainer *t)
{
    const int64_t slots = t->config->parallel.slots;
    const int64_t buffers = pwf_registry_buffer_count(t->registry);
    enum { RUN = 256 }; /* the statistics of a slot lie side by side */
    for (int64_t first = 0; first < buffers; first += RUN) {
        const int64_t count = buffers - first < RUN ? buffers - first : RUN;
        double sum[RUN] = {0};
        for (int64_t s = 0; s < slots; s++)
            for (int64_t i = 0; i < count; i++)
                sum[i] += (double)t->slot_statistics[s * buffers + first + i];
        for (int64_t i = 0; i < count; i++) {
            const float mean = (float)(sum[i] / (double)slots);
            float *running = &t->state->buffers[first + i];
            *running = fmaf(STATISTICS_MOMENTUM, mean - *running, *running);
        }
    }
}

static void spoil_state(pwf_trainer *t)
{
    pwf_state *s = t->state;
    const int64_t fuzzy = pwf_range_length(s->own_posterior);
    PWF_FAULT_SPOIL("train.mu", PWF_FAULT_F32, s->mu, pwf_range_length(s->own));
    PWF_FAULT_SPOIL("train.momentum", PWF_FAULT_F32, s->mu_moment[0], pwf_range_length(s->own));
    PWF_FAULT_SPOIL("train.sigma", PWF_FAULT_F32, s->sigma, fuzzy);
    PWF_FAULT_SPOIL("train.buffers", PWF_FAULT_F32, s->buffers,
                    pwf_registry_buffer_count(t->registry));
    PWF_FAULT_SPOIL("train.codebook", PWF_FAULT_I32, s->codebook.entry, s->codebook.count);
    PWF_FAULT_SPOIL("train.position", PWF_FAULT_I64, &t->position,
                    (int64_t)(sizeof t->position / sizeof(int64_t)));
    PWF_FAULT_SPOIL("train.losses", PWF_FAULT_F64, t->losses.value, t->losses.count);
}

/* All of a step that leaves the state as it is. One agreement stands at its end: whatever failed on
 * a rank, it goes all the way with numbers that are then not used. */
static pwf_status attempt(pwf_trainer *t, const pwf_stream *noise)
{
    pwf_state *s = t->state;
    spoil_state(t);
    begin_weights(t, noise, t->training);
    /* While the weights of the other shards arrive. */
    pwf_span span = pwf_trace_begin("hash");
    const pwf_status rest = pwf_rest_check(t);
    pwf_trace_end(span);
    pwf_slots_seek(t, t->position.batches);
    pwf_slots_clear(t);
    end_weights(t);
    PWF_FAULT_SPOIL("train.weights", PWF_FAULT_F32, t->weights, s->total);
    pwf_status status = pwf_slots_run(t, true);
    (void)PWF_FAULT_POINT("train.reduce");
    span = pwf_trace_begin("reduce");
    pwf_exchange_reduce_end(t->exchange);
    pwf_trace_end(span);
    PWF_FAULT_SPOIL("train.sum", PWF_FAULT_I64, t->sum + s->own.lo, pwf_range_length(s->own));
    gradient(t, noise);
    PWF_FAULT_SPOIL("train.told", PWF_FAULT_F64, t->slot_loss, t->config->parallel.slots);
    t->told = true;
    if (status.code == PWF_OK) status = pwf_numbers_of_step(t);
    if (rest.code != PWF_OK) status = rest;
    span = pwf_trace_begin("agreement");
    status = pwf_trainer_agree(t, status);
    pwf_trace_end(span);
    t->told = false;
    return status;
}

/* The position behind a step, with an update or without. */
static void move_on(pwf_trainer *t)
{
    t->position.step++;
    t->position.phase_step++;
    t->position.batches++;
    t->steps_here++;
    t->units_done += 1.0;
}

/* A step that failed twice is passed over. */
static pwf_status pass_over(pwf_trainer *t, const pwf_status *why)
{
    if (t->skipped >= SKIPS_MAX) {
        t->position.batches++;
        return PWF_FAIL(PWF_NUMBERS,
                        "%s, at %d steps in a row: try a smaller optim.lr or "
                        "train.baseline_lr",
                        why->text, t->skipped + 1);
    }
    t->skipped++;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_WARN(
            "NUMBERS_SKIPPED",
            "%s, also when the step was done again; it is passed over, %d of at most %d in a row",
            why->text, t->skipped, SKIPS_MAX);
    move_on(t);
    return pwf_ok();
}

pwf_status pwf_step_run(pwf_trainer *t)
{
    const bool bayesian = t->position.phase == PWF_PHASE_TRAIN;
    const pwf_stream draw = {.seed = (uint32_t)t->config->train.seed,
                             .purpose = PWF_RNG_NOISE,
                             .step = (uint64_t)t->position.step};
    const pwf_stream *noise = bayesian ? &draw : NULL;
    const double begun = pwf_clock_seconds();
    const double communicated = pwf_mesh_traffic(t->mesh).seconds;
    t->lr = pwf_plan_lr(t);
    pwf_status status = attempt(t, noise);
    if (status.code == PWF_NUMBERS && !t->parted && !t->changed) {
        const pwf_status first = status;
        status = attempt(t, noise);
        if (status.code == PWF_NUMBERS && !t->parted && !t->changed) return pass_over(t, &status);
        if (status.code == PWF_OK && pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
            PWF_WARN("NUMBERS_RERUN",
                     "%s, but not when the step was done again, as after a fault of the hardware; "
                     "the run goes on",
                     first.text);
    }
    PWF_TRY(status);
    t->skipped = 0;
    update(t, bayesian);
    update_statistics(t);

    t->loss = pwf_step_loss(t);
    pwf_losses_add(&t->losses, t->loss);
    move_on(t);
    pwf_rest_noted(t);
    /* Seconds are averaged, not rates, so that the rate agrees with the time that goes by; the
     * first step also prepares the libraries and does not count. */
    const double seconds = pwf_clock_seconds() - begun;
    t->row_seconds += seconds;
    t->row_communicated += pwf_mesh_traffic(t->mesh).seconds - communicated;
    if (pwf_save_is_under_way(t)) {
        t->saving.steps++;
        t->saving.step_seconds += seconds;
    }
    if (t->steps_here > 1)
        t->step_seconds += (t->steps_here == 2 ? 1.0 : 0.05) * (seconds - t->step_seconds);
    return pwf_ok();
}
