/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf import: makes a model file from the weights file of another program. Called by main on one
 * rank. Reads the weights file and the settings, writes the model file, and prints each tensor that
 * does not fit. */
#include "app.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/formats/import.h"
#include "pwf/models/families.h"
#include "pwf/models/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pwf_app_option options[] = {
    {PWF_APP_OPTION_CONFIG},
    {PWF_APP_OPTION_SET},
    {PWF_APP_OPTION_MODEL},
    {.name = "--classes",
     .argument = "N",
     .key = "model.classes",
     .help = "number of classes; if that of the file differs, the head starts with random values"},
    {.name = "--image-size",
     .argument = "N",
     .key = "model.image_size",
     .help = "side of the images in pixels; position embeddings of another size are resampled"},
    {.name = "--output",
     .letter = "-o",
     .argument = "MODEL.h5",
     .required = true,
     .help = "model file to write, for model.init"},
};

typedef struct command {
    const char *in, *out; /* weights file; model file */
    pwf_config config;    /* names the model; all of it is stored with the model */
} command;

enum { LINES_MAX = 200 }; /* mismatches that are printed; a file of another model has thousands */

/* Prints a mismatch between file and model; `context` counts them. All are found before the import
 * fails, so that one attempt shows everything that does not fit. */
static void say(void *context, const char *line)
{
    int *lines = context;
    if ((*lines)++ < LINES_MAX) puts(line);
}

/* Prints what was imported, and warns about what was changed on the way. None of these changes is
 * an error, but each makes the network differ from that in the original program. */
static void report(const command *c, const pwf_weights_file *file, const pwf_import *import,
                   const pwf_state *state, double seconds)
{
    const char *inside = file->inside;
    if (import->fresh > 0)
        PWF_WARN(
            "FRESH_HEAD",
            "the head of %lld classes in the file is left out; the head of %lld classes starts "
            "with random values",
            (long long)import->file_classes, (long long)import->classes);
    if (import->resampled > 0)
        PWF_WARN("RESAMPLED",
                 "position embeddings for images of %lld pixels are resampled for %lld",
                 (long long)import->file_size, (long long)c->config.model.image_size);
    if (import->rounded > 0)
        PWF_WARN("ROUNDED", "%lld 64-bit numbers were rounded to fp32", (long long)import->rounded);
    printf("%s: %lld parameters of %s from the %s file %s%s%s, %d tensors, %.2f s\n", c->out,
           (long long)state->total, c->config.model.name, file->format, c->in,
           *inside ? " under " : "", inside, import->taken, seconds);
}

/* Writes the model file, at step 0, with the settings that describe it. */
static pwf_status write_model(const pwf_mesh *mesh, const command *c, pwf_state *state)
{
    char *text = NULL;
    PWF_TRY(pwf_config_write(&c->config, &text));
    pwf_snapshot snapshot = {
        .state = state,
        .facts = {.seed = c->config.train.seed, .slots = c->config.parallel.slots, .config = text}};
    snprintf(snapshot.facts.model, PWF_FACT_TEXT, "%s", c->config.model.name);
    const pwf_status s = pwf_ckpt_write_model(mesh, c->out, &snapshot);
    free(text);
    return s;
}

/* Matches the tensors of the file to a new state and writes it. The state starts with random
 * values, which remain in a head that the file does not provide; nothing is written after a
 * mismatch. */
static pwf_status fill(const pwf_mesh *mesh, const command *c, const pwf_weights_file *file,
                       const pwf_registry *registry)
{
    const double begun = pwf_clock_seconds();
    const pwf_range all = {0, pwf_registry_total_count(registry)};
    pwf_state *state = NULL;
    PWF_TRY(pwf_state_new(registry, all, (uint32_t)c->config.train.seed, c->config.fixing.min_power,
                          &state));
    int lines = 0; /* mismatches so far */
    pwf_import import = {.names = pwf_model_foreign_names(c->config.model.name),
                         .classes = c->config.model.classes,
                         .classes_given = pwf_config_is_set(&c->config, "model.classes"),
                         .size_given = pwf_config_is_set(&c->config, "model.image_size"),
                         .say = say,
                         .context = &lines};
    pwf_status s = pwf_import_weights(file, state, &import);
    if (lines > LINES_MAX) printf("... and %d more\n", lines - LINES_MAX);
    if (s.code == PWF_OK) s = write_model(mesh, c, state);
    if (s.code == PWF_OK) report(c, file, &import, state, pwf_clock_seconds() - begun);
    pwf_state_free(state);
    PWF_FAIL_IF(s.code == PWF_DATA, PWF_DATA, "%s: %s", c->in, s.text);
    return s;
}

/* One rank suffices: the work is to read one file and write another. The model is built first, so
 * that a wrong setting is reported before the file is read. */
static pwf_status import(const pwf_mesh *mesh, const pwf_app_args *args)
{
    command c;
    pwf_weights_file *file = NULL;
    pwf_registry *registry = NULL;
    pwf_graph *graph = NULL;
    PWF_FAIL_IF(pwf_mesh_size(mesh, PWF_WORLD) != 1, PWF_LAUNCH,
                "pwf import runs on one rank; start it without mpirun");
    c.in = args->operand[0];
    c.out = pwf_app_value(args, "--output");
    PWF_TRY(pwf_app_layer(args, NULL, &c.config));
    if (!pwf_config_is_set(&c.config, "model.name"))
        return pwf_app_usage(args->command, "no --model given");
    PWF_TRY(pwf_config_check(&c.config));
    PWF_TRY(pwf_model_build(pwf_config_model(&c.config), &registry, &graph));
    pwf_status s = pwf_weights_open(c.in, &file);
    if (s.code == PWF_OK) s = fill(mesh, &c, file, registry);
    pwf_weights_close(file);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    return s;
}

const pwf_app_command pwf_app_import = {
    .name = "pwf import",
    .operands = "FILE",
    .help =
        "Makes a model file, start weights for model.init, from a safetensors, PyTorch or NumPy "
        "file. Needs the name of the model: --model, model.name or PWF_MODEL_NAME.",
    PWF_APP_OPTIONS(options),
    .run_on = import,
};
