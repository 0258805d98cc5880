/* SPDX-License-Identifier: BSD-3-Clause */
/* Import into the models: files in the ways of DeiT and torchvision, other heads, other image
 * sizes, the wrong kind of transformer. tests/golden/make_weights_golden.py made the files. */
#include "pwf/config/config.h"
#include "pwf/core/mem.h"
#include "pwf/formats/import.h"
#include "pwf/models/families.h"
#include "pwf/models/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct network {
    pwf_config *config;
    pwf_registry *registry;
    pwf_graph *graph;
    pwf_state *state;
} network;

static network make(pwf_config *config)
{
    network n = {.config = config};
    assert_string_equal(pwf_model_build(pwf_config_model(config), &n.registry, &n.graph).text, "");
    const pwf_range all = {0, pwf_registry_total_count(n.registry)};
    assert_int_equal(pwf_state_new(n.registry, all, 1, 7, &n.state).code, PWF_OK);
    return n;
}

static void drop(network *n)
{
    pwf_state_free(n->state);
    pwf_graph_free(n->graph);
    pwf_registry_free(n->registry);
    free(n->config);
    assert_int_equal(pwf_mem_live(), 0);
}

static pwf_config *settings(const char *family)
{
    pwf_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    pwf_config_defaults(config);
    snprintf(config->model.name, sizeof config->model.name, "%s", family);
    config->model.channels = 1;
    config->model.classes = 3;
    config->model.image_size = 14;
    return config;
}

static pwf_config *transformer(bool distilled)
{
    pwf_config *config = settings("vit");
    config->model.patch = 2;
    config->model.width = 4;
    config->model.depth = config->model.heads = 1;
    config->model.distilled = distilled;
    return config;
}

static void gather_lines(void *context, const char *line)
{
    strncat(context, line, 3000 - strlen(context));
    strncat(context, "\n", 3000 - strlen(context));
}

static const char *golden(const char *name)
{
    static char path[1024];
    const char *folder = getenv("PWF_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/formats/golden/%s", folder ? folder : ".", name);
    return path;
}

static char lines[4000];

static pwf_import import_file(network *n, const char *name, bool classes, bool size, pwf_code code)
{
    pwf_weights_file *file = NULL;
    pwf_import import = {.names = pwf_model_foreign_names(n->config->model.name),
                         .classes = n->config->model.classes,
                         .classes_given = classes,
                         .size_given = size,
                         .say = gather_lines,
                         .context = lines};
    lines[0] = '\0';
    assert_int_equal(pwf_weights_open(golden(name), &file).code, PWF_OK);
    const pwf_status done = pwf_import_weights(file, n->state, &import);
    if (done.code != code) fail_msg("%s\n%s", done.text, lines);
    pwf_weights_close(file);
    return import;
}

/* torchvision's name of a DenseNet's parameter. */
static void old_name(const char *name, char out[256])
{
    const char *layer = strstr(name, "denselayer"), *part = layer ? strchr(layer, '.') : NULL;
    snprintf(out, 256, "%s", name);
    if (part) snprintf(out + (part + 5 - name), 256 - (size_t)(part + 5 - name), ".%s", part + 5);
}

/* Expects that `values` are those of tensor `name` in the file. */
static void expect_values(const char *file_name, const char *name, const float *values,
                          int64_t count)
{
    pwf_weights_file *file = NULL;
    bool found = false;
    assert_int_equal(pwf_weights_open(golden(file_name), &file).code, PWF_OK);
    for (int t = 0; t < file->count; t++) {
        if (strcmp(file->tensor[t].name, name) != 0) continue;
        found = true;
        for (int64_t i = 0; i < count; i++)
            assert_true(values[i] == (float)((37 * i + 11 * t) % 255 - 127) / 64);
    }
    if (!found) fail_msg("%s has no %s", file_name, name);
    pwf_weights_close(file);
}

static void expect_all(const network *n, const char *file_name)
{
    char name[256];
    for (int i = 0; i < pwf_registry_params(n->registry); i++) {
        const pwf_param *p = pwf_registry_param(n->registry, i);
        old_name(p->name, name);
        expect_values(file_name, name, n->state->mu + p->offset, p->count);
    }
    for (int i = 0; i < pwf_registry_buffers(n->registry); i++) {
        const pwf_buffer *b = pwf_registry_buffer(n->registry, i);
        old_name(b->name, name);
        expect_values(file_name, name, n->state->buffers + b->offset, b->count);
    }
}

