/* SPDX-License-Identifier: BSD-3-Clause */
#include "resnet.h"

#include <math.h>
#include <stdio.h>

/* Longest names: of a block, of a layer in it, of a parameter of that. */
enum { BLOCK = 40, LAYER = 64, NAME = 128, EXPANSION = 4 };

/* What is being built. The first failure stays in `status`; the graph keeps its own. */
typedef struct builder {
    pwf_registry *registry;
    pwf_graph *graph;
    pwf_status status;
} builder;

static const pwf_param *parameter(builder *b, const char *prefix, const char *last, int dims,
                                  const int64_t *shape, pwf_role role, pwf_init init, double scale)
{
    const pwf_param *out = NULL;
    char name[NAME];
    if (b->status.code != PWF_OK) return NULL;
    snprintf(name, sizeof name, "%.63s.%.63s", prefix, last);
    b->status = pwf_registry_add(b->registry, name, dims, shape, role, init, (float)scale, &out);
    return out;
}

static const pwf_buffer *buffer(builder *b, const char *prefix, const char *last, int64_t count,
                                float initial)
{
    const pwf_buffer *out = NULL;
    char name[NAME];
    if (b->status.code != PWF_OK) return NULL;
    snprintf(name, sizeof name, "%.63s.%.63s", prefix, last);
    b->status = pwf_registry_add_buffer(b->registry, name, count, initial, &out);
    return out;
}

/* A convolution without bias; start values as timm: Kaiming normal over the outgoing connections.
 */
static pwf_value conv(builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                      int64_t kernel, int64_t stride)
{
    const int64_t shape[] = {out, in, kernel, kernel};
    const double scale = sqrt(2.0 / (double)(out * kernel * kernel));
    const pwf_param *weight =
        parameter(b, name, "weight", 4, shape, PWF_ROLE_WEIGHT, PWF_INIT_NORMAL, scale);
    if (!weight) return 0;
    return pwf_graph_conv2d(b->graph, x, weight, NULL, stride, kernel / 2, 1);
}

/* `last`: ends a branch, whose scale starts at 0 so that a new block is the identity. */
static pwf_value norm(builder *b, const char *name, pwf_value x, int64_t channels, bool last)
{
    const pwf_param *scale = parameter(b, name, "weight", 1, &channels, PWF_ROLE_PLAIN,
                                       last ? PWF_INIT_ZERO : PWF_INIT_ONE, 0.0);
    const pwf_param *shift =
        parameter(b, name, "bias", 1, &channels, PWF_ROLE_PLAIN, PWF_INIT_ZERO, 0.0);
    const pwf_buffer *mean = buffer(b, name, "running_mean", channels, 0.0f);
    const pwf_buffer *variance = buffer(b, name, "running_var", channels, 1.0f);
    if (!variance) return 0;
    return pwf_graph_batch_norm(b->graph, x, scale, shift, mean, variance);
}

static pwf_value linear(builder *b, const char *name, pwf_value x, int64_t in, int64_t out)
{
    const int64_t shape[] = {out, in};
    const double scale = 1.0 / sqrt((double)in);
    const pwf_param *weight =
        parameter(b, name, "weight", 2, shape, PWF_ROLE_WEIGHT, PWF_INIT_UNIFORM, scale);
    const pwf_param *bias =
        parameter(b, name, "bias", 1, &out, PWF_ROLE_BIAS, PWF_INIT_UNIFORM, scale);
    if (!bias) return 0;
    return pwf_graph_linear(b->graph, x, weight, bias);
}

/* The names inside a block: "layer2.0" and "conv1" give "layer2.0.conv1". */
static const char *inside(char out[LAYER], const char *block, const char *part)
{
    snprintf(out, LAYER, "%.39s.%.23s", block, part);
    return out;
}

/* One convolution of a block with its norm; the last of a branch has no ReLU. */
static pwf_value layer(builder *b, const char *block, int number, pwf_value x, int64_t in,
                       int64_t out, int64_t kernel, int64_t stride, bool last)
{
    char part[32], name[LAYER];
    snprintf(part, sizeof part, "conv%d", number);
    x = conv(b, inside(name, block, part), x, in, out, kernel, stride);
    snprintf(part, sizeof part, "bn%d", number);
    x = norm(b, inside(name, block, part), x, out, last);
    return last ? x : pwf_graph_relu(b->graph, x);
}

static pwf_value residual(builder *b, const pwf_resnet *net, const char *block, pwf_value x,
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
        char name[LAYER];
        shortcut = conv(b, inside(name, block, "downsample.0"), shortcut, in, out, 1, stride);
        shortcut = norm(b, inside(name, block, "downsample.1"), shortcut, out, false);
    }
    return pwf_graph_relu(b->graph, pwf_graph_add(b->graph, branch, shortcut));
}

pwf_status pwf_resnet_build(const pwf_resnet *net, pwf_registry *registry, pwf_graph *graph)
{
    builder b = {registry, graph, pwf_ok()};
    int64_t width = net->widths[0];
    pwf_value x = conv(&b, "conv1", 0, net->channels, width, net->stem_kernel, net->stem_stride);
    x = pwf_graph_relu(graph, norm(&b, "bn1", x, width, false));
    if (net->stem_pool) x = pwf_graph_max_pool(graph, x, 3, 2, 1);
    for (int stage = 0; stage < net->stages; stage++)
        for (int64_t i = 0; i < net->depths[stage] && b.status.code == PWF_OK; i++) {
            char block[BLOCK];
            const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
            snprintf(block, sizeof block, "layer%d.%lld", stage + 1, (long long)i);
            x = residual(&b, net, block, x, width, net->widths[stage], stride);
            width = net->widths[stage] * (net->bottleneck ? EXPANSION : 1);
        }
    x = linear(&b, "fc", pwf_graph_global_pool(graph, x), width, net->classes);
    PWF_TRY(b.status);
    return pwf_graph_close(graph, x);
}
