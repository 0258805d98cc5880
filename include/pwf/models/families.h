/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MODELS_FAMILIES_H
#define PWF_MODELS_FAMILIES_H

#include "pwf/config/config.h"
#include "pwf/registry/foreign.h"

/** Facts of the families of networks that the rooms below models are given: config checks and
 * writes their keys, formats reads their weight files. */

/** The families with their configuration keys, for pwf_config_check and pwf_config_write; a NULL
 * pointer ends the array.
 * Local. Constant; valid for the whole run. */
const pwf_config_family *const *pwf_model_families(void);

/** How other programs name the parameters of the network that model.name names; NULL if there is no
 * such network.
 * Local. Constant; valid for the whole run. */
const pwf_foreign_names *pwf_model_foreign_names(const char *name);

#endif
