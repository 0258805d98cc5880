/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of older formats are read for good. golden/version1.h5 was written by the last program of
 * format 1, with `write DIRECTORY` of this test; a new format adds a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/ckpt/ckpt.h"

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pwf_mesh *mesh;
static pwf_registry *registry;

static void must(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void make_registry(void)
{
    const pwf_param *p = NULL;
    const pwf_buffer *b = NULL;
    must(pwf_registry_new(&registry));
    must(pwf_registry_add(registry, "fc.weight", 2, (const int64_t[]){10, 6}, PWF_ROLE_WEIGHT,
                          PWF_INIT_NORMAL, 0.1F, &p));
    must(pwf_registry_add(registry, "fc.bias", 1, (const int64_t[]){10}, PWF_ROLE_BIAS,
                          PWF_INIT_NORMAL, 0.1F, &p));
    must(pwf_registry_add_buffer(registry, "bn.running_mean", 4, 0, &b));
    must(pwf_registry_close(registry, NULL, 0));
}

static pwf_snapshot new_snapshot(void)
{
    const int64_t total = pwf_registry_total_count(registry);
    pwf_snapshot s = {
        .facts = {.seed = 5, .slots = 4, .model = "old", .config = "model:\n  name: old\n"}};
    must(pwf_state_new(registry, (pwf_range){0, total}, 5, 7, &s.state));
    return s;
}

/* Values that say where they belong. */
static void fill(pwf_snapshot *s)
{
    for (int64_t i = 0; i < s->state->total; i++)
        s->state->mu[i] = 1.0F / (float)(i + 3);
    s->state->buffers[2] = 2.5F;
    s->state->code[3] = (int16_t)pwf_codebook_add(&s->state->codebook, 12);
    s->facts.position = (pwf_position){2, 1, 3, 40, 41};
    s->facts.losses.count = 2;
    s->facts.losses.value[0] = 0.25;
    s->facts.losses.value[1] = 0.125;
}

static void compare(const pwf_snapshot *s, int64_t losses)
{
    pwf_snapshot want = new_snapshot();
    fill(&want);
    assert_memory_equal(s->state->mu, want.state->mu, (size_t)want.state->total * sizeof(float));
    assert_memory_equal(s->state->buffers, want.state->buffers, 4 * sizeof(float));
    assert_memory_equal(&s->facts.position, &want.facts.position, sizeof want.facts.position);
    assert_int_equal(s->state->codebook.entry[0], 12);
    assert_int_equal(s->facts.losses.count, losses);
    for (int64_t i = 0; i < losses; i++)
        assert_true(s->facts.losses.value[i] == want.facts.losses.value[i]);
    pwf_state_free(want.state);
}

static void test_format_1(void **state)
{
    (void)state;
    char path[PWF_PATH];
    const char *folder = getenv("PWF_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/ckpt/golden/version1.h5", folder ? folder : ".");
    pwf_snapshot s = new_snapshot();
    s.facts.losses.count = 1;
    must(pwf_ckpt_read(mesh, path, &s));
    compare(&s, 0);
    pwf_state_free(s.state);
}

static void test_this_format(void **state)
{
    (void)state;
    char path[PWF_PATH];
    pwf_snapshot s = new_snapshot();
    fill(&s);
    must(pwf_ckpt_write(mesh, ".", &s, path));
    pwf_state_free(s.state);
    s = new_snapshot();
    must(pwf_ckpt_read(mesh, path, &s));
    compare(&s, 2);
    pwf_state_free(s.state);
    remove(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_format_1),
                                       cmocka_unit_test(test_this_format)};
    int failures = 1;
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK || pwf_mesh_new(1, &mesh).code != PWF_OK)
        return 1;
    make_registry();
    if (argc == 3 && strcmp(argv[1], "write") == 0) {
        char path[PWF_PATH];
        pwf_snapshot s = new_snapshot();
        fill(&s);
        failures = pwf_ckpt_write(mesh, argv[2], &s, path).code != PWF_OK;
        pwf_state_free(s.state);
    } else {
        failures = cmocka_run_group_tests(tests, NULL, NULL);
    }
    pwf_registry_free(registry);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return failures;
}
