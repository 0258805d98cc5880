/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameter table: posterior parameters come first in the flat order, excluded ones become
 * plain, wrong tables are refused, entries keep their addresses, and start values depend only on
 * seed and flat index. */
#include "pwf/registry/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static pwf_status add(pwf_registry *r, const char *name, int dims, const int64_t *shape,
                      pwf_role role, pwf_init init)
{
    const pwf_param *p;
    return pwf_registry_add(r, name, dims, shape, role, init, 0.5f, &p);
}

/* Stem, normalisation and head; not closed. */
static pwf_registry *table_new(void)
{
    pwf_registry *r;
    const pwf_buffer *b;
    assert_int_equal(pwf_registry_new(&r).code, PWF_OK);
    assert_int_equal(
        add(r, "conv1.weight", 4, (int64_t[]){6, 3, 5, 5}, PWF_ROLE_WEIGHT, PWF_INIT_NORMAL).code,
        PWF_OK);
    assert_int_equal(add(r, "bn1.weight", 1, (int64_t[]){6}, PWF_ROLE_PLAIN, PWF_INIT_ONE).code,
                     PWF_OK);
    assert_int_equal(add(r, "bn1.bias", 1, (int64_t[]){6}, PWF_ROLE_PLAIN, PWF_INIT_ZERO).code,
                     PWF_OK);
    assert_int_equal(pwf_registry_add_buffer(r, "bn1.running_mean", 6, 0.0f, &b).code, PWF_OK);
    assert_int_equal(pwf_registry_add_buffer(r, "bn1.running_var", 6, 1.0f, &b).code, PWF_OK);
    assert_int_equal(b->offset, 6);
    assert_int_equal(
        add(r, "fc.weight", 2, (int64_t[]){10, 7}, PWF_ROLE_WEIGHT, PWF_INIT_UNIFORM).code, PWF_OK);
    assert_int_equal(add(r, "fc.bias", 1, (int64_t[]){10}, PWF_ROLE_BIAS, PWF_INIT_UNIFORM).code,
                     PWF_OK);
    return r;
}

static void assert_order(const pwf_registry *r, const char *const *names, int64_t posterior)
{
    int64_t offset = 0;
    for (int i = 0; i < pwf_registry_params(r); i++) {
        const pwf_param *p = pwf_registry_param(r, i);
        assert_string_equal(p->name, names[i]);
        assert_int_equal(p->offset, offset);
        assert_int_equal(p->posterior, offset < posterior);
        assert_ptr_equal(pwf_registry_find(r, names[i]), p);
        offset += p->count;
    }
    assert_int_equal(pwf_registry_total_count(r), offset);
    assert_int_equal(pwf_registry_posterior_count(r), posterior);
}

static void posterior_comes_first(void **unused)
{
    (void)unused;
    pwf_registry *r = table_new();
    assert_int_equal(pwf_registry_close(r, NULL, 0).code, PWF_OK);
    assert_int_equal(pwf_registry_params(r), 5);
    assert_order(r,
                 (const char *[]){"conv1.weight", "fc.weight", "fc.bias", "bn1.weight", "bn1.bias"},
                 450 + 70 + 10);
    assert_int_equal(pwf_registry_param(r, 0)->count, 450);
    assert_int_equal(pwf_registry_param(r, 0)->dims, 4);
    assert_null(pwf_registry_find(r, "fc"));
    assert_int_equal(pwf_registry_buffers(r), 2);
    assert_int_equal(pwf_registry_buffer_count(r), 12);
    assert_string_equal(pwf_registry_buffer(r, 1)->name, "bn1.running_var");
    pwf_registry_free(r);
}

static void excluded_parameters_become_plain(void **unused)
{
    (void)unused;
    pwf_registry *r = table_new();
    const char *const patterns[] = {"fc.*", "conv[2-9].weight"};
    assert_int_equal(pwf_registry_close(r, patterns, 1).code, PWF_OK);
    assert_order(
        r, (const char *[]){"conv1.weight", "bn1.weight", "bn1.bias", "fc.weight", "fc.bias"}, 450);
    assert_int_equal(pwf_registry_find(r, "fc.bias")->role, PWF_ROLE_BIAS);
    pwf_registry_free(r);
    r = table_new();
    const pwf_status status = pwf_registry_close(r, patterns, 2);
    assert_int_equal(status.code, PWF_CONFIG);
    assert_non_null(strstr(status.text, "conv[2-9].weight"));
    pwf_registry_free(r);
    r = table_new();
    assert_int_equal(pwf_registry_close(r, (const char *[]){"*"}, 1).code, PWF_OK);
    assert_int_equal(pwf_registry_posterior_count(r), 0);
    pwf_registry_free(r);
}

