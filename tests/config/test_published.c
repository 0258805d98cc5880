/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of configs/: each is read, passes all checks, and resolves to the published settings,
 * which are the defaults except for the keys named here. */
#include "config/cases.h"

#include <glob.h>

typedef struct experiment {
    const char *file, *model, *slots;
} experiment;

static const experiment experiments[] = {
    {"deit_tiny", "deit_tiny_patch16_224", "64"},
    {"deit_small", "deit_small_patch16_224", "64"},
    {"resnet18", "resnet18", "16"},
    {"resnet34", "resnet34", "16"},
    {"resnet50", "resnet50", "16"},
};
enum { EXPERIMENTS = sizeof experiments / sizeof experiments[0] };

static const char *folder(void)
{
    const char *source = getenv("PWF_SOURCE_DIR");
    return source ? source : ".";
}

/* The expected value of a key; NULL: the default. */
static const char *expected(const experiment *e, const char *key, char output[PWF_TEXT])
{
    snprintf(output, PWF_TEXT, "runs/%s", e->file);
    if (strcmp(key, "output") == 0) return output;
    if (strcmp(key, "model.name") == 0) return e->model;
    if (strcmp(key, "parallel.slots") == 0) return e->slots;
    if (strcmp(key, "data.format") == 0) return "imagefolder";
    return NULL;
}

static void test_experiments_are_the_published_ones(void **state)
{
    (void)state;
    static pwf_config config, standard;
    pwf_config_defaults(&standard);
    for (int i = 0; i < EXPERIMENTS; i++) {
        char path[1024], output[PWF_TEXT];
        snprintf(path, sizeof path, "%s/configs/%s.yaml", folder(), experiments[i].file);
        pwf_config_defaults(&config);
        assert_ok(pwf_config_read_file(&config, path));
        assert_ok(pwf_config_check(&config));
        for (int k = 0; k < pwf_option_count; k++) {
            const char *want = expected(&experiments[i], pwf_options[k].key, output);
            char *value = pwf_value_text(&config, &pwf_options[k]);
            char *usual = pwf_value_text(&standard, &pwf_options[k]);
            if (strcmp(value, want ? want : usual) != 0)
                fail_msg("%s: %s is %s instead of %s", path, pwf_options[k].key, value,
                         want ? want : usual);
            free(value);
            free(usual);
        }
    }
}

static void test_every_file_fits_together(void **state)
{
    (void)state;
    static pwf_config config;
    char pattern[1024];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/configs/*.yaml", folder());
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, EXPERIMENTS + 1); /* and fashion_mnist.yaml */
    for (size_t i = 0; i < found.gl_pathc; i++) {
        pwf_config_defaults(&config);
        assert_ok(pwf_config_read_file(&config, found.gl_pathv[i]));
        assert_ok(pwf_config_check(&config));
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experiments_are_the_published_ones),
        cmocka_unit_test(test_every_file_fits_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