static void test_deit(void **state)
{
    (void)state;
    network n = make(transformer(true));
    const pwf_import import = import_file(&n, "distilled.pth", false, false, PWF_OK);
    assert_int_equal(import.taken, pwf_registry_params(n.registry));
    expect_all(&n, "distilled.pth");
    drop(&n);
}

static void test_torchvision_densenet(void **state)
{
    (void)state;
    pwf_config *config = settings("densenet");
    config->model.growth = 2;
    config->model.depths = (pwf_int_list){2, {2, 1}};
    config->model.stem_kernel = 3;
    config->model.stem_stride = 1;
    config->model.stem_pool = false;
    network n = make(config);
    const pwf_import import = import_file(&n, "densenet.pth", false, false, PWF_OK);
    assert_int_equal(import.taken,
                     pwf_registry_params(n.registry) + pwf_registry_buffers(n.registry));
    expect_all(&n, "densenet.pth");
    drop(&n);
}

/* Both heads of a distilled model get fresh start values. */
static void test_other_heads(void **state)
{
    (void)state;
    static const char *const heads[] = {"head.weight", "head.bias", "head_dist.weight",
                                        "head_dist.bias"};
    pwf_config *config = transformer(true), *again = transformer(true);
    config->model.classes = again->model.classes = 5;
    network n = make(config), same = make(again);
    pwf_import import = import_file(&n, "distilled.pth", false, false, PWF_DATA);
    assert_int_equal(import.problems, 4);
    import = import_file(&n, "distilled.pth", true, false, PWF_OK);
    assert_int_equal(import.fresh, 4);
    assert_int_equal(import.file_classes, 3);
    for (int i = 0; i < 4; i++) {
        const pwf_param *p = pwf_registry_find(n.registry, heads[i]);
        assert_memory_equal(n.state->mu + p->offset, same.state->mu + p->offset,
                            (size_t)p->count * sizeof(float));
    }
    const pwf_param *p = pwf_registry_find(n.registry, "blocks.0.attn.qkv.weight");
    expect_values("distilled.pth", p->name, n.state->mu + p->offset, p->count);
    pwf_state_free(same.state);
    pwf_graph_free(same.graph);
    pwf_registry_free(same.registry);
    free(again);
    drop(&n);
}

/* Position embeddings for larger and smaller images, against PyTorch in double precision. */
static void test_other_sizes(void **state)
{
    (void)state;
    pwf_weights_file *file = NULL;
    assert_int_equal(pwf_weights_open(golden("positions.safetensors"), &file).code, PWF_OK);
    assert_int_equal(file->count, 2);
    for (int i = 0; i < 2; i++) {
        const pwf_named_tensor *t = &file->tensor[i];
        pwf_config *config = transformer(true);
        config->model.image_size = atoi(strchr(t->name, '.') + 1);
        network n = make(config);
        const pwf_param *p = pwf_registry_find(n.registry, "pos_embed");
        assert_int_equal(p->count, t->count);
        pwf_import import = import_file(&n, "distilled.pth", false, false, PWF_DATA);
        assert_int_equal(import.problems, 1);
        assert_non_null(strstr(lines, "7x7 in the file; --image-size 14 uses them as they are"));
        import = import_file(&n, "distilled.pth", false, true, PWF_OK);
        assert_int_equal(import.resampled, 1);
        assert_int_equal(import.file_size, 14);
        float *want = calloc((size_t)t->count, sizeof *want);
        int64_t rounded = 0;
        assert_non_null(want);
        assert_int_equal(pwf_weights_read(file, i, want, &rounded).code, PWF_OK);
        for (int64_t k = 0; k < t->count; k++)
            assert_true(fabsf(n.state->mu[p->offset + k] - want[k]) <= 2.5e-7f);
        free(want);
        drop(&n);
    }
    pwf_weights_close(file);
}

static void test_wrong_kind(void **state)
{
    (void)state;
    network n = make(transformer(false));
    const pwf_import import = import_file(&n, "distilled.pth", false, true, PWF_DATA);
    assert_int_equal(import.problems, 4);
    assert_non_null(strstr(lines, "extra    dist_token [1, 1, 4]: the file is of a distilled"));
    assert_non_null(strstr(lines, "shape    pos_embed: [1, 50, 4] in the model, [1, 51, 4] in"));
    drop(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deit),        cmocka_unit_test(test_torchvision_densenet),
        cmocka_unit_test(test_other_heads), cmocka_unit_test(test_other_sizes),
        cmocka_unit_test(test_wrong_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
