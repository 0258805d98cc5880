/* SPDX-License-Identifier: BSD-3-Clause */
/* `pwf_dist --check`: sets up everything a run needs and reports what it would do. Called by
 * pwf_dist. Reads the checkpoint and the data set, and communicates as the beginning of a run does.
 * Trains nothing and writes no file. */
#include "pwf/train/train.h"

#include "pwf/core/log.h"
#include "pwf/rundir/directory.h"
#include "trainer.h"

/* Reading the checkpoint verifies it; the launch checks have run before. */
static pwf_status check(pwf_trainer *t, const char *checkpoint)
{
    const pwf_config *c = t->config;
    pwf_directory found;
    PWF_TRY(pwf_trainer_resume(t, checkpoint));
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0) status = pwf_directory_check(c->output, &found);
    PWF_TRY(pwf_mesh_agree(t->mesh, status));
    PWF_INFO("CHECK",
             "%lld steps of ordinary training, then %d rounds, the first after %lld steps and each "
             "later one after %lld; output goes to %s; nothing was run or written",
             (long long)pwf_plan_baseline_steps(&t->plan), c->fixing.fractions.count,
             (long long)pwf_plan_steps(&t->plan, c->fixing.first_epochs),
             (long long)pwf_plan_steps(&t->plan, c->fixing.epochs), c->output);
    return pwf_ok();
}

pwf_status pwf_train_check(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint)
{
    pwf_trainer *t = NULL;
    PWF_TRY(pwf_trainer_new(mesh, config, &t));
    const pwf_status status = check(t, checkpoint);
    pwf_trainer_free(t);
    return status;
}
