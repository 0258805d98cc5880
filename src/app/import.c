/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf import: a model file with the weights of another program's file. */
#include "app.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/formats/import.h"
#include "pwf/models/families.h"
#include "pwf/models/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct command {
    const char *in, *out;
    pwf_config config;
} command;

static const char usage_text[] =
    "usage: pwf import FILE --model NAME [--classes N] [--image-size N] [-c FILE.yaml] "
    "[--set KEY=VALUE ...] -o MODEL.h5";

static pwf_status usage(const char *problem, const char *what)
{
    return PWF_FAIL(PWF_USAGE, "%s%.200s; %s", problem, what, usage_text);
}

static pwf_status set(pwf_config *config, const char *key, const char *value)
{
    char text[2 * PWF_TEXT];
    snprintf(text, sizeof text, "%s=%.*s", key, PWF_TEXT, value);
    return pwf_config_set(config, text);
}

/* An option with its value. */
static pwf_status take(command *c, const char *option, const char *value)
{
    if (strcmp(option, "-o") == 0)
        c->out = value;
    else if (strcmp(option, "--model") == 0)
        return set(&c->config, "model.name", value);
    else if (strcmp(option, "--classes") == 0)
        return set(&c->config, "model.classes", value);
    else if (strcmp(option, "--image-size") == 0)
        return set(&c->config, "model.image_size", value);
    else if (strcmp(option, "-c") == 0 || strcmp(option, "--config") == 0)
        return pwf_config_read_file(&c->config, value);
    else if (strcmp(option, "--set") == 0)
        return pwf_config_set(&c->config, value);
    else
        return usage("no option ", option);
    return pwf_ok();
}

static pwf_status parse(int argc, char **argv, command *c)
{
    pwf_config_defaults(&c->config);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (c->in) return usage("more than one file: ", argv[i]);
            c->in = argv[i];
        } else {
            if (i + 1 >= argc) return usage("no value for ", argv[i]);
            PWF_TRY(take(c, argv[i], argv[i + 1]));
            i++;
        }
    }
    if (!c->in) return usage("no file given", "");
    if (!c->out) return usage("no -o given", "");
    if (!pwf_config_is_set(&c->config, "model.name")) return usage("no --model given", "");
    return pwf_ok();
}

enum { LINES_MAX = 200 };

static void say(void *context, const char *line)
{
    int *lines = context;
    if ((*lines)++ < LINES_MAX) puts(line);
}

static void report(const command *c, const pwf_weights_file *file, const pwf_import *import,
                   const pwf_state *state, double seconds)
{
    const char *inside = pwf_weights_inside(file);
    if (import->fresh > 0)
        PWF_WARN("FRESH_HEAD",
                 "the head of %lld classes in the file is left out; that of %lld starts with "
                 "random values",
                 (long long)import->file_classes, (long long)import->classes);
    if (import->resampled > 0)
        PWF_WARN("RESAMPLED",
                 "position embeddings for images of %lld pixels are resampled for %lld",
                 (long long)import->file_size, (long long)c->config.model.image_size);
    if (import->rounded > 0)
        PWF_WARN("ROUNDED", "%lld numbers of 64 bits were rounded to fp32",
                 (long long)import->rounded);
    printf("%s: %lld parameters of %s from the %s file %s%s%s, %d tensors, %.2f s\n", c->out,
           (long long)state->total, c->config.model.name, pwf_weights_format(file), c->in,
           *inside ? " under " : "", inside, import->taken, seconds);
}

static pwf_status write_model(const pwf_mesh *mesh, const command *c, pwf_state *state)
{
    char *text = NULL;
    PWF_TRY(pwf_config_write(&c->config, pwf_model_families(), &text));
    const pwf_snapshot snapshot = {.state = state,
                                   .seed = c->config.train.seed,
                                   .slots = c->config.parallel.slots,
                                   .model = c->config.model.name,
                                   .config = text};
    const pwf_status s = pwf_ckpt_write_model_file(mesh, c->out, &snapshot);
    free(text);
    return s;
}

static pwf_status fill(const pwf_mesh *mesh, const command *c, const pwf_weights_file *file,
                       const pwf_registry *registry)
{
    const double begun = pwf_clock_seconds();
    const pwf_range all = {0, pwf_registry_total_count(registry)};
    pwf_state *state = NULL;
    PWF_TRY(pwf_state_new(registry, all, (uint32_t)c->config.train.seed, c->config.fixing.min_power,
                          &state));
    int lines = 0;
    pwf_import import = {.classes = c->config.model.classes,
                         .classes_given = pwf_config_is_set(&c->config, "model.classes"),
                         .size_given = pwf_config_is_set(&c->config, "model.image_size"),
                         .say = say,
                         .context = &lines};
    pwf_status s = pwf_import_weights(file, state, &import);
    if (lines > LINES_MAX) printf("... and %d more\n", lines - LINES_MAX);
    if (s.code == PWF_OK) s = write_model(mesh, c, state);
    if (s.code == PWF_OK) report(c, file, &import, state, pwf_clock_seconds() - begun);
    pwf_state_free(state);
    if (s.code == PWF_DATA) return PWF_FAIL(PWF_DATA, "%s: %s", c->in, s.text);
    return s;
}

pwf_status pwf_app_import(const pwf_mesh *mesh, int argc, char **argv)
{
    static command c; /* the settings are much for a stack */
    pwf_weights_file *file = NULL;
    pwf_registry *registry = NULL;
    pwf_graph *graph = NULL;
    if (pwf_mesh_size(mesh, PWF_WORLD) != 1)
        return PWF_FAIL(PWF_LAUNCH, "pwf import is for one rank; start it without mpirun");
    PWF_TRY(parse(argc, argv, &c));
    PWF_TRY(pwf_config_check(&c.config, pwf_model_families()));
    PWF_TRY(pwf_model_build(&c.config, &registry, &graph));
    pwf_status s = pwf_weights_open(c.in, &file);
    if (s.code == PWF_OK) s = fill(mesh, &c, file, registry);
    pwf_weights_close(file);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    return s;
}
