/* SPDX-License-Identifier: BSD-3-Clause */
/* How long each station of a run is. Everything here is a pure function of configuration, number
 * of images and position, so that a resumed run makes the same plan. */
#include "pwf/train/train.h"
#include "trainer.h"

#include "pwf/optim/schedule.h"

#include <stdio.h>
#include <string.h>

/* Round half up, without libm: the argument is never negative. */
static int64_t nearest(double x)
{
    return (int64_t)(x + 0.5);
}

int64_t pwf_plan_steps(const pwf_config *config, int64_t images, double epochs)
{
    const int64_t steps = nearest(epochs * (double)images / (double)config->train.batch);
    return steps < 1 ? 1 : steps;
}

static int64_t steps_at(const pwf_trainer *t, const pwf_position *at)
{
    const pwf_config *c = t->config;
    const int64_t images = pwf_dataset_count(t->train_data);
    switch ((pwf_phase)at->phase) {
    case PWF_PHASE_BASELINE:
        return c->train.baseline_epochs > 0.0 ? pwf_plan_steps(c, images, c->train.baseline_epochs)
                                              : 0;
    case PWF_PHASE_TRAIN:
        return pwf_plan_steps(c, images, at->round ? c->fixing.epochs : c->fixing.first_epochs);
    default:
        return 0;
    }
}

int64_t pwf_plan_phase_steps(const pwf_trainer *t)
{
    return steps_at(t, &t->position);
}

double pwf_plan_lr(const pwf_trainer *t)
{
    const pwf_config *c = t->config;
    const int64_t images = pwf_dataset_count(t->train_data);
    const bool baseline = t->position.phase == PWF_PHASE_BASELINE;
    const pwf_schedule schedule = {
        .lr = baseline ? c->train.baseline_lr : c->optim.lr,
        .kind = baseline ? c->train.baseline_schedule : c->optim.schedule,
        .warmup = c->optim.warmup > 0.0 ? pwf_plan_steps(c, images, c->optim.warmup) : 0,
        .step_every = pwf_plan_steps(c, images, c->optim.step_epochs),
        .step_factor = c->optim.step_factor,
    };
    return pwf_schedule_lr(&schedule, t->position.phase_step, pwf_plan_phase_steps(t));
}

int64_t pwf_plan_norm_batches(const pwf_trainer *t)
{
    const int64_t pass = pwf_dataset_count(t->train_data) / t->config->train.batch;
    return t->config->train.norm_batches < pass ? t->config->train.norm_batches : pass;
}

/* Work in units of one training step. A forward pass is about a third of a step an image. */
static double evaluation_units(const pwf_trainer *t, bool ensemble)
{
    const double draws = ensemble ? 1.0 + (double)t->config->eval.samples : 1.0;
    return draws * (double)pwf_dataset_count(t->test_data) / (double)t->config->train.batch / 3.0;
}

double pwf_plan_units(const pwf_trainer *t, const pwf_position *from)
{
    const pwf_config *c = t->config;
    const bool each = c->eval.ensemble == PWF_ENSEMBLE_ALL;
    const bool last = c->eval.ensemble != PWF_ENSEMBLE_NONE;
    pwf_position at = *from;
    double units = 0.0;
    while (at.phase != PWF_PHASE_DONE) {
        units += (double)(steps_at(t, &at) - at.phase_step);
        at.phase_step = 0;
        switch ((pwf_phase)at.phase) {
        case PWF_PHASE_START:
        case PWF_PHASE_EVALUATE:
            units += evaluation_units(t, each);
            break;
        case PWF_PHASE_FINISH:
            units += evaluation_units(t, last) + (double)pwf_plan_norm_batches(t) / 3.0;
            break;
        default:
            break;
        }
        if (at.phase == PWF_PHASE_FIX) at.round++;
        if (at.phase == PWF_PHASE_EVALUATE && at.round < c->fixing.fractions.count)
            at.phase = PWF_PHASE_TRAIN;
        else
            at.phase++;
    }
    return units;
}

const char *pwf_plan_phase_name(const pwf_trainer *t)
{
    static char text[64];
    const int rounds = t->config->fixing.fractions.count;
    const long long round = (long long)t->position.round;
    switch ((pwf_phase)t->position.phase) {
    case PWF_PHASE_BASELINE:
        return "baseline";
    case PWF_PHASE_START:
        return "start";
    case PWF_PHASE_TRAIN:
        snprintf(text, sizeof text, "train %lld/%d", round + 1, rounds);
        break;
    case PWF_PHASE_FIX:
        snprintf(text, sizeof text, "fix %lld/%d", round + 1, rounds);
        break;
    case PWF_PHASE_EVALUATE:
        snprintf(text, sizeof text, "evaluate %lld/%d", round, rounds);
        break;
    case PWF_PHASE_FINISH:
        return "finish";
    case PWF_PHASE_DONE:
        return "done";
    }
    return text;
}

const char *pwf_train_phase_text(int64_t phase)
{
    static const char *const texts[] = {
        [PWF_PHASE_BASELINE] = "ordinary training",
        [PWF_PHASE_START] = "start of the posterior",
        [PWF_PHASE_TRAIN] = "Bayesian training",
        [PWF_PHASE_FIX] = "fixing",
        [PWF_PHASE_EVALUATE] = "evaluation of a round",
        [PWF_PHASE_FINISH] = "last evaluation",
        [PWF_PHASE_DONE] = "finished",
    };
    return phase >= 0 && phase <= PWF_PHASE_DONE ? texts[phase] : "unknown";
}

void pwf_plan_traffic(const pwf_trainer *t, int64_t ranks, int64_t shards, pwf_traffic *out)
{
    const int64_t total = t->state->total, replicas = ranks / shards;
    const int64_t slots = t->config->parallel.slots;
    const int64_t buffers = pwf_registry_buffer_count(t->registry);
    const int64_t halved = t->training == PWF_BF16 ? t->state->posterior : 0;
    const int64_t weights = 4 * total - 2 * halved, sums = 8 * total;
    const int64_t norms = 8 * pwf_block_count(total);
    memset(out->bytes, 0, sizeof out->bytes);
    /* In each group of shards every rank lacks the parts of the others. */
    out->bytes[PWF_SHARD][PWF_GATHERED] = replicas * (shards - 1) * (weights + norms);
    /* Each summand moves once to where it is added, each sum once to every replica beside. */
    out->bytes[PWF_REPLICA][PWF_REDUCED] = (replicas - 1) * sums;
    /* Losses and statistics of the slots, and the agreement at the end. */
    out->bytes[PWF_WORLD][PWF_GATHERED] = (ranks - 1) * slots * (8 + 4 * buffers);
    out->bytes[PWF_WORLD][PWF_REDUCED] =
        (ranks - 1) * sums + 2 * (ranks - 1) * 8 * (1 + PWF_AGREED);
    if (t->config->data.skip_bad > 0 && pwf_dataset_is_decoded(t->train_data))
        out->bytes[PWF_WORLD][PWF_GATHERED] += 8 * ranks * (ranks - 1);
}
