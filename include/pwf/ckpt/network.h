/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_NETWORK_H
#define PWF_CKPT_NETWORK_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/registry/foreign.h"

/** A finished network for evaluation and prediction, from a file of any form. */

typedef enum pwf_form {
    PWF_FORM_CHECKPOINT, /* checkpoint or model; also any unknown file */
    PWF_FORM_PACKED,     /* .pwf */
    PWF_FORM_WEIGHTS     /* safetensors, PyTorch or NumPy */
} pwf_form;

/** The form of a file by its first bytes.
 * Local. Never fails: a file that cannot be read is left to the reader of checkpoints, which
 * reports why. */
pwf_form pwf_network_form(const char *path);

/** The settings stored in a file, as YAML: those of the run in a checkpoint, a model and an
 * exported safetensors file; the name of the model in a .pwf file; NULL in a file of another
 * program.
 * Local. The caller frees *text with free(). Fails with PWF_MISSING, PWF_DENIED, PWF_IO,
 * PWF_RESOURCE or PWF_DATA. */
pwf_status pwf_network_settings(const char *path, char **text);

/* What a file holds in addition to the values. */
typedef struct pwf_network {
    pwf_facts facts; /* all 0 if it has none; config is NULL */
    bool has_codes;  /* which weights are fixed */
    bool has_sigma;  /* a posterior to draw from: checkpoints only */
    pwf_hash root;   /* root hash of a checkpoint or model, else 0 */
} pwf_network;

/** Sets means, buffers and, where the file has them, codes and sigma of a state by the names of its
 * parameters; the codebook stays empty. Weights of other programs are matched as by pwf import,
 * under the `names` of the model's family.
 * Collective over the mesh. Needs 4 bytes per element and 6 more per posterior element meanwhile,
 * and on rank 0 also the size of the file. Fails as pwf_network_settings, the same everywhere;
 * PWF_DATA also when the file is of another model. */
pwf_status pwf_network_read(const pwf_mesh *mesh, const char *path, const pwf_foreign_names *names,
                            pwf_state *state, pwf_network *out);

#endif
