/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole training step of small networks of each family at slots = 1 against PyTorch in double
 * precision: loss, every gradient, statistics, and prediction afterwards. */
#include "nn/golden_file.h"

#include "pwf/config/config.h"
#include "pwf/core/mem.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(pwf_status status)
{
    assert_string_equal(status.text, "");
}

static float *numbers(int64_t count)
{
    float *memory;
    expect(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof(float), &memory));
    return memory;
}

static void configure(pwf_config *config, const golden_case *g, int64_t backend)
{
    pwf_config_defaults(config);
    snprintf(config->model.name, sizeof config->model.name, "%s", g->name);
    config->model.block = golden_int(g, "bottleneck") ? PWF_BLOCK_BOTTLENECK : PWF_BLOCK_BASIC;
    config->model.depths.count = config->model.widths.count = (int)golden_int(g, "stages");
    for (int i = 0; i < config->model.depths.count; i++) {
        char name[16];
        snprintf(name, sizeof name, "depth%d", i);
        config->model.depths.at[i] = golden_int(g, name);
        snprintf(name, sizeof name, "width%d", i);
        config->model.widths.at[i] = golden_int(g, name);
    }
    config->model.stem_kernel = golden_int(g, "stem_kernel");
    config->model.stem_stride = golden_int(g, "stem_stride");
    config->model.stem_pool = golden_int(g, "stem_pool") != 0;
    config->model.growth = golden_int(g, "growth");
    config->model.patch = golden_int(g, "patch");
    config->model.width = golden_int(g, "width");
    config->model.depth = golden_int(g, "depth");
    config->model.heads = golden_int(g, "heads");
    config->model.distilled = golden_int(g, "distilled") != 0;
    config->model.channels = golden_int(g, "channels");
    config->model.classes = golden_int(g, "classes");
    config->model.image_size = golden_int(g, "image_size");
    config->train.label_smoothing = (double)golden_int(g, "smoothing_percent") / 100.0;
    config->parallel.backend = (pwf_tensor_backend)backend;
}

static const golden_tensor *named(const golden_case *g, const char *prefix, const char *name)
{
    char both[GOLDEN_NAME];
    snprintf(both, sizeof both, "%s:%s", prefix, name);
    const golden_tensor *t = golden_find(g, both);
    if (!t) fail_msg("the golden file has no %s", both);
    return t;
}

static void raise_to(double *most, double d)
{
    if (!(d <= *most)) *most = d;
}

/* The largest differences of one run, by kind. */
typedef struct differences {
    double loss, gradient, statistics, logits;
} differences;

static void predict(const golden_case *g, const pwf_graph *graph, const float *weights,
                    const float *statistics, differences *d)
{
    const golden_tensor *x = golden_find(g, "x"), *predicted = golden_find(g, "predicted");
    pwf_executor *executor;
    const float *logits;
    expect(pwf_executor_new(graph, x->shape[0], PWF_MODE_PREDICT, PWF_FP32, &executor));
    memcpy(pwf_executor_images(executor), x->data, (size_t)x->count * sizeof(float));
    expect(pwf_executor_forward(executor, weights, statistics, &logits));
    raise_to(&d->logits, golden_difference(logits, predicted->data, predicted->count));
    pwf_executor_free(executor);
}

static void train(const golden_case *g, const pwf_registry *registry, const pwf_graph *graph,
                  differences *d)
{
    const golden_tensor *x = golden_find(g, "x"), *labels = golden_find(g, "labels");
    const int64_t images = x->shape[0], total = pwf_registry_total_count(registry);
    pwf_executor *executor;
    int32_t label[64];
    double loss;
    float *weights = numbers(total), *gradient = numbers(total);
    float *statistics = numbers(pwf_registry_buffer_count(registry));
    for (int i = 0; i < pwf_registry_params(registry); i++) {
        const pwf_param *p = pwf_registry_param(registry, i);
        const golden_tensor *t = named(g, "param", p->name);
        assert_int_equal(p->count, t->count);
        memcpy(weights + p->offset, t->data, (size_t)t->count * sizeof(float));
    }
    for (int64_t i = 0; i < images; i++)
        label[i] = (int32_t)labels->data[i];
    expect(pwf_executor_new(graph, images, PWF_MODE_TRAIN, PWF_FP32, &executor));
    memcpy(pwf_executor_images(executor), x->data, (size_t)x->count * sizeof(float));
    const pwf_targets targets = {.labels = label};
    expect(pwf_executor_train(executor, weights, &targets, 1.0f / (float)images, gradient,
                              statistics, &loss));
    const float mean_loss = (float)(loss / (double)images);
    raise_to(&d->loss, golden_difference(&mean_loss, golden_find(g, "loss")->data, 1));
    for (int i = 0; i < pwf_registry_params(registry); i++) {
        const pwf_param *p = pwf_registry_param(registry, i);
        raise_to(&d->gradient, golden_difference(gradient + p->offset,
                                                 named(g, "grad", p->name)->data, p->count));
    }
    for (int i = 0; i < pwf_registry_buffers(registry); i++) {
        const pwf_buffer *b = pwf_registry_buffer(registry, i);
        raise_to(&d->statistics, golden_difference(statistics + b->offset,
                                                   named(g, "stat", b->name)->data, b->count));
    }
    predict(g, graph, weights, statistics, d);
    pwf_executor_free(executor);
    pwf_mem_free(weights);
    pwf_mem_free(gradient);
    pwf_mem_free(statistics);
}

static void check_file(const char *name)
{
    golden_file file;
    golden_case *g = malloc(sizeof *g);
    pwf_config *config = malloc(sizeof *config);
    assert_non_null(g);
    assert_non_null(config);
    golden_open(&file, name);
    assert_true(golden_next(&file, g));
    printf("%-24s %9s %9s %9s %9s\n", name, "loss", "gradient", "statistic", "predicted");
    for (int64_t backend = PWF_TENSOR_AUTO; backend <= PWF_TENSOR_PLAIN; backend++) {
        pwf_registry *registry;
        pwf_graph *graph;
        differences d = {0.0, 0.0, 0.0, 0.0};
        configure(config, g, backend);
        expect(pwf_model_build(pwf_config_model(config), &registry, &graph));
        train(g, registry, graph, &d);
        printf("  %-22s %9.1e %9.1e %9.1e %9.1e\n", pwf_tensor_backend_text(backend).text, d.loss,
               d.gradient, d.statistics, d.logits);
        assert_true(d.loss < 1e-6 && d.gradient < 2e-5 && d.statistics < 5e-6 && d.logits < 5e-6);
        pwf_graph_free(graph);
        pwf_registry_free(registry);
    }
    golden_case_free(g);
    golden_close(&file);
    free(g);
    free(config);
    assert_int_equal(pwf_mem_live(), 0);
}

static void test_basic(void **state)
{
    (void)state;
    check_file("step_basic.golden");
}

static void test_bottleneck(void **state)
{
    (void)state;
    check_file("step_bottleneck.golden");
}

static void test_vit(void **state)
{
    (void)state;
    check_file("step_vit.golden");
}

static void test_distilled(void **state)
{
    (void)state;
    check_file("step_distilled.golden");
}

static void test_densenet(void **state)
{
    (void)state;
    check_file("step_densenet.golden");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basic), cmocka_unit_test(test_bottleneck), cmocka_unit_test(test_vit),
        cmocka_unit_test(test_distilled), cmocka_unit_test(test_densenet)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
