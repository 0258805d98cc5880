/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_LOADED_H
#define PWF_CKPT_LOADED_H

#include "pwf/ckpt/ckpt.h"

/** A checkpoint or model file read whole by one process, for tools. */

/* One parameter or buffer. */
typedef struct pwf_loaded_part {
    const char *name;
    int dims;
    int64_t shape[PWF_DIMS], count;
    bool buffer;
    float *values;       /* mean of the posterior, value of a plain parameter or buffer */
    const int16_t *code; /* posterior parameters only, else NULL */
    const float *sigma;  /* the same, and only of a checkpoint */
} pwf_loaded_part;

typedef struct pwf_loaded {
    pwf_ckpt_info info;
    char *config;       /* settings of the run, YAML */
    int count, buffers; /* parts; the last `buffers` of them are buffers */
    pwf_loaded_part *part;
    pwf_codebook codebook;
    float *mu, *sigma, *buffer; /* the parts point into these */
    int16_t *code;
    char *names;
} pwf_loaded;

/** Verifies and reads a file. Takes 4 bytes per element and, for a posterior one, 2 more (6 of a
 * checkpoint).
 * Local. The caller frees it with pwf_ckpt_unload. Fails as pwf_ckpt_inspect; nothing is then
 * held. */
pwf_status pwf_ckpt_load(const char *path, pwf_loaded *out);
void pwf_ckpt_unload(pwf_loaded *loaded);

/** Sets the means and buffers of a state from the values that another model file or checkpoint has
 * under the same names; its codes, its sigma and the order of its parameters do not matter.
 * Collective over the mesh. Takes 4 bytes per element for a while. *hash gets the root hash of the
 * file. Fails with PWF_MISSING, PWF_IO, PWF_RESOURCE, or PWF_DATA when the file is damaged or of
 * another model, the same everywhere. */
pwf_status pwf_ckpt_read_start(const pwf_mesh *mesh, const char *path, pwf_state *state,
                               pwf_hash *hash);

#endif
