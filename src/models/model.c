/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of families and what looks it up: finds the network that model.name names, builds its
 * registry and graph, and hands the facts of each family to other rooms (configuration keys to
 * config, foreign parameter names to the reader of weight files). Called by app, train and infer
 * through model.h; touches no file and no MPI. */
#include "pwf/models/model.h"

#include "family.h"
#include "pwf/core/words.h"
#include "pwf/models/families.h"

#include <stdio.h>
#include <string.h>

/* One row per family: NAME stands for family_NAME.c, which defines pwf_family_NAME. Messages list
 * the families in this order. */
#define FAMILIES(ROW) ROW(resnet) ROW(densenet) ROW(vit)

#define DECLARE(name) extern const pwf_family pwf_family_##name;
#define ADDRESS(name) &pwf_family_##name,
#define FACTS(name) &pwf_family_##name.config,
FAMILIES(DECLARE)
static const pwf_family *const families[] = {FAMILIES(ADDRESS)};
static const pwf_family_config *const facts[] = {FAMILIES(FACTS) NULL};

enum { FAMILY_COUNT = sizeof families / sizeof *families };

const pwf_family_config *const *pwf_model_families(void)
{
    return facts;
}

/* Every name that model.name may have: families, then presets; NULL after the last. */
static const char *name_at(int index)
{
    if (index < FAMILY_COUNT) return families[index]->config.name;
    index -= FAMILY_COUNT;
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (const pwf_preset *p = families[f]->presets; p->name; p++)
            if (index-- == 0) return p->name;
    return NULL;
}

/* The family of model.name, and its preset or NULL; NULL: there is no such network. */
static const pwf_family *find(const char *name, const pwf_preset **preset)
{
    *preset = NULL;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        if (strcmp(name, families[f]->config.name) == 0) return families[f];
        for (const pwf_preset *p = families[f]->presets; p->name; p++)
            if (strcmp(name, p->name) == 0) {
                *preset = p;
                return families[f];
            }
    }
    return NULL;
}

const pwf_foreign_names *pwf_model_foreign_names(const char *name)
{
    const pwf_preset *preset;
    const pwf_family *family = find(name, &preset);
    return family ? &family->names : NULL;
}

/* Suggests the first network whose name begins with `name` (of more than three letters), else the
 * nearest name; else lists all. */
static pwf_status unknown(const char *name)
{
    enum { NEAR = 3 }; /* edits */
    char list[512] = "";
    size_t used = 0;
    int count = 0;
    for (const char *other; (other = name_at(count)); count++) {
        PWF_FAIL_IF(strlen(name) > 3 && strncmp(name, other, strlen(name)) == 0, PWF_CONFIG,
                    "model.name: unknown model \"%s\"; did you mean \"%s\"?", name, other);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "", other);
    }
    PWF_ASSERT(used < sizeof list);
    const char *nearest = name_at(FAMILY_COUNT);
    for (int k = 0; k < count; k++) {
        const char *other = name_at((k + FAMILY_COUNT) % count); /* presets before families */
        if (pwf_word_distance(name, other) < pwf_word_distance(name, nearest)) nearest = other;
    }
    PWF_FAIL_IF(pwf_word_distance(name, nearest) <= NEAR, PWF_CONFIG,
                "model.name: unknown model \"%s\"; did you mean \"%s\"?", name, nearest);
    return PWF_FAIL(PWF_CONFIG, "model.name: unknown model \"%.60s\"; the models are %s", name,
                    list);
}

static pwf_status build(pwf_model_request request, pwf_registry **registry, pwf_graph **graph)
{
    const pwf_model_config *config = request.model;
    const char *exclude[PWF_LIST];
    const int64_t size = config->image_size;
    const pwf_preset *preset;
    const pwf_family *family = find(config->name, &preset);
    if (!family) return unknown(config->name);
    if (!preset && family->config.check) PWF_TRY(family->config.check(config));
    for (int i = 0; i < request.exclude->count; i++)
        exclude[i] = request.exclude->at[i];
    PWF_TRY(pwf_registry_new(registry));
    PWF_TRY(pwf_graph_new(request.backend, size, size, config->channels, graph));
    pwf_graph_smooth_labels(*graph, request.label_smoothing);
    pwf_builder b = {*registry, *graph, family->fan_out, pwf_ok()};
    PWF_TRY(family->build(&b, config, preset ? preset->dims : NULL));
    return pwf_registry_close(*registry, exclude, request.exclude->count);
}

pwf_status pwf_model_build(pwf_model_request request, pwf_registry **registry, pwf_graph **graph)
{
    *registry = NULL;
    *graph = NULL;
    const pwf_status status = build(request, registry, graph);
    if (status.code == PWF_OK) return status;
    pwf_graph_free(*graph);
    pwf_registry_free(*registry);
    *graph = NULL;
    *registry = NULL;
    return status;
}
