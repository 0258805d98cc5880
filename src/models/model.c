/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/models/model.h"

#include "densenet.h"
#include "pwf/core/words.h"
#include "resnet.h"
#include "vit.h"

#include <stdio.h>
#include <string.h>

typedef enum family { RESNET, DENSENET, VIT, FAMILIES } family;

static const char *const family_names[FAMILIES] = {"resnet", "densenet", "vit"};

/* Networks with a name of their own; the families take their dimensions from the configuration. */
typedef struct preset {
    const char *name;
    family family;
    bool variant; /* bottleneck blocks, or distilled */
    union {
        int64_t stages[4];
        struct {
            int64_t patch, width, depth, heads;
        } vit;
    };
    int64_t growth;
} preset;

#define RESNET_OF(bottleneck, ...) RESNET, bottleneck, {.stages = {__VA_ARGS__}}, 0
#define DENSENET_OF(growth, ...) DENSENET, false, {.stages = {__VA_ARGS__}}, growth
#define VIT_OF(distilled, ...) VIT, distilled, {.vit = {__VA_ARGS__}}, 0

static const preset presets[] = {
    {"resnet18", RESNET_OF(false, 2, 2, 2, 2)},
    {"resnet34", RESNET_OF(false, 3, 4, 6, 3)},
    {"resnet50", RESNET_OF(true, 3, 4, 6, 3)},
    {"resnet101", RESNET_OF(true, 3, 4, 23, 3)},
    {"densenet121", DENSENET_OF(32, 6, 12, 24, 16)},
    {"densenet161", DENSENET_OF(48, 6, 12, 36, 24)},
    {"densenet169", DENSENET_OF(32, 6, 12, 32, 32)},
    {"densenet201", DENSENET_OF(32, 6, 12, 48, 32)},
    {"vit_micro", VIT_OF(false, 7, 64, 2, 4)},
    {"vit_tiny_patch16_224", VIT_OF(false, 16, 192, 12, 3)},
    {"vit_small_patch16_224", VIT_OF(false, 16, 384, 12, 6)},
    {"vit_base_patch16_224", VIT_OF(false, 16, 768, 12, 12)},
    {"deit_tiny_patch16_224", VIT_OF(false, 16, 192, 12, 3)},
    {"deit_small_patch16_224", VIT_OF(false, 16, 384, 12, 6)},
    {"deit_base_patch16_224", VIT_OF(false, 16, 768, 12, 12)},
    {"deit_tiny_distilled_patch16_224", VIT_OF(true, 16, 192, 12, 3)},
    {"deit_small_distilled_patch16_224", VIT_OF(true, 16, 384, 12, 6)},
    {"deit_base_distilled_patch16_224", VIT_OF(true, 16, 768, 12, 12)},
};

enum { PRESETS = sizeof presets / sizeof *presets, NAMES = FAMILIES + PRESETS };

/* All names: families, then presets. */
static const char *name_at(int i)
{
    return i < FAMILIES ? family_names[i] : presets[i - FAMILIES].name;
}

static pwf_status unknown(const char *name)
{
    char list[512] = "";
    size_t used = 0;
    int nearest = FAMILIES;
    for (int i = 0; i < NAMES; i++) {
        const char *other = name_at(i);
        if (strlen(name) > 3 && strncmp(name, other, strlen(name)) == 0)
            return PWF_FAIL(PWF_CONFIG,
                            "model.name: there is no model \"%s\"; did you mean \"%s\"?", name,
                            other);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", other);
    }
    PWF_ASSERT(used < sizeof list);
    for (int k = 0; k < NAMES; k++) {
        const int i = (k + FAMILIES) % NAMES; /* a preset before its family, if equally near */
        if (pwf_word_distance(name, name_at(i)) < pwf_word_distance(name, name_at(nearest)))
            nearest = i;
    }
    if (pwf_word_distance(name, name_at(nearest)) <= 3)
        return PWF_FAIL(PWF_CONFIG, "model.name: there is no model \"%s\"; did you mean \"%s\"?",
                        name, name_at(nearest));
    return PWF_FAIL(PWF_CONFIG, "model.name: there is no model \"%.60s\"; there are %s", name,
                    list);
}

static pwf_status own_resnet(const pwf_config *config, pwf_resnet *net)
{
    const int stages = config->model.widths.count;
    if (stages != config->model.depths.count || stages < 1 || stages > PWF_RESNET_STAGES)
        return PWF_FAIL(PWF_CONFIG,
                        "model.depths has %d entries and model.widths %d: a resnet has one of each "
                        "for 1 to %d stages",
                        config->model.depths.count, stages, PWF_RESNET_STAGES);
    net->bottleneck = config->model.block == PWF_BLOCK_BOTTLENECK;
    net->stages = stages;
    for (int i = 0; i < stages; i++) {
        net->depths[i] = config->model.depths.at[i];
        net->widths[i] = config->model.widths.at[i];
        if (net->depths[i] < 1 || net->widths[i] < 1)
            return PWF_FAIL(PWF_CONFIG, "model.depths and model.widths: entry %d is below 1",
                            i + 1);
    }
    return pwf_ok();
}

static pwf_status own_densenet(const pwf_config *config, pwf_densenet *net)
{
    net->growth = config->model.growth;
    net->blocks = config->model.depths.count;
    if (net->blocks < 1 || net->blocks > PWF_DENSENET_BLOCKS)
        return PWF_FAIL(PWF_CONFIG, "model.depths has %d entries: a densenet has 1 to %d blocks",
                        net->blocks, PWF_DENSENET_BLOCKS);
    for (int i = 0; i < net->blocks; i++)
        net->depths[i] = config->model.depths.at[i];
    return pwf_ok();
}

