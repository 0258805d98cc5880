/* SPDX-License-Identifier: BSD-3-Clause */
/* Resolves the settings from all their sources: defaults, checkpoint, YAML file, environment,
 * options. Called by every command that has settings. Reads files and the environment, on rank 0
 * only where a mesh is involved; configures the log. */
#include "app.h"

#include "pwf/ckpt/network.h"
#include "pwf/core/log.h"
#include "pwf/core/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One --set, or an option that is short for one. */
static pwf_status apply(const pwf_app_args *args, int index, pwf_config *config)
{
    const char *key = args->set[index].key, *value = args->set[index].value;
    char assignment[PWF_TEXT + PWF_PATH];
    if (!key) return pwf_config_set(config, value);
    if (strlen(value) >= PWF_PATH)
        return pwf_app_usage(args->command, "the argument of %s is longer than %d bytes",
                             args->set[index].option, PWF_PATH - 1);
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    return pwf_config_set(config, assignment);
}

pwf_status pwf_app_layer(const pwf_app_args *args, const char *stored, pwf_config *config)
{
    const char *file = pwf_app_value(args, "--config");
    pwf_config_defaults(config);
    if (stored)
        PWF_TRY(pwf_config_read_text(config, stored, strlen(stored), "the checkpoint's settings",
                                     PWF_FROM_CHECKPOINT));
    if (file) PWF_TRY(pwf_config_read_file(config, file));
    PWF_TRY(pwf_config_read_environment(config));
    for (int i = 0; i < args->sets; i++)
        PWF_TRY(apply(args, i, config));
    return pwf_ok();
}

/* The settings for a finished network, on rank 0. A file of another program has none. */
static pwf_status settle(const pwf_app_args *args, pwf_precision precision, pwf_config *config)
{
    const char *file = args->operand[0];
    char *stored = NULL;
    PWF_TRY(pwf_network_settings(file, &stored));
    const pwf_status status = pwf_app_layer(args, stored, config);
    free(stored);
    PWF_TRY(status);
    PWF_FAIL_IF(!pwf_config_is_set(config, "model.name"), PWF_USAGE,
                "%s does not name its model; add --model NAME", file);
    /* The run may have used more shards than this command has ranks. */
    if (pwf_config_origin(config, "parallel.shards") <= PWF_FROM_CHECKPOINT)
        config->parallel.shards = 1;
    config->parallel.precision = precision;
    return pwf_config_check(config);
}

pwf_status pwf_app_settle_network(const pwf_mesh *mesh, const pwf_app_args *args,
                                  pwf_precision precision, pwf_config *config)
{
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = settle(args, precision, config);
    PWF_TRY(pwf_mesh_agree(mesh, status));
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, config, sizeof *config);
    pwf_app_start_log(config);
    return pwf_ok();
}

/* log.format auto: plain text on a terminal, logfmt elsewhere. */
void pwf_app_start_log(const pwf_config *config)
{
    const bool plain = config->log.format == PWF_LOG_PLAIN ||
                       (config->log.format == PWF_LOG_AUTO && pwf_terminal_fd() >= 0);
    pwf_log_set((pwf_level)config->log.level, plain);
}
