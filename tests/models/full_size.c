/* SPDX-License-Identifier: BSD-3-Clause */
/* One line of the table of tests/golden/full_size.sh: models_full_size FOLDER NAME [BACKEND]
 * compares a full-size network with the references that make_full_size.py left in FOLDER. Exits
 * with 1 if logits differ by more than 1e-4 or a gradient by more than 1e-3. */
#include "nn/golden_file.h"

#include "pwf/config/config.h"
#include "pwf/core/mem.h"
#include "pwf/formats/import.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"
#include "pwf/tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LOGITS_GOAL = 1e-4, GRADIENT_GOAL = 1e-3;
enum { SIZE = 224, CHANNELS = 3, CLASSES = 1000, IMAGES_MAX = 64 };

static void check(pwf_status status)
{
    if (status.code == PWF_OK) return;
    fprintf(stderr, "%s\n", status.text);
    exit(2);
}

static float *numbers(int64_t count)
{
    float *out;
    check(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *out, &out));
    return out;
}

/* A tensor of the file, or NULL; *count gets its length. The caller frees it. */
static float *reference(const pwf_weights_file *file, const char *prefix, const char *name,
                        int64_t *count)
{
    char full[PWF_TENSOR_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (int i = 0; i < file->count; i++) {
        const pwf_named_tensor *t = &file->tensor[i];
        int64_t rounded = 0;
        if (strcmp(t->name, full) != 0) continue;
        float *out = numbers(t->count);
        check(pwf_weights_read(file, i, out, &rounded));
        *count = t->count;
        return out;
    }
    return NULL;
}

static void say(void *context, const char *line)
{
    fprintf(context, "%s\n", line);
}

static pwf_state *load(const pwf_registry *registry, const char *path)
{
    pwf_weights_file *file;
    pwf_state *state;
    pwf_import import = {.classes = CLASSES, .say = say, .context = stderr};
    const pwf_range all = {0, pwf_registry_total_count(registry)};
    check(pwf_weights_open(path, &file));
    check(pwf_state_new(registry, all, 1, 7, &state));
    check(pwf_import_weights(file, state, &import));
    pwf_weights_close(file);
    return state;
}

/* [B, C, H, W] to the executor's [B, H, W, C] */
static void put_images(pwf_executor *executor, const float *images, int64_t count)
{
    float *out = pwf_executor_images(executor);
    const int64_t pixels = SIZE * SIZE;
    for (int64_t b = 0; b < count; b++)
        for (int64_t c = 0; c < CHANNELS; c++)
            for (int64_t i = 0; i < pixels; i++)
                out[(b * pixels + i) * CHANNELS + c] = images[(b * CHANNELS + c) * pixels + i];
}

/* What all parts of a comparison share. */
typedef struct subject {
    const pwf_registry *registry;
    const pwf_graph *graph;
    const pwf_state *state;
    const pwf_weights_file *file;
    float *images;
    int64_t count;
} subject;

/* Distances: ours to PyTorch's fp32; ours and PyTorch's fp32 to double precision. */
typedef struct differences {
    double between, ours, theirs;
} differences;

static differences compare(const float *ours, const float *fp32, const float *exact, int64_t count)
{
    return (differences){golden_difference(ours, fp32, count),
                         golden_difference(ours, exact, count),
                         golden_difference(fp32, exact, count)};
}

static differences logits(const subject *s)
{
    pwf_executor *executor;
    const float *ours;
    int64_t count = 0, again = 0;
    float *fp32 = reference(s->file, "logits", "", &count);
    float *exact = reference(s->file, "logits.exact", "", &again);
    check(pwf_executor_new(s->graph, s->count, PWF_MODE_PREDICT, PWF_FP32, &executor));
    put_images(executor, s->images, s->count);
    check(pwf_executor_forward(executor, s->state->mu, s->state->buffers, &ours));
    if (!fp32 || !exact || count != again || count != s->count * CLASSES)
        check(PWF_FAIL(PWF_DATA, "the references lack logits"));
    const differences d = compare(ours, fp32, exact, count);
    pwf_executor_free(executor);
    pwf_mem_free(fp32);
    pwf_mem_free(exact);
    return d;
}

/* Of all tensors the one that differs most from PyTorch's in fp32. */
typedef struct worst {
    differences d;
    const char *name; /* NULL: there are no references */
} worst;

static void find_worst(const subject *s, const float *gradient, worst *out)
{
    for (int i = 0; i < pwf_registry_params(s->registry); i++) {
        const pwf_param *p = pwf_registry_param(s->registry, i);
        int64_t count = 0, again = 0;
        float *fp32 = reference(s->file, "grad:", p->name, &count);
        float *exact = reference(s->file, "grad.exact:", p->name, &again);
        if (!fp32 || !exact || count != p->count || again != p->count)
            check(PWF_FAIL(PWF_DATA, "the references lack the gradient of %s", p->name));
        const differences d = compare(gradient + p->offset, fp32, exact, count);
        if (!(d.between <= out->d.between) || !out->name) *out = (worst){d, p->name};
        pwf_mem_free(fp32);
        pwf_mem_free(exact);
    }
}

/* One step at slots = 1: BatchNorm normalises over all images, as in PyTorch. */
static worst gradients(const subject *s)
{
    pwf_executor *executor;
    worst out = {{0.0, 0.0, 0.0}, NULL};
    int64_t count = 0;
    double loss;
    int32_t label[IMAGES_MAX];
    float *first = reference(s->file, "grad:", pwf_registry_param(s->registry, 0)->name, &count);
    if (!first) return out;
    pwf_mem_free(first);
    float *labels = reference(s->file, "labels", "", &count);
    if (!labels || count != s->count) check(PWF_FAIL(PWF_DATA, "the references lack labels"));
    for (int64_t i = 0; i < count; i++)
        label[i] = (int32_t)labels[i];
    float *gradient = numbers(s->state->total);
    float *statistics = numbers(pwf_registry_buffer_count(s->registry));
    check(pwf_executor_new(s->graph, s->count, PWF_MODE_TRAIN, PWF_FP32, &executor));
    put_images(executor, s->images, s->count);
    const pwf_targets targets = {.labels = label};
    check(pwf_executor_train(executor, s->state->mu, &targets, 1.0f / (float)count, gradient,
                             statistics, &loss));
    pwf_executor_free(executor);
    find_worst(s, gradient, &out);
    pwf_mem_free(labels);
    pwf_mem_free(gradient);
    pwf_mem_free(statistics);
    return out;
}

static void configure(pwf_config *config, int argc, char **argv)
{
    char text[PWF_TEXT];
    pwf_config_defaults(config);
    snprintf(text, sizeof text, "model.name=%s", argv[2]);
    check(pwf_config_set(config, text));
    if (argc > 3) {
        snprintf(text, sizeof text, "parallel.backend=%s", argv[3]);
        check(pwf_config_set(config, text));
    }
}

static bool run(const pwf_config *config, const char *folder, const char *name)
{
    char path[1024];
    pwf_registry *registry;
    pwf_graph *graph;
    pwf_weights_file *file;
    check(pwf_model_build(pwf_config_model(config), &registry, &graph));
    snprintf(path, sizeof path, "%s/%s.pth", folder, name);
    pwf_state *state = load(registry, path);
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    check(pwf_weights_open(path, &file));
    subject s = {.registry = registry, .graph = graph, .state = state, .file = file};
    int64_t count = 0;
    s.images = reference(file, "images", "", &count);
    s.count = count / (CHANNELS * SIZE * SIZE);
    if (!s.images || s.count < 1 || s.count > IMAGES_MAX)
        check(PWF_FAIL(PWF_DATA, "the references lack images"));
    const differences d = logits(&s);
    const worst w = gradients(&s);
    printf("| %s | %.1e | %.1e | %.1e |", name, d.between, d.ours, d.theirs);
    if (w.name)
        printf(" %.1e | %.1e | %.1e | %s |\n", w.d.between, w.d.ours, w.d.theirs, w.name);
    else
        printf(" | | | |\n");
    pwf_mem_free(s.images);
    pwf_weights_close(file);
    pwf_state_free(state);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    return d.between < LOGITS_GOAL && w.d.between < GRADIENT_GOAL;
}

int main(int argc, char **argv)
{
    static pwf_config config;
    if (argc < 3) {
        fprintf(stderr, "usage: models_full_size FOLDER NAME [BACKEND]\n");
        return 2;
    }
    pwf_tensor_thread_start();
    configure(&config, argc, argv);
    return run(&config, argv[1], argv[2]) ? 0 : 1;
}
