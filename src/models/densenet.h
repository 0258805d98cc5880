/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_MODELS_DENSENET_H
#define PWF_SRC_MODELS_DENSENET_H

#include "pwf/nn/graph.h"
#include "pwf/registry/registry.h"

enum { PWF_DENSENET_BLOCKS = 8 };

/* A densely connected network (Huang et al. 2016): every layer of a block sees all before it and
 * adds `growth` channels; between blocks both channels and pixels are halved. */
typedef struct pwf_densenet {
    int64_t growth; /* the stem makes twice as many */
    int blocks;
    int64_t depths[PWF_DENSENET_BLOCKS];
    int64_t stem_kernel, stem_stride;
    bool stem_pool; /* 3x3 maximum, stride 2, behind the stem */
    int64_t channels, classes, image_size;
} pwf_densenet;

/* As pwf_resnet_build. */
pwf_status pwf_densenet_build(const pwf_densenet *net, pwf_registry *registry, pwf_graph *graph);

#endif
