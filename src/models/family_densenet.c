/* SPDX-License-Identifier: BSD-3-Clause */
/* Densely connected networks (Huang et al. 2016, arXiv:1608.06993): every layer of a block reads
 * all layers before it and adds `growth` channels; a transition between blocks halves channels and
 * pixels. Parameter names, order and initial values are those of timm's DenseNet. model.c calls the
 * builder through the family's row; it fills the registry and the graph and touches nothing else.
 */
#include "family.h"

#include <stdio.h>
#include <string.h>

enum {
    BLOCKS_MAX = 8,
    NARROW = 4 /* channels between the two convolutions of a layer, in units of growth */
};

typedef struct densenet_dims {
    int64_t growth; /* channels that a layer adds; the stem makes twice as many */
    int blocks;
    int64_t depths[BLOCKS_MAX]; /* layers per block */
    pwf_stem stem;
} densenet_dims;

/* A network with the stem for ImageNet; the numbers are depths. */
#define PUBLISHED(channels, ...)                                                                   \
    &(const densenet_dims)                                                                         \
    {                                                                                              \
        .growth = channels, .blocks = 4, .depths = {__VA_ARGS__}, .stem = PWF_STEM_PUBLISHED       \
    }

static const pwf_preset presets[] = {
    {"densenet121", PUBLISHED(32, 6, 12, 24, 16)},
    {"densenet161", PUBLISHED(48, 6, 12, 36, 24)},
    {"densenet169", PUBLISHED(32, 6, 12, 32, 32)},
    {"densenet201", PUBLISHED(32, 6, 12, 48, 32)},
    {NULL, NULL},
};

static const char *const keys[] = {"model.depths",      "model.growth",    "model.stem_kernel",
                                   "model.stem_stride", "model.stem_pool", NULL};

static pwf_status check(const pwf_model_config *config)
{
    const int depths = config->depths.count;
    PWF_FAIL_IF(depths < 1 || depths > BLOCKS_MAX, PWF_CONFIG,
                "model.depths has %d values; a densenet has 1 to %d blocks", depths, BLOCKS_MAX);
    return pwf_stem_check(config);
}

/* The network that the keys describe; check() has passed. */
static densenet_dims dims_of(const pwf_model_config *config)
{
    densenet_dims net = {
        .growth = config->growth, .blocks = config->depths.count, .stem = pwf_stem_of(config)};
    for (int i = 0; i < net.blocks; i++)
        net.depths[i] = config->depths.at[i];
    return net;
}

/* Batch normalisation before each convolution, with ReLU. */
static pwf_value norm_relu(pwf_builder *b, const char *name, pwf_value x, int64_t channels)
{
    return pwf_graph_relu(b->graph, pwf_part_batch_norm(b, name, x, channels, false));
}

/* The channels of x, then those that the layer makes of them. */
static pwf_value layer(pwf_builder *b, const char *own, pwf_value x, int64_t in, int64_t growth)
{
    char name[PWF_LAYER_NAME];
    const int64_t narrow = NARROW * growth;
    pwf_value y = norm_relu(b, pwf_part_name(name, own, "norm1"), x, in);
    y = pwf_part_conv(b, pwf_part_name(name, own, "conv1"), y, in, narrow, 1, 1);
    y = norm_relu(b, pwf_part_name(name, own, "norm2"), y, narrow);
    y = pwf_part_conv(b, pwf_part_name(name, own, "conv2"), y, narrow, growth, 3, 1);
    return pwf_graph_concat(b->graph, 2, (const pwf_value[]){x, y});
}

/* Half the channels by a 1x1 convolution, half the pixels by pooling. */
static pwf_value transition(pwf_builder *b, int number, pwf_value x, int64_t in)
{
    char own[32], name[PWF_LAYER_NAME];
    snprintf(own, sizeof own, "features.transition%d", number);
    x = norm_relu(b, pwf_part_name(name, own, "norm"), x, in);
    x = pwf_part_conv(b, pwf_part_name(name, own, "conv"), x, in, in / 2, 1, 1);
    return pwf_graph_avg_pool(b->graph, x, 2, 2);
}

/* Builds the network from the stem to the loss, of the preset, or of the keys if it is NULL. */
static pwf_status build(pwf_builder *b, const pwf_model_config *config, const void *preset)
{
    const densenet_dims net = preset ? *(const densenet_dims *)preset : dims_of(config);
    int64_t width = 2 * net.growth;
    pwf_value x =
        pwf_part_stem(b, &net.stem, "features.conv0", "features.norm0", config->channels, width);
    for (int block = 1; block <= net.blocks; block++) {
        for (int64_t i = 1; i <= net.depths[block - 1] && b->status.code == PWF_OK; i++) {
            char own[64];
            snprintf(own, sizeof own, "features.denseblock%d.denselayer%lld", block, (long long)i);
            x = layer(b, own, x, width, net.growth);
            width += net.growth;
        }
        if (block == net.blocks) break;
        x = transition(b, block, x, width);
        width /= 2;
    }
    x = pwf_graph_global_pool(b->graph, norm_relu(b, "features.norm5", x, width));
    x = pwf_part_linear(b, "classifier", x, width, config->classes, pwf_start_uniform(width),
                        PWF_START_ZERO);
    PWF_TRY(b->status);
    return pwf_graph_close(b->graph, x);
}

/* torchvision writes "denselayer1.norm.1.weight" for timm's "denselayer1.norm1.weight", and the
 * same for conv. */
static void rename_layer(const char *name, char *out, size_t size)
{
    const char *layer = strstr(name, "denselayer"), *dot = layer ? strchr(layer, '.') : NULL;
    snprintf(out, size, "%s", name);
    if (!dot || (strncmp(dot, ".norm.", 6) != 0 && strncmp(dot, ".conv.", 6) != 0)) return;
    char *from = out + (dot - name) + 6;
    if ((*from == '1' || *from == '2') && from[1] == '.') memmove(from - 1, from, strlen(from) + 1);
}

const pwf_family pwf_family_densenet = {
    .config = {.name = "densenet", .keys = keys, .check = check},
    .presets = presets,
    .names = {.heads = (const char *const[]){"classifier.", NULL}, .rename = rename_layer},
    .build = build,
};
