/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_MODELS_VIT_H
#define PWF_SRC_MODELS_VIT_H

#include "pwf/nn/graph.h"
#include "pwf/registry/registry.h"

/* A vision transformer (Dosovitskiy et al. 2020): patches and a class token, blocks of attention
 * and two linear layers, a head on the class token. A distilled one (Touvron et al. 2021) has a
 * second token with a head of its own. */
typedef struct pwf_vit {
    int64_t patch, width, depth, heads;
    double mlp_ratio; /* width of a block's hidden layer by that of the network */
    bool distilled;
    int64_t channels, classes, image_size;
} pwf_vit;

/* As pwf_resnet_build. */
pwf_status pwf_vit_build(const pwf_vit *net, pwf_registry *registry, pwf_graph *graph);

#endif
