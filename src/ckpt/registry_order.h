/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_REGISTRY_ORDER_H
#define PWF_CKPT_REGISTRY_ORDER_H

#include "pwf/formats/loaded.h"

/** The values of a file in the order of a registry. */

typedef struct pwf_arranged {
    float *mu, *buffers; /* [total], [buffers] */
    float *sigma;        /* [posterior] or NULL; 0 where the file has none */
    int16_t *code;       /* the same; PWF_FREE */
} pwf_arranged;

/** Takes every parameter and buffer of the registry by name from `count` parts, which are all there
 * may be; `model` is the file's.
 * Local. Fails with PWF_DATA. */
pwf_status pwf_arrange(const char *path, const char *model, const pwf_loaded_part *part, int count,
                       const pwf_registry *registry, const pwf_arranged *to);

#endif
