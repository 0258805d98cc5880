/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_MODELS_DENSENET_H
#define PWF_SRC_MODELS_DENSENET_H

#include "parts.h"

enum { PWF_DENSENET_BLOCKS = 8 };

/* A densely connected network (Huang et al. 2016): every layer of a block sees all before it and
 * adds `growth` channels; between blocks both channels and pixels are halved. */
typedef struct pwf_densenet {
    int64_t growth; /* the stem makes twice as many */
    int blocks;
    int64_t depths[PWF_DENSENET_BLOCKS];
    pwf_stem stem;
    int64_t channels, classes;
} pwf_densenet;

/* As pwf_resnet_build. */
pwf_status pwf_densenet_build(const pwf_densenet *net, pwf_registry *registry, pwf_graph *graph);

#endif
