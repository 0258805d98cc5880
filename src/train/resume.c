/* SPDX-License-Identifier: BSD-3-Clause */
/* The beginning of a run: from a checkpoint, from weights of another run, or from random ones.
 * Called by the check, and by the run before its first step. Reads files into the state; only
 * pwf_trainer_tidy changes the run directory. */
#include "trainer.h"

#include "pwf/ckpt/network.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/isa.h"
#include "pwf/core/log.h"
#include "pwf/tensor/tensor.h"

#include <stdio.h>
#include <string.h>

/* One log line per subject, each with a stable code, before anything that can take long. */
static void describe(const pwf_trainer *t)
{
    const pwf_config *c = t->config;
    PWF_INFO("MODEL", "%s: %lld parameters, %lld of them posterior", c->model.name,
             (long long)t->now.state->total, (long long)t->now.state->posterior);
    PWF_INFO("DATA", "%lld training and %lld test images from %s", (long long)t->plan.train_images,
             (long long)t->plan.test_images, c->data.path);
    PWF_INFO("MESH", "%d shards x %d replicas x %lld threads, %lld slots of %lld images",
             pwf_mesh_size(t->mesh, PWF_SHARD), pwf_mesh_size(t->mesh, PWF_REPLICA),
             (long long)c->parallel.threads, (long long)c->parallel.slots,
             (long long)(c->train.batch / c->parallel.slots));
    PWF_INFO("KERNELS", "%s; own kernels %s; training in %s",
             pwf_tensor_backend_text(c->parallel.backend).text, pwf_isa_name(pwf_isa_now()),
             t->precision == PWF_BF16 ? "bf16" : "fp32");
}

/* Replaces random start weights by those of model.init. Collective. */
static pwf_status read_start_weights(const pwf_engine *e)
{
    const char *path = e->config->model.init;
    char text[33];
    pwf_hash hash = {0, 0};
    if (!*path) return pwf_ok();
    const pwf_status read = pwf_ckpt_read_start(e->mesh, path, e->state, &hash);
    PWF_FAIL_IF(read.code == PWF_DATA && pwf_network_form(path) == PWF_FORM_WEIGHTS, PWF_DATA,
                "model.init: %s is a weight file of another program; convert it first: "
                "pwf import %s --model %s -o start.h5",
                path, path, e->config->model.name);
    PWF_TRY(read);
    pwf_hash_text(hash, text);
    PWF_INFO("INIT", "start weights from %s, hash %s", path, text);
    return pwf_ok();
}

/* A run may be resumed from a checkpoint in another directory, which then is not one of its own. */
static bool is_in_directory(const char *path, const char *dir)
{
    char own[PWF_PATH];
    return pwf_path_directory(own, path) && strcmp(own, dir) == 0;
}

/* Reads the checkpoint into the live snapshot and records it as the newest one. Collective. */
static pwf_status read_checkpoint(pwf_trainer *t, const char *checkpoint)
{
    pwf_saver *saver = &t->saver;
    (void)PWF_FAULT_POINT("train.load");
    PWF_TRY(pwf_ckpt_read(t->mesh, checkpoint, &t->now));
    t->meter.earlier_seconds = t->now.facts.seconds;
    saver->position = t->now.facts.position;
    saver->has_newest = is_in_directory(checkpoint, t->config->output);
    snprintf(saver->newest, sizeof saver->newest, "%s", checkpoint);
    PWF_INFO("RESUME", "resuming from %s: step %lld, %lld of %d rounds done", checkpoint,
             (long long)t->now.facts.position.step, (long long)t->now.facts.position.round,
             t->config->fixing.fractions.count);
    return pwf_ok();
}

/* The total is that of the whole run, so it is computed before a checkpoint moves the position. */
pwf_status pwf_trainer_resume(pwf_trainer *t, const char *checkpoint)
{
    pwf_meter *meter = &t->meter;
    describe(t);
    meter->units_total = pwf_plan_units(&t->plan, &t->now.facts.position);
    PWF_TRY(checkpoint ? read_checkpoint(t, checkpoint) : read_start_weights(t->engine));
    meter->units_done = meter->units_total - pwf_plan_units(&t->plan, &t->now.facts.position);
    return pwf_ok();
}

/* A checkpoint whose phase has just begun is that of a round. A run that died between its commit
 * and pwf_saver_keep_round left it without the name of the round. */
void pwf_trainer_tidy(pwf_trainer *t)
{
    const pwf_position *p = &t->now.facts.position;
    const bool of_round =
        p->phase == PWF_PHASE_FINISH || (p->phase == PWF_PHASE_TRAIN && p->phase_step == 0);
    if (of_round && t->saver.has_newest) pwf_saver_keep_round(&t->saver);
    pwf_ckpt_prune(t->mesh, t->config->output, (pwf_retention){.step = p->step, .keep = INT64_MAX});
    pwf_exports_missing(t->mesh, t->config, p);
}
