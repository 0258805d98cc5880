/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "pwf/core/mem.h"
#include "pwf/models/model.h"

#include <stdlib.h>
#include <string.h>

static pwf_config *named(const char *name)
{
    pwf_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    pwf_config_defaults(config);
    strcpy(config->model.name, name);
    config->model.channels = 3;
    config->model.classes = 1000;
    config->model.image_size = 224;
    return config;
}

static void expect_counts(pwf_config *config, int64_t posterior, int64_t total)
{
    pwf_registry *registry;
    pwf_graph *graph;
    const pwf_status status = pwf_model_build(config, &registry, &graph);
    assert_string_equal(status.text, "");
    if (posterior) assert_int_equal(pwf_registry_posterior_count(registry), posterior);
    if (total) assert_int_equal(pwf_registry_total_count(registry), total);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
}

/* The published numbers of parameters, docs/algorithm.md section 1. */
static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t posterior, total;
    } cases[] = {{"resnet18", 11679912, 11689512},
                 {"resnet34", 21780648, 21797672},
                 {"resnet50", 25503912, 25557032},
                 {"resnet101", 44443816, 44549160},
                 {"densenet121", 0, 7978856},
                 {"densenet161", 0, 28681000},
                 {"densenet169", 0, 14149480},
                 {"densenet201", 0, 20013928},
                 {"vit_tiny_patch16_224", 5669800, 5717416},
                 {"vit_small_patch16_224", 0, 22050664},
                 {"vit_base_patch16_224", 0, 86567656},
                 {"deit_tiny_patch16_224", 5669800, 5717416},
                 {"deit_small_patch16_224", 0, 22050664},
                 {"deit_base_patch16_224", 0, 86567656},
                 {"deit_tiny_distilled_patch16_224", 0, 5910800},
                 {"deit_small_distilled_patch16_224", 0, 22436432},
                 {"deit_base_distilled_patch16_224", 0, 87338192}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pwf_config *config = named(cases[i].name);
        expect_counts(config, cases[i].posterior, cases[i].total);
        free(config);
    }
}

static pwf_config *fashion_net(void)
{
    pwf_config *config = named("resnet");
    config->model.block = PWF_BLOCK_BASIC;
    config->model.depths = (pwf_int_list){3, {1, 1, 1}};
    config->model.widths = (pwf_int_list){3, {32, 64, 128}};
    config->model.stem_kernel = 3;
    config->model.stem_stride = 2;
    config->model.stem_pool = false;
    config->model.channels = 1;
    config->model.classes = 10;
    config->model.image_size = 28;
    return config;
}

static void test_fashion(void **state)
{
    (void)state;
    pwf_config *config = fashion_net();
    expect_counts(config, 306730, 0);
    free(config);
}

/* Names in registration order: the posterior parameters come first in the flat order. */
static void test_names(void **state)
{
    (void)state;
    static const char *const basic[] = {"conv1.weight",
                                        "layer1.0.conv1.weight",
                                        "layer1.0.conv2.weight",
                                        "layer2.0.conv1.weight",
                                        "layer2.0.conv2.weight",
                                        "layer2.0.downsample.0.weight",
                                        "layer3.0.conv1.weight",
                                        "layer3.0.conv2.weight",
                                        "layer3.0.downsample.0.weight",
                                        "fc.weight",
                                        "fc.bias",
                                        "bn1.weight",
                                        "bn1.bias",
                                        "layer1.0.bn1.weight",
                                        "layer1.0.bn1.bias",
                                        "layer1.0.bn2.weight",
                                        "layer1.0.bn2.bias",
                                        "layer2.0.bn1.weight",
                                        "layer2.0.bn1.bias",
                                        "layer2.0.bn2.weight",
                                        "layer2.0.bn2.bias",
                                        "layer2.0.downsample.1.weight"};
    pwf_registry *registry;
    pwf_graph *graph;
    pwf_config *config = fashion_net();
    assert_int_equal(pwf_model_build(config, &registry, &graph).code, PWF_OK);
    for (int i = 0; i < (int)(sizeof basic / sizeof *basic); i++)
        assert_string_equal(pwf_registry_param(registry, i)->name, basic[i]);
    assert_string_equal(pwf_registry_buffer(registry, 0)->name, "bn1.running_mean");
    assert_string_equal(pwf_registry_buffer(registry, 1)->name, "bn1.running_var");
    assert_true(pwf_registry_buffer(registry, 1)->initial == 1.0f);
    assert_int_equal(pwf_registry_find(registry, "layer1.0.bn2.weight")->init, PWF_INIT_ZERO);
    assert_int_equal(pwf_registry_find(registry, "layer1.0.bn1.weight")->init, PWF_INIT_ONE);
    assert_null(pwf_registry_find(registry, "layer1.0.downsample.0.weight"));
    pwf_graph_free(graph);
    pwf_registry_free(registry);

    strcpy(config->model.name, "resnet50");
    assert_int_equal(pwf_model_build(config, &registry, &graph).code, PWF_OK);
    assert_non_null(pwf_registry_find(registry, "layer1.0.downsample.0.weight"));
    assert_non_null(pwf_registry_find(registry, "layer4.2.conv3.weight"));
    assert_int_equal(pwf_registry_find(registry, "layer4.2.bn3.weight")->init, PWF_INIT_ZERO);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    free(config);
}

static void expect_failure(pwf_config *config, const char *part)
{
    pwf_registry *registry;
    pwf_graph *graph;
    const pwf_status status = pwf_model_build(config, &registry, &graph);
    assert_int_equal(status.code, PWF_CONFIG);
    assert_non_null(strstr(status.text, part));
    assert_null(registry);
    assert_null(graph);
    free(config);
}

static void test_failures(void **state)
{
    (void)state;
    expect_failure(named("resnet81"), "did you mean \"resnet18\"");
    expect_failure(named("transformer"), "there are resnet, densenet, vit, resnet18");
    expect_failure(named("deit_small"), "did you mean \"deit_small_patch16_224\"");
    expect_failure(named("vit_pico"), "did you mean \"vit_micro\"");
    pwf_config *config = fashion_net();
    config->model.image_size = 0;
    expect_failure(config, "conv1");
    config = fashion_net();
    config->model.depths.count = 2;
    expect_failure(config, "model.depths");
    config = fashion_net();
    config->model.stem_kernel = 4;
    expect_failure(config, "odd");
    config = fashion_net();
    config->fixing.exclude.count = 1;
    strcpy(config->fixing.exclude.at[0], "head.*");
    expect_failure(config, "head");
}

static void test_exclude(void **state)
{
    (void)state;
    pwf_config *config = fashion_net();
    config->fixing.exclude.count = 1;
    strcpy(config->fixing.exclude.at[0], "fc.*");
    expect_counts(config, 306730 - 1290, 0);
    free(config);
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),  cmocka_unit_test(test_fashion),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_failures),
        cmocka_unit_test(test_exclude),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
