/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/models/model.h"

#include "resnet.h"

#include <string.h>

/* Networks with a name of their own; `resnet` takes its dimensions from the configuration. */
typedef struct preset {
    const char *name;
    bool bottleneck;
    int64_t depths[4];
} preset;

static const preset presets[] = {
    {"resnet18", false, {2, 2, 2, 2}},
    {"resnet34", false, {3, 4, 6, 3}},
    {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}},
};

enum { PRESETS = sizeof presets / sizeof *presets };

/* Levenshtein's distance between short words. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    const size_t n = strlen(a), m = strlen(b);
    int row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return LONGEST;
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

static pwf_status unknown(const char *name)
{
    const char *nearest = presets[0].name;
    int best = distance(name, nearest);
    for (int i = 1; i < PRESETS; i++)
        if (distance(name, presets[i].name) < best) {
            best = distance(name, presets[i].name);
            nearest = presets[i].name;
        }
    if (distance(name, "resnet") < best) {
        best = distance(name, "resnet");
        nearest = "resnet";
    }
    if (best <= 3)
        return PWF_FAIL(PWF_CONFIG, "model.name: there is no model \"%s\"; did you mean \"%s\"?",
                        name, nearest);
    return PWF_FAIL(PWF_CONFIG,
                    "model.name: there is no model \"%s\"; there are resnet, resnet18, resnet34, "
                    "resnet50, resnet101",
                    name);
}

static pwf_status own_dimensions(const pwf_config *config, pwf_resnet *net)
{
    const int stages = config->model.widths.count;
    if (stages != config->model.depths.count || stages < 1 || stages > PWF_RESNET_STAGES)
        return PWF_FAIL(PWF_CONFIG,
                        "model.depths has %d entries and model.widths %d: a resnet has one of each "
                        "for 1 to %d stages",
                        config->model.depths.count, stages, PWF_RESNET_STAGES);
    if (config->model.stem_kernel % 2 != 1)
        return PWF_FAIL(PWF_CONFIG, "model.stem_kernel: %lld is not odd",
                        (long long)config->model.stem_kernel);
    net->bottleneck = config->model.block == PWF_BLOCK_BOTTLENECK;
    net->stages = stages;
    for (int i = 0; i < stages; i++) {
        net->depths[i] = config->model.depths.at[i];
        net->widths[i] = config->model.widths.at[i];
        if (net->depths[i] < 1 || net->widths[i] < 1)
            return PWF_FAIL(PWF_CONFIG, "model.depths and model.widths: entry %d is below 1",
                            i + 1);
    }
    net->stem_kernel = config->model.stem_kernel;
    net->stem_stride = config->model.stem_stride;
    net->stem_pool = config->model.stem_pool;
    return pwf_ok();
}

static pwf_status dimensions(const pwf_config *config, pwf_resnet *net)
{
    const char *name = config->model.name;
    *net = (pwf_resnet){.channels = config->model.channels,
                        .classes = config->model.classes,
                        .image_size = config->model.image_size};
    if (strcmp(name, "resnet") == 0) return own_dimensions(config, net);
    for (int i = 0; i < PRESETS; i++) {
        if (strcmp(name, presets[i].name) != 0) continue;
        net->bottleneck = presets[i].bottleneck;
        net->stages = 4;
        for (int s = 0; s < 4; s++) {
            net->depths[s] = presets[i].depths[s];
            net->widths[s] = INT64_C(64) << s;
        }
        net->stem_kernel = 7;
        net->stem_stride = 2;
        net->stem_pool = true;
        return pwf_ok();
    }
    return unknown(name);
}

_Static_assert((int)PWF_BACKEND_AUTO == (int)PWF_TENSOR_AUTO &&
                   (int)PWF_BACKEND_ONEDNN == (int)PWF_TENSOR_ONEDNN &&
                   (int)PWF_BACKEND_OPENBLAS == (int)PWF_TENSOR_OPENBLAS &&
                   (int)PWF_BACKEND_PLAIN == (int)PWF_TENSOR_PLAIN,
               "config and tensor list the back ends in the same order");

static pwf_status build(const pwf_config *config, const pwf_resnet *net, pwf_registry **registry,
                        pwf_graph **graph)
{
    const char *exclude[PWF_LIST];
    for (int i = 0; i < config->fixing.exclude.count; i++)
        exclude[i] = config->fixing.exclude.at[i];
    PWF_TRY(pwf_registry_new(registry));
    PWF_TRY(pwf_graph_new((pwf_tensor_backend)config->parallel.backend, net->image_size,
                          net->image_size, net->channels, graph));
    PWF_TRY(pwf_resnet_build(net, *registry, *graph));
    return pwf_registry_close(*registry, exclude, config->fixing.exclude.count);
}

pwf_status pwf_model_build(const pwf_config *config, pwf_registry **registry, pwf_graph **graph)
{
    pwf_resnet net;
    *registry = NULL;
    *graph = NULL;
    PWF_TRY(dimensions(config, &net));
    const pwf_status status = build(config, &net, registry, graph);
    if (status.code == PWF_OK) return status;
    pwf_graph_free(*graph);
    pwf_registry_free(*registry);
    *graph = NULL;
    *registry = NULL;
    return status;
}
