/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MODELS_FAMILIES_H
#define PWF_MODELS_FAMILIES_H

#include "pwf/core/status.h"
#include "pwf/models/config.h"
#include "pwf/registry/foreign.h"

/** Facts of the families of networks for other rooms: config checks and writes their keys, formats
 * reads their weight files. */

typedef struct pwf_family_config {
    const char *name;        /* of model.name, for a network of the dimensions in `keys` */
    const char *const *keys; /* "model.depths" and so on; NULL ends */
    /* Checks these keys together; fails with PWF_CONFIG. NULL: nothing to check. */
    pwf_status (*check)(const pwf_model_config *config);
} pwf_family_config;

/** The families with their configuration keys, for pwf_config_check and pwf_config_write; a NULL
 * pointer ends the array.
 * Local. Constant; valid for the whole run. */
const pwf_family_config *const *pwf_model_families(void);

/** How other programs name the parameters of the network that model.name names; NULL if there is no
 * such network.
 * Local. Constant; valid for the whole run. */
const pwf_foreign_names *pwf_model_foreign_names(const char *name);

#endif
