/* SPDX-License-Identifier: BSD-3-Clause */
/* The loader gives the images of pwf_dataset_load, bit by bit, with any number of threads and in
 * any order of seeking and taking; damaged files fail or are replaced as without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "folder_config.h"
#include "pictures.h"
#include "pwf/core/mem.h"
#include "pwf/data/loader.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 14, VALUES = 3 * SIDE * SIDE, BATCH = 6, FIRST = 1, SHARE = 4, SEED = 11 };

static pwf_config config;

static int make_tree(void **state)
{
    (void)state;
    if (system("rm -rf tree") != 0) return 1;
    tree_make("tree", 2, 10, 1, 5); /* three batches a pass */
    folder_config(&config, "tree", 2, SIDE);
    return 0;
}

static pwf_dataset *open_good(void)
{
    pwf_dataset *d = NULL;
    const pwf_status s = pwf_dataset_open(pwf_config_dataset(&config), PWF_TRAIN, &d);
    if (s.code != PWF_OK) fail_msg("%s", s.text);
    return d;
}

static void check_batch(pwf_loader *loader, const pwf_dataset *d, pwf_order *order, int64_t batch,
                        int64_t take)
{
    pwf_loader_seek(loader, batch);
    pwf_order_seek(order, batch);
    for (int64_t i = 0; i < take; i++) {
        const int64_t position = FIRST + (i + batch) % SHARE; /* a different order per batch */
        float ahead[VALUES], now[VALUES];
        int32_t label = -1, expected = -2;
        const pwf_status a = pwf_loader_take(loader, position, ahead, &label);
        const pwf_status b = pwf_dataset_load(d, SEED, pwf_order_pass(order),
                                              pwf_order_image(order, position), now, &expected);
        assert_int_equal(a.code, b.code);
        assert_string_equal(a.text, b.text);
        if (a.code != PWF_OK) continue;
        assert_int_equal(label, expected);
        assert_memory_equal(ahead, now, sizeof now);
    }
}

static void loads_what_the_data_set_gives(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        pwf_dataset *d = open_good();
        pwf_order *order = NULL;
        pwf_loader *loader = NULL;
        assert_int_equal(pwf_order_new(pwf_dataset_count(d), BATCH, SEED, &order).code, PWF_OK);
        assert_int_equal(pwf_loader_new(d, BATCH, FIRST, SHARE, SEED, threads, &loader).code,
                         PWF_OK);
        for (int64_t batch = 0; batch < 8; batch++) /* three passes */
            check_batch(loader, d, order, batch, SHARE);
        check_batch(loader, d, order, 7, SHARE); /* the same batch again */
        check_batch(loader, d, order, 2, 1);     /* back, leaving before all are taken */
        check_batch(loader, d, order, 3, 0);
        check_batch(loader, d, order, 4, SHARE);
        check_batch(loader, d, order, 1000, SHARE);
        assert_true(pwf_loader_waited(loader) >= 0.0);
        pwf_loader_seek(loader, 5); /* freed while it is decoding */
        pwf_loader_free(loader);
        pwf_order_free(order);
        pwf_dataset_free(d);
        assert_int_equal(pwf_mem_live(), 0);
    }
}

static void damaged_files_as_without_loader(void **state)
{
    (void)state;
    bytes_write("tree/train/n00000001/n00000001_4.JPEG", "bad", 3);
    for (int skip = 0; skip < 2; skip++) {
        config.data.skip_bad = skip;
        pwf_dataset *d = open_good(), *other = open_good();
        pwf_order *order = NULL;
        pwf_loader *loader = NULL;
        const int64_t *index = NULL;
        assert_int_equal(pwf_order_new(pwf_dataset_count(d), BATCH, SEED, &order).code, PWF_OK);
        assert_int_equal(pwf_loader_new(d, BATCH, FIRST, SHARE, SEED, 2, &loader).code, PWF_OK);
        for (int64_t batch = 0; batch < 12; batch++)
            check_batch(loader, other, order, batch, SHARE);
        assert_int_equal(pwf_dataset_skipped(d, &index), skip);
        pwf_loader_free(loader);
        pwf_order_free(order);
        pwf_dataset_free(d);
        pwf_dataset_free(other);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_what_the_data_set_gives),
        cmocka_unit_test(damaged_files_as_without_loader),
    };
    return cmocka_run_group_tests(tests, make_tree, NULL);
}
