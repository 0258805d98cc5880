/* SPDX-License-Identifier: BSD-3-Clause */
/* Resolves what a job of pwf_dist runs: its settings, the checkpoint to resume from, and the lock
 * of its run directory. Called by pwf_dist between MPI start and the checks of the launch. Rank 0
 * reads files and shares the result; every function with a mesh is collective. */
#include "app.h"

#include "pwf/core/file.h"
#include "pwf/core/log.h"

#include <stdlib.h>
#include <string.h>

/* Creates and locks the run directory. Only a run writes to it; the other actions take no lock. */
static pwf_status lock(const pwf_mesh *mesh, pwf_app_action action, pwf_app_job *job)
{
    if (action != PWF_APP_RUN || job->locked) return pwf_ok();
    PWF_TRY(pwf_lock_take(mesh, job->config.output, &job->lock));
    job->locked = true;
    return pwf_ok();
}

/* Broadcasts the settings of rank 0, unless resolving them failed. */
static pwf_status share(const pwf_mesh *mesh, pwf_status status, pwf_config *config)
{
    PWF_TRY(pwf_mesh_agree(mesh, status));
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, config, sizeof *config);
    return pwf_ok();
}

/* The settings of a resumed run: those of the checkpoint, overridden by those given now. They may
 * differ in resumable keys only. */
static pwf_status settle_resumed(const pwf_app_args *args, const char *stored, pwf_app_job *job)
{
    pwf_config before;
    pwf_config_defaults(&before);
    PWF_TRY(pwf_config_read_text(&before, stored, strlen(stored), "the checkpoint's settings",
                                 PWF_FROM_CHECKPOINT));
    PWF_TRY(pwf_app_layer(args, stored, &job->config));
    if (pwf_config_origin(&job->config, "output") <= PWF_FROM_CHECKPOINT)
        pwf_path_directory(job->config.output, job->checkpoint);
    pwf_config_keep_precision(&before, &job->config);
    PWF_TRY(pwf_config_same(&before, &job->config));
    return pwf_config_check(&job->config);
}

/* Resolves the settings of a resumed run on rank 0 and broadcasts them. */
static pwf_status resume(const pwf_mesh *mesh, const pwf_app_args *args, pwf_app_job *job)
{
    char *stored = NULL;
    PWF_TRY(pwf_ckpt_read_config(mesh, job->checkpoint, &stored));
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = settle_resumed(args, stored, job);
    free(stored);
    return share(mesh, status, &job->config);
}

/* Refuses a run directory with checkpoints, damaged ones included: they belong to another run. */
static pwf_status check_unused(const pwf_mesh *mesh, const char *output)
{
    char path[PWF_PATH];
    bool found = false;
    const pwf_status status = pwf_ckpt_find(mesh, output, path, &found);
    if (!found) return status;
    return PWF_FAIL(PWF_CANTCREATE,
                    "%s holds the checkpoints of another run; resume it with --resume, or choose "
                    "another --output",
                    output);
}

/* A named checkpoint may be resumed in another directory, if that holds no run. */
static pwf_status check_elsewhere(const pwf_mesh *mesh, const pwf_app_job *job)
{
    char directory[PWF_PATH];
    int same = 0;
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0)
        same = pwf_path_directory(directory, job->checkpoint) &&
               pwf_path_is_same(directory, job->config.output);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, &same, sizeof same);
    return same ? pwf_ok() : check_unused(mesh, job->config.output);
}

/* --resume FILE: the file names the settings, and by default the run directory. */
static pwf_status resolve_named(const pwf_mesh *mesh, const pwf_app_args *args,
                                pwf_app_action action, const char *name, pwf_app_job *job)
{
    PWF_FAIL_IF(strlen(name) >= sizeof job->checkpoint, PWF_USAGE,
                "the name of the checkpoint is longer than %zu bytes", sizeof job->checkpoint - 1);
    strcpy(job->checkpoint, name);
    PWF_TRY(resume(mesh, args, job));
    PWF_TRY(lock(mesh, action, job));
    return check_elsewhere(mesh, job);
}

/* The order matters: the lock is taken before the search for a checkpoint, so that no other job can
 * write one in between. */
pwf_status pwf_app_resolve(const pwf_mesh *mesh, const pwf_app_args *args, pwf_app_action action,
                           pwf_app_job *job)
{
    const char *from = pwf_app_value(args, "--resume");
    memset(job, 0, sizeof *job);
    if (from && strcmp(from, "auto") != 0) return resolve_named(mesh, args, action, from, job);
    /* The settings name the run directory, which may hold a checkpoint. If it does, they are
     * resolved again, on top of those of the checkpoint. */
    bool found = false;
    pwf_status status = pwf_ok();
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    if (first) status = pwf_app_layer(args, NULL, &job->config);
    PWF_TRY(share(mesh, status, &job->config));
    if (from) {
        PWF_TRY(lock(mesh, action, job));
        PWF_TRY(pwf_ckpt_find(mesh, job->config.output, job->checkpoint, &found));
        if (found) return resume(mesh, args, job);
        PWF_INFO("FRESH", "no checkpoint in %s; starting a new run", job->config.output);
    }
    if (first) status = pwf_config_check(&job->config);
    PWF_TRY(share(mesh, status, &job->config));
    PWF_TRY(lock(mesh, action, job));
    const bool dry = action == PWF_APP_DRY_RUN || action == PWF_APP_CALIBRATE;
    return from || dry ? pwf_ok() : check_unused(mesh, job->config.output);
}
