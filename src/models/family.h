/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_MODELS_FAMILY_H
#define PWF_SRC_MODELS_FAMILY_H

#include "parts.h"
#include "pwf/models/families.h"
#include "pwf/registry/foreign.h"

/* A family of networks is one file, family_NAME.c, that defines pwf_family_NAME, and one row in
 * model.c. */

/* A published network of a family. */
typedef struct pwf_preset {
    const char *name; /* as timm spells it */
    const void *dims; /* of the family's own type */
} pwf_preset;

typedef struct pwf_family {
    pwf_family_config config;  /* name, configuration keys, check of these keys */
    const pwf_preset *presets; /* a NULL name ends */
    pwf_foreign_names names;
    /* Registers the parameters in timm's names and order and builds the graph up to the loss.
     * dims: of a preset, or NULL to take them from `config`, which has been checked. Fails with
     * PWF_CONFIG or PWF_RESOURCE. */
    pwf_status (*build)(pwf_builder *b, const pwf_model_config *config, const void *dims);
} pwf_family;

#endif
