/* SPDX-License-Identifier: BSD-3-Clause */
/* Residual networks (He et al. 2015, arXiv:1512.03385) and wide ones (Zagoruyko and Komodakis 2016,
 * arXiv:1605.07146): a stem, stages of residual blocks, the mean over pixels, a linear layer.
 * Parameter names, order and initial values are those of timm's ResNet. model.c calls the builder
 * through the family's row; it fills the registry and the graph and touches nothing else. */
#include "family.h"

#include <stdio.h>

enum { STAGES_MAX = 8, EXPANSION = 4 };

typedef struct resnet_dims {
    bool bottleneck; /* 1x1, 3x3, 1x1 blocks with EXPANSION times as many outputs; else 3x3, 3x3 */
    int64_t factor;  /* channels inside a bottleneck = factor * width of the stage */
    int stages;
    int64_t depths[STAGES_MAX]; /* blocks per stage */
    int64_t widths[STAGES_MAX]; /* channels per stage; the first is also the stem's */
    pwf_stem stem;
} resnet_dims;

/* A network with the stem for ImageNet; the numbers are depths. */
#define PUBLISHED(is_bottleneck, inner, ...)                                                       \
    &(const resnet_dims)                                                                           \
    {                                                                                              \
        .bottleneck = is_bottleneck, .factor = inner, .stages = 4, .depths = {__VA_ARGS__},        \
        .widths = {64, 128, 256, 512}, .stem = PWF_STEM_PUBLISHED                                  \
    }

static const pwf_preset presets[] = {
    {"resnet18", PUBLISHED(false, 1, 2, 2, 2, 2)},
    {"resnet34", PUBLISHED(false, 1, 3, 4, 6, 3)},
    {"resnet50", PUBLISHED(true, 1, 3, 4, 6, 3)},
    {"resnet101", PUBLISHED(true, 1, 3, 4, 23, 3)},
    {"wide_resnet50_2", PUBLISHED(true, 2, 3, 4, 6, 3)},
    {"wide_resnet101_2", PUBLISHED(true, 2, 3, 4, 23, 3)},
    {NULL, NULL},
};

static const char *const keys[] = {"model.block",
                                   "model.depths",
                                   "model.widths",
                                   "model.stem_kernel",
                                   "model.stem_stride",
                                   "model.stem_pool",
                                   NULL};

static pwf_status check(const pwf_model_config *config)
{
    const int depths = config->depths.count, widths = config->widths.count;
    PWF_FAIL_IF(depths != widths || depths < 1 || depths > STAGES_MAX, PWF_CONFIG,
                "model.depths has %d values and model.widths %d; both need one per stage, 1 to %d",
                depths, widths, STAGES_MAX);
    return pwf_stem_check(config);
}

/* The network that the keys describe; check() has passed. */
static resnet_dims dims_of(const pwf_model_config *config)
{
    resnet_dims net = {.bottleneck = config->block == PWF_BLOCK_BOTTLENECK,
                       .factor = 1,
                       .stages = config->depths.count,
                       .stem = pwf_stem_of(config)};
    for (int i = 0; i < net.stages; i++) {
        net.depths[i] = config->depths.at[i];
        net.widths[i] = config->widths.at[i];
    }
    return net;
}

/* Convolution `number` of a block and its normalisation. The last one of a branch has no ReLU and
 * its scale starts at 0, so that a new block is the identity. */
static pwf_value layer(pwf_builder *b, const char *block, int number, pwf_value x, int64_t in,
                       int64_t out, int64_t kernel, int64_t stride, bool last)
{
    char part[32], name[PWF_LAYER_NAME];
    snprintf(part, sizeof part, "conv%d", number);
    x = pwf_part_conv(b, pwf_part_name(name, block, part), x, in, out, kernel, stride);
    snprintf(part, sizeof part, "bn%d", number);
    x = pwf_part_batch_norm(b, pwf_part_name(name, block, part), x, out, last);
    return last ? x : pwf_graph_relu(b->graph, x);
}

/* relu(branch(x) + shortcut(x)); the shortcut is a 1x1 convolution where shapes differ, else x. */
static pwf_value residual(pwf_builder *b, const resnet_dims *net, const char *block, pwf_value x,
                          int64_t in, int64_t width, int64_t stride)
{
    const int64_t out = net->bottleneck ? EXPANSION * width : width, inner = net->factor * width;
    pwf_value branch = x, shortcut = x;
    if (net->bottleneck) {
        branch = layer(b, block, 1, branch, in, inner, 1, 1, false);
        branch = layer(b, block, 2, branch, inner, inner, 3, stride, false);
        branch = layer(b, block, 3, branch, inner, out, 1, 1, true);
    } else {
        branch = layer(b, block, 1, branch, in, width, 3, stride, false);
        branch = layer(b, block, 2, branch, width, out, 3, 1, true);
    }
    if (stride != 1 || in != out) {
        char name[PWF_LAYER_NAME];
        shortcut = pwf_part_conv(b, pwf_part_name(name, block, "downsample.0"), shortcut, in, out,
                                 1, stride);
        shortcut = pwf_part_batch_norm(b, pwf_part_name(name, block, "downsample.1"), shortcut, out,
                                       false);
    }
    return pwf_graph_relu(b->graph, pwf_graph_add(b->graph, branch, shortcut));
}

/* Builds the network from the stem to the loss, of the preset, or of the keys if it is NULL. */
static pwf_status build(pwf_builder *b, const pwf_model_config *config, const void *preset)
{
    const resnet_dims net = preset ? *(const resnet_dims *)preset : dims_of(config);
    int64_t width = net.widths[0];
    pwf_value x = pwf_part_stem(b, &net.stem, "conv1", "bn1", config->channels, width);
    for (int stage = 0; stage < net.stages; stage++)
        for (int64_t i = 0; i < net.depths[stage] && b->status.code == PWF_OK; i++) {
            char block[48];
            const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
            snprintf(block, sizeof block, "layer%d.%lld", stage + 1, (long long)i);
            x = residual(b, &net, block, x, width, net.widths[stage], stride);
            width = net.widths[stage] * (net.bottleneck ? EXPANSION : 1);
        }
    const pwf_start start = pwf_start_uniform(width);
    x = pwf_part_linear(b, "fc", pwf_graph_global_pool(b->graph, x), width, config->classes, start,
                        start);
    PWF_TRY(b->status);
    return pwf_graph_close(b->graph, x);
}

const pwf_family pwf_family_resnet = {
    .config = {.name = "resnet", .keys = keys, .check = check},
    .presets = presets,
    .names = {.heads = (const char *const[]){"fc.", NULL}},
    .fan_out = true,
    .build = build,
};
