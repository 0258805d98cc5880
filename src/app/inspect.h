/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_APP_INSPECT_H
#define PWF_APP_INSPECT_H

#include "pwf/core/json.h"
#include "pwf/formats/loaded.h"

/** Shared by the files of pwf inspect. */

/* Weights with codes, from a checkpoint or a compact model. Nothing is owned. */
typedef struct pwf_inspect_view {
    const pwf_loaded_part *part;
    int parts;
    const int32_t *entry; /* the codebook */
    int entries;
    int64_t min_power;
} pwf_inspect_view;

/** Prints a line per layer with a posterior (share of fixed weights; 5, 50 and 95 % quantiles of
 * sigma, if there is one) and the most frequent centres; or sets the members "layers" and
 * "centres".
 * Local. Fail with PWF_RESOURCE. */
pwf_status pwf_inspect_print_layers(const pwf_inspect_view *view);
pwf_status pwf_inspect_json_layers(const pwf_inspect_view *view, pwf_json *out);

/** Print all of a .pwf file, and of a safetensors, PyTorch or NumPy file.
 * Local. Fail as reading the file does. */
pwf_status pwf_inspect_packed(const char *path, bool json);
pwf_status pwf_inspect_weights(const char *path, bool json);

#endif
