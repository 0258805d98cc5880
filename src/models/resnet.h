/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_MODELS_RESNET_H
#define PWF_SRC_MODELS_RESNET_H

#include "parts.h"

enum { PWF_RESNET_STAGES = 8 };

/* A residual network (He et al. 2015): stem, stages of blocks, mean over pixels, linear layer. */
typedef struct pwf_resnet {
    bool bottleneck; /* 1x1, 3x3, 1x1 blocks that end four times as wide; else 3x3, 3x3 */
    int stages;
    int64_t depths[PWF_RESNET_STAGES], widths[PWF_RESNET_STAGES];
    pwf_stem stem;
    int64_t channels, classes;
} pwf_resnet;

/* Registers the parameters in timm's names and order and builds the graph over them up to the
 * loss. The registry is left open. Fails with PWF_CONFIG or PWF_RESOURCE. */
pwf_status pwf_resnet_build(const pwf_resnet *net, pwf_registry *registry, pwf_graph *graph);

#endif
