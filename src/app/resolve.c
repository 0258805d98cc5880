/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include "pwf/core/log.h"
#include "pwf/core/terminal.h"
#include "pwf/models/families.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

pwf_status pwf_app_layer(const pwf_app_command *command, const char *stored, pwf_config *config)
{
    pwf_config_defaults(config);
    if (stored)
        PWF_TRY(pwf_config_read_text(config, stored, strlen(stored), "the checkpoint's settings",
                                     PWF_FROM_CHECKPOINT));
    if (command->config) PWF_TRY(pwf_config_read_file(config, command->config));
    PWF_TRY(pwf_config_read_environment(config));
    for (int i = 0; i < command->sets; i++)
        PWF_TRY(pwf_config_set(config, command->set[i]));
    if (!command->output) return pwf_ok();
    char assignment[PWF_TEXT + 16];
    if (strlen(command->output) >= PWF_TEXT)
        return PWF_FAIL(PWF_USAGE, "the name of the run directory is longer than %d bytes",
                        PWF_TEXT - 1);
    snprintf(assignment, sizeof assignment, "output=%s", command->output);
    return pwf_config_set(config, assignment);
}

/* Makes the run directory this job's own. Only a run needs it; to look is free. */
static pwf_status own(const pwf_mesh *mesh, const pwf_app_command *command, pwf_app_job *job)
{
    if (command->action != PWF_APP_RUN || job->locked) return pwf_ok();
    PWF_TRY(pwf_lock_take(mesh, job->config.output, &job->lock));
    job->locked = true;
    return pwf_ok();
}

/* The settings of rank 0 on every rank. */
static pwf_status share(const pwf_mesh *mesh, pwf_status status, pwf_config *config)
{
    PWF_TRY(pwf_mesh_agree(mesh, status));
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, config, sizeof *config);
    return pwf_ok();
}

/* The folder a file stands in. */
static pwf_status folder_of(const char *path, char folder[PWF_TEXT])
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= PWF_TEXT)
        return PWF_FAIL(PWF_USAGE, "the folder of %.200s... has too long a name; use --output",
                        path);
    if (!slash)
        strcpy(folder, ".");
    else if (length == 0)
        strcpy(folder, "/");
    else {
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    return pwf_ok();
}

/* The settings of a resumed run: the stored ones under those given now, which may differ only where
 * they belong to the run. */
static pwf_status settle_resumed(const pwf_app_command *command, const char *stored,
                                 pwf_app_job *job)
{
    pwf_config before;
    pwf_config_defaults(&before);
    PWF_TRY(pwf_config_read_text(&before, stored, strlen(stored), "the checkpoint's settings",
                                 PWF_FROM_CHECKPOINT));
    PWF_TRY(pwf_app_layer(command, stored, &job->config));
    if (pwf_config_origin(&job->config, "output") <= PWF_FROM_CHECKPOINT)
        PWF_TRY(folder_of(job->checkpoint, job->config.output));
    pwf_config_keep_precision(&before, &job->config);
    PWF_TRY(pwf_config_same(&before, &job->config));
    return pwf_config_check(&job->config, pwf_model_families());
}

static pwf_status resume(const pwf_mesh *mesh, const pwf_app_command *command, pwf_app_job *job)
{
    char *stored = NULL;
    PWF_TRY(pwf_ckpt_read_config(mesh, job->checkpoint, &stored));
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = settle_resumed(command, stored, job);
    free(stored);
    return share(mesh, status, &job->config);
}

/* A directory with checkpoints belongs to the run that wrote them. Damaged ones count too. */
static pwf_status check_unused(const pwf_mesh *mesh, const char *output)
{
    char path[PWF_PATH];
    bool found = false;
    const pwf_status status = pwf_ckpt_find(mesh, output, path, &found);
    if (!found) return status;
    return PWF_FAIL(PWF_CANTCREATE,
                    "%s holds the checkpoints of another run: go on from them with --resume, or "
                    "choose another --output",
                    output);
}

bool pwf_app_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A named checkpoint may be taken up into another directory, if that is free. */
static pwf_status check_elsewhere(const pwf_mesh *mesh, const pwf_app_job *job)
{
    char folder[PWF_TEXT];
    int same = 0;
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        status = folder_of(job->checkpoint, folder);
        if (status.code == PWF_OK) same = pwf_app_same_file(folder, job->config.output);
    }
    PWF_TRY(pwf_mesh_agree(mesh, status));
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, &same, sizeof same);
    return same ? pwf_ok() : check_unused(mesh, job->config.output);
}

static pwf_status settle_fresh(const pwf_app_command *command, pwf_config *config)
{
    PWF_TRY(pwf_app_layer(command, NULL, config));
    return pwf_config_check(config, pwf_model_families());
}

pwf_status pwf_app_resolve(const pwf_mesh *mesh, const pwf_app_command *command, pwf_app_job *job)
{
    memset(job, 0, sizeof *job);
    if (command->resume && command->checkpoint) {
        if (strlen(command->checkpoint) >= sizeof job->checkpoint)
            return PWF_FAIL(PWF_USAGE, "the name of the checkpoint is too long");
        strcpy(job->checkpoint, command->checkpoint);
        PWF_TRY(resume(mesh, command, job));
        PWF_TRY(own(mesh, command, job));
        return check_elsewhere(mesh, job);
    }
    /* Settings first: they name the run directory, in which a checkpoint may lie. With one there,
     * its settings come in and the whole is checked again. */
    bool found = false;
    pwf_status status = pwf_ok();
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    if (first) status = pwf_app_layer(command, NULL, &job->config);
    PWF_TRY(share(mesh, status, &job->config));
    if (command->resume) {
        PWF_TRY(own(mesh, command, job));
        PWF_TRY(pwf_ckpt_find(mesh, job->config.output, job->checkpoint, &found));
        if (found) return resume(mesh, command, job);
        PWF_INFO("FRESH", "no checkpoint in %s: a fresh start", job->config.output);
    }
    if (first) status = settle_fresh(command, &job->config);
    PWF_TRY(share(mesh, status, &job->config));
    PWF_TRY(own(mesh, command, job));
    const bool dry = command->action != PWF_APP_RUN && command->action != PWF_APP_CHECK;
    return command->resume || dry ? pwf_ok() : check_unused(mesh, job->config.output);
}

void pwf_app_start_log(const pwf_config *config)
{
    const bool plain = config->log.format == PWF_LOG_PLAIN ||
                       (config->log.format == PWF_LOG_AUTO && pwf_terminal_fd() >= 0);
    pwf_log_set((pwf_level)config->log.level, plain);
}
