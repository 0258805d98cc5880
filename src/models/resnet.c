/* SPDX-License-Identifier: BSD-3-Clause */
#include "resnet.h"

#include <stdio.h>

enum { EXPANSION = 4 };

/* Kaiming normal over the outgoing connections, as timm. */
static pwf_value conv(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                      int64_t kernel, int64_t stride)
{
    return pwf_part_conv(b, name, x, in, out, kernel, stride,
                         pwf_start_kaiming(out * kernel * kernel));
}

/* One convolution of a block with its norm. The last of a branch has no ReLU, and its scale starts
 * at 0, so that a new block is the identity. */
static pwf_value layer(pwf_builder *b, const char *block, int number, pwf_value x, int64_t in,
                       int64_t out, int64_t kernel, int64_t stride, bool last)
{
    char part[32], name[PWF_LAYER_NAME];
    snprintf(part, sizeof part, "conv%d", number);
    x = conv(b, pwf_part_name(name, block, part), x, in, out, kernel, stride);
    snprintf(part, sizeof part, "bn%d", number);
    x = pwf_part_batch_norm(b, pwf_part_name(name, block, part), x, out, last);
    return last ? x : pwf_graph_relu(b->graph, x);
}

static pwf_value residual(pwf_builder *b, const pwf_resnet *net, const char *block, pwf_value x,
                          int64_t in, int64_t width, int64_t stride)
{
    const int64_t out = net->bottleneck ? EXPANSION * width : width;
    pwf_value branch = x, shortcut = x;
    if (net->bottleneck) {
        branch = layer(b, block, 1, branch, in, width, 1, 1, false);
        branch = layer(b, block, 2, branch, width, width, 3, stride, false);
        branch = layer(b, block, 3, branch, width, out, 1, 1, true);
    } else {
        branch = layer(b, block, 1, branch, in, width, 3, stride, false);
        branch = layer(b, block, 2, branch, width, out, 3, 1, true);
    }
    if (stride != 1 || in != out) {
        char name[PWF_LAYER_NAME];
        shortcut =
            conv(b, pwf_part_name(name, block, "downsample.0"), shortcut, in, out, 1, stride);
        shortcut = pwf_part_batch_norm(b, pwf_part_name(name, block, "downsample.1"), shortcut, out,
                                       false);
    }
    return pwf_graph_relu(b->graph, pwf_graph_add(b->graph, branch, shortcut));
}

pwf_status pwf_resnet_build(const pwf_resnet *net, pwf_registry *registry, pwf_graph *graph)
{
    pwf_builder b = {registry, graph, pwf_ok()};
    int64_t width = net->widths[0];
    pwf_value x = pwf_part_stem(&b, &net->stem, "conv1", "bn1", net->channels, width,
                                pwf_start_kaiming(width * net->stem.kernel * net->stem.kernel));
    for (int stage = 0; stage < net->stages; stage++)
        for (int64_t i = 0; i < net->depths[stage] && b.status.code == PWF_OK; i++) {
            char block[48];
            const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
            snprintf(block, sizeof block, "layer%d.%lld", stage + 1, (long long)i);
            x = residual(&b, net, block, x, width, net->widths[stage], stride);
            width = net->widths[stage] * (net->bottleneck ? EXPANSION : 1);
        }
    const pwf_start start = pwf_start_uniform(width);
    x = pwf_part_linear(&b, "fc", pwf_graph_global_pool(graph, x), width, net->classes, start,
                        start);
    PWF_TRY(b.status);
    return pwf_graph_close(graph, x);
}
