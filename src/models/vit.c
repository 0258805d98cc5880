/* SPDX-License-Identifier: BSD-3-Clause */
/* Names, order and start values as timm's VisionTransformer. It truncates its normals at 2, a
 * hundred deviations: they are plain normals. */
#include "vit.h"

#include "parts.h"

#include <stdio.h>

static const pwf_start SMALL = {PWF_INIT_NORMAL, 0.02};
static const pwf_start TINY = {PWF_INIT_NORMAL, 1e-6};

static pwf_value linear(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out)
{
    return pwf_part_linear(b, name, x, in, out, SMALL, PWF_START_ZERO);
}

/* x + attention(norm x), then x + mlp(norm x) */
static pwf_value block(pwf_builder *b, const pwf_vit *net, int64_t number, pwf_value x)
{
    char own[32], name[PWF_LAYER_NAME];
    const int64_t width = net->width, hidden = (int64_t)((double)width * net->mlp_ratio);
    pwf_graph *g = b->graph;
    snprintf(own, sizeof own, "blocks.%lld", (long long)number);
    pwf_value y = pwf_part_layer_norm(b, pwf_part_name(name, own, "norm1"), x, width);
    y = linear(b, pwf_part_name(name, own, "attn.qkv"), y, width, 3 * width);
    y = pwf_graph_attention(g, y, net->heads);
    y = linear(b, pwf_part_name(name, own, "attn.proj"), y, width, width);
    x = pwf_graph_add(g, y, x);
    y = pwf_part_layer_norm(b, pwf_part_name(name, own, "norm2"), x, width);
    y = linear(b, pwf_part_name(name, own, "mlp.fc1"), y, width, hidden);
    y = pwf_graph_gelu(g, y);
    y = linear(b, pwf_part_name(name, own, "mlp.fc2"), y, hidden, width);
    return pwf_graph_add(g, y, x);
}

/* The image as tokens: class, distillation if there is one, patches in row order; with positions.
 */
static pwf_value embed(pwf_builder *b, const pwf_vit *net)
{
    const int64_t side = net->image_size / net->patch;
    const int64_t tokens = side * side + (net->distilled ? 2 : 1);
    const int64_t one[] = {1, 1, net->width}, all[] = {1, tokens, net->width};
    const pwf_param *dist = NULL;
    const pwf_param *class = pwf_part_parameter(b, "cls_token", 3, one, PWF_ROLE_PLAIN, TINY);
    const pwf_param *position = pwf_part_parameter(b, "pos_embed", 3, all, PWF_ROLE_PLAIN, SMALL);
    if (net->distilled) dist = pwf_part_parameter(b, "dist_token", 3, one, PWF_ROLE_PLAIN, SMALL);
    pwf_value x = pwf_part_patches(b, "patch_embed.proj", 0, net->channels, net->width, net->patch);
    if (b->status.code != PWF_OK) return 0;
    if (dist) x = pwf_graph_prepend_token(b->graph, x, dist);
    x = pwf_graph_prepend_token(b->graph, x, class);
    return pwf_graph_add_embedding(b->graph, x, position);
}

static pwf_status check(const pwf_vit *net)
{
    if (net->image_size % net->patch != 0)
        return PWF_FAIL(PWF_CONFIG,
                        "model.image_size %lld does not divide into patches of model.patch %lld",
                        (long long)net->image_size, (long long)net->patch);
    if (net->width % net->heads != 0)
        return PWF_FAIL(PWF_CONFIG, "model.width %lld does not divide among %lld model.heads",
                        (long long)net->width, (long long)net->heads);
    if ((double)net->width * net->mlp_ratio < 1.0)
        return PWF_FAIL(PWF_CONFIG, "model.mlp_ratio %g leaves a block no hidden channel",
                        net->mlp_ratio);
    return pwf_ok();
}

pwf_status pwf_vit_build(const pwf_vit *net, pwf_registry *registry, pwf_graph *graph)
{
    PWF_TRY(check(net));
    pwf_builder b = {registry, graph, pwf_ok()};
    pwf_value x = embed(&b, net);
    for (int64_t i = 0; i < net->depth && b.status.code == PWF_OK; i++)
        x = block(&b, net, i, x);
    x = pwf_part_layer_norm(&b, "norm", x, net->width);
    const pwf_value class = pwf_graph_select_token(graph, x, 0);
    const pwf_value logits = linear(&b, "head", class, net->width, net->classes);
    if (!net->distilled) {
        PWF_TRY(b.status);
        return pwf_graph_close(graph, logits);
    }
    const pwf_value dist = pwf_graph_select_token(graph, x, 1);
    const pwf_value second = linear(&b, "head_dist", dist, net->width, net->classes);
    PWF_TRY(b.status);
    return pwf_graph_close_heads(graph, logits, second);
}
