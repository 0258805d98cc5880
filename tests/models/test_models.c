/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks as they are built: names, shapes and numbers of parameters against timm, families
 * against presets, start values, exclusion from the posterior, and messages of refused models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "models/fashion.h"
#include "pwf/config/config.h"
#include "pwf/core/mem.h"
#include "pwf/models/model.h"

#include <stdio.h>
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
    const pwf_status status = pwf_model_build(pwf_config_model(config), &registry, &graph);
    assert_string_equal(status.text, "");
    if (posterior) assert_int_equal(pwf_registry_posterior_count(registry), posterior);
    if (total) assert_int_equal(pwf_registry_total_count(registry), total);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
}

/* FNV-1a */
static uint64_t hash_of(const char *text)
{
    uint64_t out = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        out = (out ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return out;
}

/* The sum of the hashes of the lines "NAME D0 D1 ..." of all parameters and buffers. */
static uint64_t names_of(const pwf_registry *registry)
{
    char line[256];
    uint64_t sum = 0;
    for (int i = 0; i < pwf_registry_params(registry); i++) {
        const pwf_param *p = pwf_registry_param(registry, i);
        int used = snprintf(line, sizeof line, "%s", p->name);
        for (int d = 0; d < p->dims; d++)
            used +=
                snprintf(line + used, sizeof line - (size_t)used, " %lld", (long long)p->shape[d]);
        sum += hash_of(line);
    }
    for (int i = 0; i < pwf_registry_buffers(registry); i++) {
        const pwf_buffer *b = pwf_registry_buffer(registry, i);
        snprintf(line, sizeof line, "%s %lld", b->name, (long long)b->count);
        sum += hash_of(line);
    }
    return sum;
}

/* Names, shapes and numbers of parameters of timm 0.9.16, as tests/golden/print_names.py gives
 * them. */
static void test_published(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t names;
        int64_t posterior, total;
    } cases[] = {
        {"resnet18", UINT64_C(0xb85c3fdea5b49c71), 11679912, 11689512},
        {"resnet34", UINT64_C(0xe2106f8184c681b9), 21780648, 21797672},
        {"resnet50", UINT64_C(0x61317d261fa01009), 25503912, 25557032},
        {"resnet101", UINT64_C(0x1acc8b4ee34f4777), 44443816, 44549160},
        {"wide_resnet50_2", UINT64_C(0xcb39236b6f919f5d), 68815016, 68883240},
        {"wide_resnet101_2", UINT64_C(0x09a64604edc0668b), 126748840, 126886696},
        {"densenet121", UINT64_C(0x1fbd7fd86c0b090c), 7895208, 7978856},
        {"densenet161", UINT64_C(0xd8cf7cec78abfa65), 28461064, 28681000},
        {"densenet169", UINT64_C(0x9a01bb13b60e11a0), 13991080, 14149480},
        {"densenet201", UINT64_C(0x2957ce233ddeac5c), 19784872, 20013928},
        {"vit_tiny_patch16_224", UINT64_C(0xd48425144bb939c0), 5669800, 5717416},
        {"vit_small_patch16_224", UINT64_C(0x5613b5a70640ee71), 21955432, 22050664},
        {"vit_base_patch16_224", UINT64_C(0x90a19192fd430f63), 86377192, 86567656},
        {"deit_tiny_patch16_224", UINT64_C(0xd48425144bb939c0), 5669800, 5717416},
        {"deit_small_patch16_224", UINT64_C(0x5613b5a70640ee71), 21955432, 22050664},
        {"deit_base_patch16_224", UINT64_C(0x90a19192fd430f63), 86377192, 86567656},
        {"deit_tiny_distilled_patch16_224", UINT64_C(0xcf14de3ad8d494f9), 5862800, 5910800},
        {"deit_small_distilled_patch16_224", UINT64_C(0x528df6cd94fc54b2), 22340432, 22436432},
        {"deit_base_distilled_patch16_224", UINT64_C(0xd0713ab9b193fe60), 87146192, 87338192}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pwf_registry *registry;
        pwf_graph *graph;
        pwf_config *config = named(cases[i].name);
        assert_string_equal(pwf_model_build(pwf_config_model(config), &registry, &graph).text, "");
        if (names_of(registry) != cases[i].names)
            fail_msg("%s has other names or shapes than timm's", cases[i].name);
        assert_int_equal(pwf_registry_posterior_count(registry), cases[i].posterior);
        assert_int_equal(pwf_registry_total_count(registry), cases[i].total);
        pwf_graph_free(graph);
        pwf_registry_free(registry);
        free(config);
    }
}

static void test_micro(void **state)
{
    (void)state;
    pwf_config *config = named("vit_micro");
    config->model.channels = 1;
    config->model.classes = 10;
    config->model.image_size = 28;
    /* two blocks of 12 w^2 + 9 w, patches of 49, a head of 10; 17 positions, a token, five norms */
    expect_counts(config, 2 * (12 * 64 * 64 + 9 * 64) + 50 * 64 + 65 * 10,
                  2 * (12 * 64 * 64 + 9 * 64) + 50 * 64 + 65 * 10 + 18 * 64 + 5 * 2 * 64);
    free(config);
}

/* A family with a preset's dimensions is that preset. */
static void test_families(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        static const char *const presets[] = {"resnet50", "densenet161", "vit_small_patch16_224",
                                              "deit_tiny_distilled_patch16_224"};
        static const char *const families[] = {"resnet", "densenet", "vit", "vit"};
        uint64_t names[2];
        for (int own = 0; own < 2; own++) {
            pwf_registry *registry;
            pwf_graph *graph;
            pwf_config *config = named(own ? families[i] : presets[i]);
            if (own && i == 0) config->model.block = PWF_BLOCK_BOTTLENECK;
            if (own && i == 0) config->model.depths = (pwf_int_list){4, {3, 4, 6, 3}};
            if (own && i == 1) config->model.depths = (pwf_int_list){4, {6, 12, 36, 24}};
            if (own && i == 1) config->model.growth = 48;
            if (own && i == 2) config->model.width = 384;
            if (own && i == 2) config->model.heads = 6;
            if (own && i == 3) config->model.distilled = true;
            assert_string_equal(pwf_model_build(pwf_config_model(config), &registry, &graph).text,
                                "");
            names[own] = names_of(registry);
            pwf_graph_free(graph);
            pwf_registry_free(registry);
            free(config);
        }
        if (names[0] != names[1]) fail_msg("%s is not %s", families[i], presets[i]);
    }
}

static pwf_config *fashion_net(void)
{
    pwf_config *config = named("resnet");
    set_fashion_net(&config->model);
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
    assert_int_equal(pwf_model_build(pwf_config_model(config), &registry, &graph).code, PWF_OK);
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
    assert_int_equal(pwf_model_build(pwf_config_model(config), &registry, &graph).code, PWF_OK);
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
    const pwf_status status = pwf_model_build(pwf_config_model(config), &registry, &graph);
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
    expect_failure(named("transformer"), "the models are resnet, densenet, vit, resnet18");
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
        cmocka_unit_test(test_published), cmocka_unit_test(test_micro),
        cmocka_unit_test(test_families),  cmocka_unit_test(test_fashion),
        cmocka_unit_test(test_names),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_exclude),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
