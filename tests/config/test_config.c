/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table from every side: defaults, YAML, --set, environment, the written configuration,
 * and the reference page. */
#include "config/cases.h"

#include <unistd.h>

/* A value that is allowed and not the default. */
static const char *other_value(const pwf_option *option, char text[PWF_NUMBER_TEXT])
{
    switch (option->kind) {
    case PWF_KIND_BOOL:
        return strcmp(option->standard, "true") == 0 ? "false" : "true";
    case PWF_KIND_TEXT:
    case PWF_KIND_PATH:
        return "other/text with 'quotes': # and [more], \xc3\xa4";
    case PWF_KIND_TEXTS:
        return "[fc.*, 'layer']";
    case PWF_KIND_CHOICE:
        return strcmp(option->words[0], option->standard) == 0 && option->words[1]
                   ? option->words[1]
                   : option->words[0];
    case PWF_KIND_INT:
    case PWF_KIND_INTS:
        pwf_number_write(option->max, text);
        return text;
    case PWF_KIND_REAL:
    case PWF_KIND_REALS:
        break;
    }
    pwf_number_write(option->min + (option->max - option->min) / 3, text);
    return text;
}

static void assert_same_values(const pwf_config *a, const pwf_config *b)
{
    for (int i = 0; i < pwf_option_count; i++) {
        char *x = pwf_value_text(a, &pwf_options[i]), *y = pwf_value_text(b, &pwf_options[i]);
        assert_string_equal(x, y);
        free(x);
        free(y);
    }
    assert_memory_equal(a, b, offsetof(pwf_config, origin));
}

static void test_defaults_are_published(void **state)
{
    (void)state;
    pwf_config c;
    pwf_config_defaults(&c);
    assert_ok(pwf_config_check(&c));
    assert_string_equal(c.model.name, "resnet18");
    assert_int_equal(c.model.widths.at[3], 512);
    assert_true(c.posterior.sigma_scale == 0.0025 && c.posterior.sigma_min == 0x1p-30);
    assert_true(c.posterior.sigma_max == 0.05 && c.posterior.reg_weight == 0x1p-11);
    assert_int_equal(c.fixing.fractions.count, 10);
    assert_true(c.fixing.fractions.at[7] == 0.975 && c.fixing.fractions.at[9] == 1.0);
    assert_true(c.fixing.first_epochs == 0.05 && c.fixing.epochs == 3);
    assert_int_equal(c.fixing.max_order, 4);
    assert_int_equal(c.fixing.min_power, 7);
    assert_true(c.fixing.zero_fix && c.fixing.compat == PWF_COMPAT_PAPER);
    assert_int_equal(c.fixing.sigma_join, PWF_JOIN_STD_MU);
    assert_true(c.optim.lr == 1e-3 && c.optim.momentum == 0.9 && c.optim.weight_decay == 1e-4);
    assert_int_equal(c.parallel.slots, 8);
    assert_int_equal(c.log.level, 1);
    assert_int_equal(c.train.baseline_schedule, PWF_SCHEDULE_LINEAR);
    for (int i = 0; i < pwf_option_count; i++)
        assert_false(pwf_config_is_set(&c, pwf_options[i].key));
}

/* Every key through every way in gives the same value, notes its origin, touches no other key and
 * is written so that it reads back. */
static void test_every_key_by_every_way(void **state)
{
    (void)state;
    for (int i = 0; i < pwf_option_count; i++) {
        const pwf_option *option = &pwf_options[i];
        char number[PWF_NUMBER_TEXT], line[400], name[PWF_VARIABLE];
        const char *value = other_value(option, number);
        static pwf_config by_set, by_variable, by_yaml, standard;
        pwf_config_defaults(&standard);
        by_set = by_variable = by_yaml = standard;

        snprintf(line, sizeof line, "%s=%s", option->key, value);
        assert_ok(pwf_config_set(&by_set, line));
        pwf_option_variable(option->key, name);
        setenv(name, value, 1);
        assert_ok(pwf_config_read_environment(&by_variable));
        unsetenv(name);
        char *yaml = pwf_value_text(&by_set, option);
        bool grouped = strchr(option->key, '.') != NULL;
        snprintf(line, sizeof line, "%.*s%s%s: %s\n", grouped ? (int)strcspn(option->key, ".") : 0,
                 option->key, grouped ? ":\n  " : "", pwf_option_leaf(option), yaml);
        assert_ok(read_yaml(&by_yaml, line));
        free(yaml);

        assert_same_values(&by_set, &by_variable);
        assert_same_values(&by_set, &by_yaml);
        assert_int_equal(by_set.origin[i], PWF_FROM_OPTION);
        assert_int_equal(by_variable.origin[i], PWF_FROM_ENVIRONMENT);
        assert_int_equal(by_yaml.origin[i], PWF_FROM_YAML);
        for (int j = 0; j < pwf_option_count; j++) {
            char *now = pwf_value_text(&by_set, &pwf_options[j]);
            char *before = pwf_value_text(&standard, &pwf_options[j]);
            bool only_word = pwf_options[j].words && !pwf_options[j].words[1];
            assert_int_equal(strcmp(now, before) != 0, j == i && !only_word);
            free(now);
            free(before);
        }
        int expected = option->of_run || (option->words && !option->words[1]) ? 0 : PWF_CONFIG;
        assert_int_equal(pwf_config_same(&standard, &by_set).code, expected);
    }
}

