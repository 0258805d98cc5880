/* SPDX-License-Identifier: BSD-3-Clause */
#include "network.h"

#include "pwf/ckpt/network.h"
#include "pwf/models/families.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pwf_status add(pwf_app_command *command, const char *assignment)
{
    if (command->sets == PWF_APP_SETS_MAX)
        return PWF_FAIL(PWF_USAGE, "more than %d --set options; use a YAML file", PWF_APP_SETS_MAX);
    command->set[command->sets++] = assignment;
    return pwf_ok();
}

pwf_status pwf_app_network_option(int argc, char **argv, int *at, pwf_app_network *network,
                                  bool *taken)
{
    const char *word = argv[*at];
    const bool config = strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0;
    *taken = config || strcmp(word, "--set") == 0 || strcmp(word, "--model") == 0;
    if (!*taken) return pwf_ok();
    if (*at + 1 >= argc) return PWF_FAIL(PWF_USAGE, "%s needs a value", word);
    const char *value = argv[++*at];
    if (config) {
        network->command.config = value;
        return pwf_ok();
    }
    if (strcmp(word, "--set") == 0) return add(&network->command, value);
    if (snprintf(network->model, sizeof network->model, "model.name=%s", value) >=
        (int)sizeof network->model)
        return PWF_FAIL(PWF_USAGE, "the name behind --model is too long");
    return add(&network->command, network->model);
}

static pwf_status settle(const pwf_app_network *network, pwf_config *config)
{
    char *stored = NULL;
    PWF_TRY(pwf_network_settings(network->file, &stored));
    const pwf_status status = pwf_app_layer(&network->command, stored, config);
    free(stored);
    PWF_TRY(status);
    if (!pwf_config_is_set(config, "model.name"))
        return PWF_FAIL(PWF_USAGE, "%s does not say which model it is of; add --model NAME",
                        network->file);
    /* A tool may run on fewer ranks than the run did. */
    if (pwf_config_origin(config, "parallel.shards") <= PWF_FROM_CHECKPOINT)
        config->parallel.shards = 1;
    config->parallel.precision = network->precision;
    return pwf_config_check(config, pwf_model_families());
}

pwf_status pwf_app_network_settle(const pwf_mesh *mesh, const pwf_app_network *network,
                                  pwf_config *config)
{
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = settle(network, config);
    PWF_TRY(pwf_mesh_agree(mesh, status));
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, config, sizeof *config);
    pwf_app_start_log(config);
    return pwf_ok();
}
