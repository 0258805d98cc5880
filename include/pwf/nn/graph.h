/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_NN_GRAPH_H
#define PWF_NN_GRAPH_H

#include "pwf/core/status.h"
#include "pwf/registry/registry.h"

/** A network as a list of operators over values; built once by a model, then read only. */

typedef struct pwf_graph pwf_graph;

void pwf_graph_free(pwf_graph *graph);

/** Shape of the input image and number of classes.
 * Local. */
void pwf_graph_shape(const pwf_graph *graph, int64_t *height, int64_t *width, int64_t *channels,
                     int64_t *classes);

#endif
