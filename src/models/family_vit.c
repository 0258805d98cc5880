/* SPDX-License-Identifier: BSD-3-Clause */
/* Vision transformers (Dosovitskiy et al. 2020, arXiv:2010.11929): patches and a class token,
 * blocks of attention and two linear layers, a head on the class token. A distilled one (Touvron et
 * al. 2021, arXiv:2012.12877) has a second token with its own head. Parameter names, order and
 * initial values are those of timm's VisionTransformer, except that timm truncates its normals at
 * +-2, a hundred standard deviations. model.c calls the builder through the family's row; it fills
 * the registry and the graph and touches nothing else. */
#include "family.h"

#include <stdio.h>

typedef struct vit_dims {
    int64_t patch, width, depth, heads;
    double mlp_ratio; /* hidden channels of a block / width */
    bool distilled;
} vit_dims;

#define PUBLISHED(is_distilled, ...)                                                               \
    &(const vit_dims)                                                                              \
    {                                                                                              \
        __VA_ARGS__, .mlp_ratio = 4.0, .distilled = is_distilled                                   \
    }

/* patch, width, depth, heads */
static const pwf_preset presets[] = {
    {"vit_micro", PUBLISHED(false, 7, 64, 2, 4)},
    {"vit_tiny_patch16_224", PUBLISHED(false, 16, 192, 12, 3)},
    {"vit_small_patch16_224", PUBLISHED(false, 16, 384, 12, 6)},
    {"vit_base_patch16_224", PUBLISHED(false, 16, 768, 12, 12)},
    {"deit_tiny_patch16_224", PUBLISHED(false, 16, 192, 12, 3)},
    {"deit_small_patch16_224", PUBLISHED(false, 16, 384, 12, 6)},
    {"deit_base_patch16_224", PUBLISHED(false, 16, 768, 12, 12)},
    {"deit_tiny_distilled_patch16_224", PUBLISHED(true, 16, 192, 12, 3)},
    {"deit_small_distilled_patch16_224", PUBLISHED(true, 16, 384, 12, 6)},
    {"deit_base_distilled_patch16_224", PUBLISHED(true, 16, 768, 12, 12)},
    {NULL, NULL},
};

static const char *const keys[] = {"model.patch", "model.width",     "model.depth",
                                   "model.heads", "model.mlp_ratio", "model.distilled",
                                   NULL};

/* The network that the keys describe. */
static vit_dims dims_of(const pwf_model_config *config)
{
    return (vit_dims){.patch = config->patch,
                      .width = config->width,
                      .depth = config->depth,
                      .heads = config->heads,
                      .mlp_ratio = config->mlp_ratio,
                      .distilled = config->distilled};
}

/* Initial values of timm: weights and position embeddings, and the class token. */
static const pwf_start SMALL = {PWF_INIT_NORMAL, 0.02};
static const pwf_start TINY = {PWF_INIT_NORMAL, 1e-6};

/* Linear layer with timm's initial values. */
static pwf_value linear(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out)
{
    return pwf_part_linear(b, name, x, in, out, SMALL, PWF_START_ZERO);
}

/* x = x + attention(norm1(x)), then x = x + mlp(norm2(x)). */
static pwf_value block(pwf_builder *b, const vit_dims *net, int64_t number, pwf_value x)
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

/* The image as tokens: class token, distillation token if any, patches in row order; positions are
 * added. */
static pwf_value embed(pwf_builder *b, const pwf_model_config *config, const vit_dims *net)
{
    const int64_t side = config->image_size / net->patch;
    const int64_t tokens = side * side + (net->distilled ? 2 : 1);
    const int64_t one[] = {1, 1, net->width}, all[] = {1, tokens, net->width};
    const pwf_param *dist = NULL;
    const pwf_param *class = pwf_part_parameter(b, "cls_token", 3, one, PWF_ROLE_PLAIN, TINY);
    const pwf_param *position = pwf_part_parameter(b, "pos_embed", 3, all, PWF_ROLE_PLAIN, SMALL);
    if (net->distilled) dist = pwf_part_parameter(b, "dist_token", 3, one, PWF_ROLE_PLAIN, SMALL);
    pwf_value x =
        pwf_part_patches(b, "patch_embed.proj", 0, config->channels, net->width, net->patch);
    if (b->status.code != PWF_OK) return 0;
    if (dist) x = pwf_graph_prepend_token(b->graph, x, dist);
    x = pwf_graph_prepend_token(b->graph, x, class);
    return pwf_graph_add_embedding(b->graph, x, position);
}

/* Also called for presets: model.image_size must be a multiple of their patch size. */
static pwf_status check_dims(const pwf_model_config *config, const vit_dims *net)
{
    PWF_FAIL_IF(config->image_size % net->patch != 0, PWF_CONFIG,
                "model.image_size %lld is not a multiple of model.patch %lld",
                (long long)config->image_size, (long long)net->patch);
    PWF_FAIL_IF(net->width % net->heads != 0, PWF_CONFIG,
                "model.width %lld is not a multiple of model.heads %lld", (long long)net->width,
                (long long)net->heads);
    PWF_FAIL_IF((double)net->width * net->mlp_ratio < 1.0, PWF_CONFIG,
                "model.mlp_ratio %g times model.width %lld is less than one hidden channel",
                net->mlp_ratio, (long long)net->width);
    return pwf_ok();
}

static pwf_status build(pwf_builder *b, const pwf_model_config *config, const void *preset)
{
    const vit_dims net = preset ? *(const vit_dims *)preset : dims_of(config);
    const int64_t width = net.width, classes = config->classes;
    PWF_TRY(check_dims(config, &net));
    pwf_value x = embed(b, config, &net);
    for (int64_t i = 0; i < net.depth && b->status.code == PWF_OK; i++)
        x = block(b, &net, i, x);
    x = pwf_part_layer_norm(b, "norm", x, width);
    const pwf_value class = pwf_graph_select_token(b->graph, x, 0);
    const pwf_value logits = linear(b, "head", class, width, classes);
    if (!net.distilled) {
        PWF_TRY(b->status);
        return pwf_graph_close(b->graph, logits);
    }
    const pwf_value dist = pwf_graph_select_token(b->graph, x, 1);
    const pwf_value second = linear(b, "head_dist", dist, width, classes);
    PWF_TRY(b->status);
    return pwf_graph_close_heads(b->graph, logits, second);
}

/* Parameters that only distilled models have. */
#define ONLY_DISTILLED(prefix)                                                                     \
    {                                                                                              \
        prefix, "the file is of a model without distillation, such as deit_tiny_patch16_224",      \
            "the file is of a distilled model, such as deit_tiny_distilled_patch16_224"            \
    }

const pwf_family pwf_family_vit = {
    .config = {.name = "vit", .keys = keys},
    .presets = presets,
    .names = {.heads = (const char *const[]){"head.", "head_dist.", NULL},
              .extras = (const pwf_foreign_extra[]){ONLY_DISTILLED("dist_token"),
                                                    ONLY_DISTILLED("head_dist."),
                                                    {NULL, NULL, NULL}},
              .positions = "pos_embed",
              .patches = "patch_embed.proj.weight",
              .class_tokens = (const char *const[]){"cls_token", "dist_token", NULL}},
    .build = build,
};
