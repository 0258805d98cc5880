/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REGISTRY_FOREIGN_H
#define PWF_REGISTRY_FOREIGN_H

#include <stddef.h>

/** How other programs name and shape the parameters of a family of networks. The models room states
 * these facts for each family; a reader of foreign weight files gets them as an argument. */

/* A parameter that only some networks of the family have. */
typedef struct pwf_foreign_extra {
    const char *prefix;  /* of its name */
    const char *missing; /* cause if the model has it and the file does not */
    const char *extra;   /* cause if the file has it and the model does not */
} pwf_foreign_extra;

typedef struct pwf_foreign_names {
    const char *const *heads;        /* name prefixes of layers with one row per class; NULL ends */
    const pwf_foreign_extra *extras; /* a NULL prefix ends; NULL: none */
    /* Position embeddings [1, tokens, C] of a square grid of patches, which can be resampled for
     * another image size, and the weight [C, channels, patch, patch] whose shape gives the patch
     * size; NULL: none. `class_tokens` lists the parameters that each add one token before the
     * grid. */
    const char *positions, *patches;
    const char *const *class_tokens;
    /* Writes timm's spelling of `name` to `out` of `size` bytes; NULL: names are timm's. */
    void (*rename)(const char *name, char *out, size_t size);
} pwf_foreign_names;

#endif
