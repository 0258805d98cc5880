/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_APP_INSPECT_H
#define PWF_APP_INSPECT_H

#include "pwf/core/json.h"
#include "pwf/formats/loaded.h"

/** What `pwf inspect` shows of every kind of file. */

/* Weights with codes, wherever they come from. */
typedef struct pwf_inspect_view {
    const pwf_loaded_part *part;
    int parts;
    const int32_t *entry; /* the codebook */
    int entries;
    int64_t min_power;
} pwf_inspect_view;

/** Prints a line per layer with a posterior (share fixed, and with sigma its 5, 50 and 95 %
 * quantiles), and the most frequent codes; or sets the members "layers" and "centres".
 * Local. Fail with PWF_RESOURCE. */
pwf_status pwf_inspect_print_layers(const pwf_inspect_view *view);
pwf_status pwf_inspect_json_layers(const pwf_inspect_view *view, pwf_json *out);

/** The whole output for a .pwf file, and for a safetensors or PyTorch file.
 * Local. Fail as reading the file does. */
pwf_status pwf_inspect_packed(const char *path, bool json);
pwf_status pwf_inspect_weights(const char *path, bool json);

/** Prints an object and frees it.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_inspect_put(pwf_json *j);

#endif
