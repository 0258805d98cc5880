/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MODELS_CONFIG_H
#define PWF_MODELS_CONFIG_H

#include "pwf/core/file.h"
#include "pwf/core/list.h"
#include "pwf/tensor/tensor.h"

/** The group `model` of the configuration. docs/reference/options.md describes each key. */

typedef enum pwf_block_kind { PWF_BLOCK_BASIC, PWF_BLOCK_BOTTLENECK } pwf_block_kind;

typedef struct pwf_model_config {
    char name[PWF_TEXT]; /* a preset, or a family whose members the keys below describe */
    pwf_block_kind block;
    pwf_int_list depths, widths; /* per stage */
    int64_t stem_kernel, stem_stride;
    bool stem_pool;
    int64_t growth;
    int64_t patch, width, depth, heads;
    double mlp_ratio; /* hidden channels divided by width */
    bool distilled;
    int64_t channels, classes, image_size;
    char init[PWF_PATH]; /* path of the initial weights; "": random */
} pwf_model_config;

/* What a network is built from. */
typedef struct pwf_model_request {
    const pwf_model_config *model;
    const pwf_text_list *exclude; /* name patterns of parameters without a posterior */
    pwf_tensor_backend backend;
    float label_smoothing;
} pwf_model_request;

#endif
