/* SPDX-License-Identifier: BSD-3-Clause */
/* Names, order and start values as timm's DenseNet. */
#include "densenet.h"

#include <stdio.h>

enum { NARROW = 4 }; /* channels between a layer's two convolutions, by growth */

/* Kaiming normal over the incoming connections. */
static pwf_value conv(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                      int64_t kernel, int64_t stride)
{
    return pwf_part_conv(b, name, x, in, out, kernel, stride,
                         pwf_start_kaiming(in * kernel * kernel));
}

static pwf_value norm_relu(pwf_builder *b, const char *name, pwf_value x, int64_t channels)
{
    return pwf_graph_relu(b->graph, pwf_part_batch_norm(b, name, x, channels, false));
}

/* x with the layer's own channels behind it. */
static pwf_value layer(pwf_builder *b, const char *own, pwf_value x, int64_t in, int64_t growth)
{
    char name[PWF_LAYER_NAME];
    const int64_t narrow = NARROW * growth;
    pwf_value y = norm_relu(b, pwf_part_name(name, own, "norm1"), x, in);
    y = conv(b, pwf_part_name(name, own, "conv1"), y, in, narrow, 1, 1);
    y = norm_relu(b, pwf_part_name(name, own, "norm2"), y, narrow);
    y = conv(b, pwf_part_name(name, own, "conv2"), y, narrow, growth, 3, 1);
    return pwf_graph_concat(b->graph, x, y);
}

static pwf_value transition(pwf_builder *b, int number, pwf_value x, int64_t in)
{
    char own[32], name[PWF_LAYER_NAME];
    snprintf(own, sizeof own, "features.transition%d", number);
    x = norm_relu(b, pwf_part_name(name, own, "norm"), x, in);
    x = conv(b, pwf_part_name(name, own, "conv"), x, in, in / 2, 1, 1);
    return pwf_graph_avg_pool(b->graph, x, 2, 2);
}

pwf_status pwf_densenet_build(const pwf_densenet *net, pwf_registry *registry, pwf_graph *graph)
{
    pwf_builder b = {registry, graph, pwf_ok()};
    int64_t width = 2 * net->growth;
    const pwf_start start = pwf_start_kaiming(net->channels * net->stem.kernel * net->stem.kernel);
    pwf_value x = pwf_part_stem(&b, &net->stem, "features.conv0", "features.norm0", net->channels,
                                width, start);
    for (int block = 1; block <= net->blocks; block++) {
        for (int64_t i = 1; i <= net->depths[block - 1] && b.status.code == PWF_OK; i++) {
            char own[64];
            snprintf(own, sizeof own, "features.denseblock%d.denselayer%lld", block, (long long)i);
            x = layer(&b, own, x, width, net->growth);
            width += net->growth;
        }
        if (block == net->blocks) break;
        x = transition(&b, block, x, width);
        width /= 2;
    }
    x = pwf_graph_global_pool(graph, norm_relu(&b, "features.norm5", x, width));
    x = pwf_part_linear(&b, "classifier", x, width, net->classes, pwf_start_uniform(width),
                        PWF_START_ZERO);
    PWF_TRY(b.status);
    return pwf_graph_close(graph, x);
}