static void assert_round_trip(const pwf_config *config)
{
    static pwf_config back;
    char *text;
    assert_ok(pwf_config_write(config, &text));
    pwf_config_defaults(&back);
    assert_ok(pwf_config_read_text(&back, text, strlen(text), "written", PWF_FROM_CHECKPOINT));
    assert_same_values(config, &back);
    assert_ok(pwf_config_same(config, &back));
    assert_int_equal(pwf_config_check(config).code, pwf_config_check(&back).code);
    free(text);
}

static void test_written_reads_back(void **state)
{
    (void)state;
    static pwf_config c;
    pwf_config_defaults(&c);
    assert_round_trip(&c);
    assert_ok(pwf_config_set(&c, "model.name=resnet"));
    for (int i = 0; i < pwf_option_count; i++) {
        char number[PWF_NUMBER_TEXT], line[400];
        if (strcmp(pwf_options[i].key, "model.name") == 0) continue;
        snprintf(line, sizeof line, "%s=%s", pwf_options[i].key,
                 other_value(&pwf_options[i], number));
        assert_ok(pwf_config_set(&c, line));
        assert_round_trip(&c);
    }
    static const char *const awkward[] = {"true",         "123",  "1e5", "",     " a b ",
                                          "it's",         "- a",  "~",   "a: b", "#x",
                                          "\xe2\x82\xac", "null", "on",  "%a",   "@"};
    for (size_t i = 0; i < sizeof awkward / sizeof awkward[0]; i++) {
        memset(c.data.path, 0, sizeof c.data.path);
        memcpy(c.data.path, awkward[i], strlen(awkward[i]));
        assert_round_trip(&c);
    }
}

static void test_largest_written_is_readable(void **state)
{
    (void)state;
    static pwf_config c;
    pwf_config_defaults(&c);
    c.fixing.exclude.count = PWF_LIST;
    for (int i = 0; i < PWF_LIST; i++)
        memset(c.fixing.exclude.at[i], '\'', PWF_TEXT - 1);
    assert_round_trip(&c);
}

static void test_origins_rank_in_any_order(void **state)
{
    (void)state;
    static pwf_config c;
    for (int order = 0; order < 2; order++) {
        pwf_config_defaults(&c);
        setenv("PWF_OPTIM_LR", "0.2", 1);
        setenv("PWF_OPTIM_MOMENTUM", "0.2", 1);
        const char *yaml = "optim: {lr: 0.1, momentum: 0.1, clip_norm: 0.1}\n";
        const char *stored = "optim: {lr: 0.5, momentum: 0.5, clip_norm: 0.5, weight_decay: 0.5}";
        if (order == 0) assert_ok(pwf_config_set(&c, "optim.lr=0.3"));
        if (order == 0) assert_ok(pwf_config_read_environment(&c));
        assert_ok(read_yaml(&c, yaml));
        assert_ok(pwf_config_read_text(&c, stored, strlen(stored), "stored", PWF_FROM_CHECKPOINT));
        if (order == 1) assert_ok(pwf_config_read_environment(&c));
        if (order == 1) assert_ok(pwf_config_set(&c, "optim.lr=0.3"));
        unsetenv("PWF_OPTIM_LR");
        unsetenv("PWF_OPTIM_MOMENTUM");
        assert_true(c.optim.lr == 0.3 && c.optim.momentum == 0.2);
        assert_true(c.optim.clip_norm == 0.1 && c.optim.weight_decay == 0.5);
        assert_true(pwf_config_is_set(&c, "optim.lr"));
        assert_false(pwf_config_is_set(&c, "train.seed"));
    }
    assert_ok(pwf_config_set(&c, "optim.lr=0.4")); /* the last --set of a key wins */
    assert_true(c.optim.lr == 0.4);
}

