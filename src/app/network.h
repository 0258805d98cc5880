/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_APP_NETWORK_H
#define PWF_APP_NETWORK_H

#include "app.h"

/** What the commands about a finished network share: its file and the settings. */

typedef struct pwf_app_network {
    const char *file;
    pwf_app_command command;        /* settings file and --set options */
    char model[PWF_TEXT + 16];      /* --model, as a --set option */
    pwf_precision_choice precision; /* not auto; that of the training says nothing here */
} pwf_app_network;

/** Takes the option at argv[*at] if it is about settings: -c, --config, --set, --model, each with
 * its value behind it.
 * Local. Fails with PWF_USAGE. */
pwf_status pwf_app_network_option(int argc, char **argv, int *at, pwf_app_network *network,
                                  bool *taken);

/** Settles the settings: as pwf_app_layer with those stored in the file, on one shard if nothing
 * else is asked for, in the precision of `network`; and starts the log.
 * Collective over the mesh; files and environment are read on rank 0 alone. Fails with PWF_USAGE
 * when nothing says which model it is, with PWF_CONFIG, or as pwf_network_settings. */
pwf_status pwf_app_network_settle(const pwf_mesh *mesh, const pwf_app_network *network,
                                  pwf_config *config);

#endif