/* The published stem, or the configuration's own. */
static pwf_status stem_of(const pwf_config *config, const preset *named, pwf_stem *out)
{
    *out = (pwf_stem){.kernel = 7, .stride = 2, .pool = true};
    if (named) return pwf_ok();
    if (config->model.stem_kernel % 2 != 1)
        return PWF_FAIL(PWF_CONFIG, "model.stem_kernel: %lld is not odd",
                        (long long)config->model.stem_kernel);
    *out = (pwf_stem){.kernel = config->model.stem_kernel,
                      .stride = config->model.stem_stride,
                      .pool = config->model.stem_pool};
    return pwf_ok();
}

/* `named`: the preset, or NULL for a network of the configuration's own dimensions. */
static pwf_status build_resnet(const pwf_config *config, const preset *named,
                               pwf_registry *registry, pwf_graph *graph)
{
    pwf_resnet net = {.channels = config->model.channels, .classes = config->model.classes};
    PWF_TRY(stem_of(config, named, &net.stem));
    if (named) {
        net.bottleneck = named->variant;
        net.stages = 4;
        for (int s = 0; s < 4; s++) {
            net.depths[s] = named->stages[s];
            net.widths[s] = INT64_C(64) << s;
        }
    } else {
        PWF_TRY(own_resnet(config, &net));
    }
    return pwf_resnet_build(&net, registry, graph);
}

static pwf_status build_densenet(const pwf_config *config, const preset *named,
                                 pwf_registry *registry, pwf_graph *graph)
{
    pwf_densenet net = {.channels = config->model.channels, .classes = config->model.classes};
    PWF_TRY(stem_of(config, named, &net.stem));
    if (named) {
        net.growth = named->growth;
        net.blocks = 4;
        memcpy(net.depths, named->stages, sizeof named->stages);
    } else {
        PWF_TRY(own_densenet(config, &net));
    }
    return pwf_densenet_build(&net, registry, graph);
}

static pwf_status build_vit(const pwf_config *config, const preset *named, pwf_registry *registry,
                            pwf_graph *graph)
{
    pwf_vit net = {.patch = config->model.patch,
                   .width = config->model.width,
                   .depth = config->model.depth,
                   .heads = config->model.heads,
                   .mlp_ratio = config->model.mlp_ratio,
                   .distilled = config->model.distilled,
                   .channels = config->model.channels,
                   .classes = config->model.classes,
                   .image_size = config->model.image_size};
    if (named) {
        net.patch = named->vit.patch;
        net.width = named->vit.width;
        net.depth = named->vit.depth;
        net.heads = named->vit.heads;
        net.mlp_ratio = 4.0;
        net.distilled = named->variant;
    }
    return pwf_vit_build(&net, registry, graph);
}

/* The network that model.name names: a preset, or NULL and its family. */
static pwf_status find(const char *name, family *out, const preset **named)
{
    *named = NULL;
    for (int i = 0; i < FAMILIES; i++)
        if (strcmp(name, family_names[i]) == 0) {
            *out = (family)i;
            return pwf_ok();
        }
    for (int i = 0; i < PRESETS; i++)
        if (strcmp(name, presets[i].name) == 0) {
            *out = presets[i].family;
            *named = &presets[i];
            return pwf_ok();
        }
    return unknown(name);
}

_Static_assert((int)PWF_BACKEND_AUTO == (int)PWF_TENSOR_AUTO &&
                   (int)PWF_BACKEND_ONEDNN == (int)PWF_TENSOR_ONEDNN &&
                   (int)PWF_BACKEND_OPENBLAS == (int)PWF_TENSOR_OPENBLAS &&
                   (int)PWF_BACKEND_PLAIN == (int)PWF_TENSOR_PLAIN,
               "config and tensor list the back ends in the same order");

static pwf_status build(const pwf_config *config, pwf_registry **registry, pwf_graph **graph)
{
    static pwf_status (*const builders[FAMILIES])(const pwf_config *, const preset *,
                                                  pwf_registry *, pwf_graph *) = {
        build_resnet, build_densenet, build_vit};
    const char *exclude[PWF_LIST];
    const int64_t size = config->model.image_size;
    const preset *named;
    family kind = RESNET;
    PWF_TRY(find(config->model.name, &kind, &named));
    for (int i = 0; i < config->fixing.exclude.count; i++)
        exclude[i] = config->fixing.exclude.at[i];
    PWF_TRY(pwf_registry_new(registry));
    PWF_TRY(pwf_graph_new((pwf_tensor_backend)config->parallel.backend, size, size,
                          config->model.channels, graph));
    pwf_graph_smooth_labels(*graph, (float)config->train.label_smoothing);
    PWF_TRY(builders[kind](config, named, *registry, *graph));
    return pwf_registry_close(*registry, exclude, config->fixing.exclude.count);
}

pwf_status pwf_model_build(const pwf_config *config, pwf_registry **registry, pwf_graph **graph)
{
    *registry = NULL;
    *graph = NULL;
    const pwf_status status = build(config, registry, graph);
    if (status.code == PWF_OK) return status;
    pwf_graph_free(*graph);
    pwf_registry_free(*registry);
    *graph = NULL;
    *registry = NULL;
    return status;
}