static void test_lists_and_layouts(void **state)
{
    (void)state;
    static pwf_config c;
    static const char *const forms[] = {"model.depths=[1,2,3]", "model.depths=1,2,3",
                                        "model.depths= [ 1 , 2,3 ] ", "model.depths=1, 2, 3"};
    for (size_t i = 0; i < 4; i++) {
        pwf_config_defaults(&c);
        assert_ok(pwf_config_set(&c, forms[i]));
        assert_int_equal(c.model.depths.count, 3);
        assert_int_equal(c.model.depths.at[2], 3);
    }
    assert_ok(pwf_config_set(&c, "fixing.exclude=[]"));
    assert_int_equal(c.fixing.exclude.count, 0);
    assert_ok(pwf_config_set(&c, "fixing.exclude=fc.*, layer1.0.conv1.weight"));
    assert_string_equal(c.fixing.exclude.at[1], "layer1.0.conv1.weight");
    pwf_config_defaults(&c);
    assert_ok(read_yaml(&c, ""));
    assert_ok(read_yaml(&c, "# nothing\n"));
    assert_ok(read_yaml(&c, "---\n...\n"));
    assert_ok(read_yaml(&c, "\xef\xbb\xbftrain:\r\n  seed: 7\r\n"));
    assert_int_equal(c.train.seed, 7);
    assert_ok(read_yaml(&c, "optim:\n  # lr: 1\ntrain:\n"));
    assert_ok(read_yaml(&c, "%YAML 1.1\n---\nmodel:\n  depths:\n    - 4\n    - 2^2\n"));
    assert_int_equal(c.model.depths.count, 2);
    assert_ok(read_yaml(&c, "data:\n  path: \"a b\"\n  flip: Off\n"));
    assert_string_equal(c.data.path, "a b");
    assert_false(c.data.flip);
}

static char *printed(void (*print)(FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(out);
    fclose(out);
    return text;
}

static char *file_text(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "r");
    if (!in) fail_msg("%s is missing", path);
    char *text = calloc(1, 1 << 18);
    assert_non_null(text);
    text[fread(text, 1, (1 << 18) - 1, in)] = '\0';
    fclose(in);
    return text;
}

static void test_help_fits_a_terminal(void **state)
{
    (void)state;
    char *help = printed(pwf_config_print_help);
    for (const char *line = help; *line; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
        assert_true(line[0] == '\n' || line[strcspn(line, "\n") - 1] != ' ');
    }
    for (int i = 0; i < pwf_option_count; i++)
        assert_non_null(strstr(help, pwf_options[i].key));
    free(help);
}

static void test_document_is_current(void **state)
{
    (void)state;
    const char *folder = getenv("PWF_SOURCE_DIR");
    if (!folder) skip();
    char *now = printed(pwf_config_print_markdown),
         *there = file_text(folder, "docs/reference/options.md");
    if (strcmp(now, there) != 0) {
        FILE *out = fopen("options.md", "w");
        if (out) fputs(now, out), fclose(out);
        fail_msg(
            "docs/reference/options.md is not what the table says; copy options.md from the test's "
            "folder over it");
    }
    free(now);
    free(there);
}

static void test_shipped_configuration(void **state)
{
    (void)state;
    const char *folder = getenv("PWF_SOURCE_DIR");
    if (!folder) skip();
    char path[4096];
    snprintf(path, sizeof path, "%s/configs/fashion_mnist.yaml", folder);
    static pwf_config c;
    pwf_config_defaults(&c);
    assert_ok(pwf_config_read_file(&c, path));
    assert_ok(pwf_config_check(&c));
    assert_int_equal(c.model.widths.at[2], 128);
    assert_true(c.data.mean.count == 1 && c.data.mean.at[0] == 0.286);
    assert_round_trip(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_published),
        cmocka_unit_test(test_every_key_by_every_way),
        cmocka_unit_test(test_written_reads_back),
        cmocka_unit_test(test_largest_written_is_readable),
        cmocka_unit_test(test_origins_rank_in_any_order),
        cmocka_unit_test(test_lists_and_layouts),
        cmocka_unit_test(test_help_fits_a_terminal),
        cmocka_unit_test(test_document_is_current),
        cmocka_unit_test(test_shipped_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