static void wrong_tables_are_refused(void **unused)
{
    (void)unused;
    pwf_registry *r = table_new();
    assert_int_equal(add(r, "fc.bias", 1, (int64_t[]){1}, PWF_ROLE_BIAS, PWF_INIT_ZERO).code,
                     PWF_BUG);
    assert_int_equal(add(r, "x", 2, (int64_t[]){4, 0}, PWF_ROLE_BIAS, PWF_INIT_ZERO).code, PWF_BUG);
    assert_int_equal(add(r, "y", 2, (int64_t[]){INT64_MAX, 2}, PWF_ROLE_BIAS, PWF_INIT_ZERO).code,
                     PWF_BUG);
    assert_int_equal(pwf_registry_params(r), 5);
    pwf_registry_free(r);
    pwf_registry_free(NULL);
}

/* The address of an entry stays valid while entries are added. */
static void entries_keep_their_addresses(void **unused)
{
    (void)unused;
    enum { PARAMS = 300 };
    pwf_registry *r;
    assert_int_equal(pwf_registry_new(&r).code, PWF_OK);
    const pwf_param *at[PARAMS];
    const int64_t count = 2;
    char name[16];
    for (int i = 0; i < PARAMS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        assert_int_equal(pwf_registry_add(r, name, 1, &count,
                                          i % 2 ? PWF_ROLE_BIAS : PWF_ROLE_PLAIN, PWF_INIT_ZERO,
                                          0.0f, &at[i])
                             .code,
                         PWF_OK);
    }
    assert_int_equal(pwf_registry_close(r, NULL, 0).code, PWF_OK);
    for (int i = 0; i < PARAMS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        assert_ptr_equal(pwf_registry_find(r, name), at[i]);
        assert_int_equal(at[i]->offset, (i % 2 ? i / 2 : PARAMS / 2 + i / 2) * count);
    }
    pwf_registry_free(r);
}

static void start_values_are_a_function_of_the_index(void **unused)
{
    (void)unused;
    enum { TOTAL = 542 };
    pwf_registry *r = table_new();
    assert_int_equal(pwf_registry_close(r, NULL, 0).code, PWF_OK);
    assert_int_equal(pwf_registry_total_count(r), TOTAL);
    float whole[TOTAL], pieces[TOTAL];
    pwf_registry_start_values(r, 9, whole, 0, TOTAL);
    for (int64_t piece = 1; piece < TOTAL; piece = 3 * piece + 2) {
        memset(pieces, 0xff, sizeof pieces);
        for (int64_t lo = 0; lo < TOTAL; lo += piece)
            pwf_registry_start_values(r, 9, pieces + lo, lo,
                                      piece < TOTAL - lo ? piece : TOTAL - lo);
        assert_memory_equal(pieces, whole, sizeof whole);
    }
    pwf_registry_start_values(r, 10, pieces, 0, TOTAL);
    assert_memory_not_equal(pieces, whole, sizeof whole);
    double mean = 0.0, square = 0.0;
    for (int i = 0; i < 450; i++) {
        mean += (double)whole[i] / 450;
        square += (double)whole[i] * (double)whole[i] / 450;
    }
    assert_true(mean > -0.1 && mean < 0.1 && square > 0.2 && square < 0.3);
    for (int i = 450; i < 530; i++)
        assert_true(whole[i] >= -0.5f && whole[i] <= 0.5f);
    for (int i = 530; i < TOTAL; i++)
        assert_true(whole[i] >= (i < 536 ? 1.0f : 0.0f) && whole[i] <= (i < 536 ? 1.0f : 0.0f));
    pwf_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posterior_comes_first),
        cmocka_unit_test(excluded_parameters_become_plain),
        cmocka_unit_test(wrong_tables_are_refused),
        cmocka_unit_test(entries_keep_their_addresses),
        cmocka_unit_test(start_values_are_a_function_of_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
