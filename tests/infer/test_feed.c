/* SPDX-License-Identifier: BSD-3-Clause */
/* The images of a batch on every rank: slots are dealt completely, loads equal those of the data
 * set in its order, and ranks that see different images are refused. */
#include "pwf/infer/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PIXELS = 28 * 28 };

static pwf_mesh *mesh;
static pwf_config config;

static void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void set(const char *assignment)
{
    good(pwf_config_set(&config, assignment));
}

static pwf_feed opened(void)
{
    pwf_feed feed = {.mesh = mesh, .config = &config};
    good(pwf_feed_open(&feed, true));
    return feed;
}

static void test_slots(void **state)
{
    (void)state;
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const pwf_feed feed = {.mesh = mesh, .config = &config};
    assert_int_equal(pwf_feed_first_slot(&feed, 0), 0);
    assert_int_equal(pwf_feed_first_slot(&feed, ranks), config.parallel.slots);
    for (int r = 0; r < ranks; r++) {
        const int64_t slots = pwf_feed_first_slot(&feed, r + 1) - pwf_feed_first_slot(&feed, r);
        assert_in_range(slots, config.parallel.slots / ranks,
                        (config.parallel.slots + ranks - 1) / ranks);
    }
}

static void test_load(void **state)
{
    (void)state;
    static float image[PIXELS], expected[PIXELS];
    pwf_feed feed = opened();
    good(pwf_feed_start_loader(&feed));
    assert_null(feed.loader); /* images in memory need none */
    for (int64_t batch = 0; batch < 3; batch += 2) {
        pwf_feed_seek(&feed, batch);
        for (int64_t p = 0; p < config.train.batch; p += 5) {
            int32_t label = -1, right = -2;
            good(pwf_feed_load(&feed, p, image, &label));
            good(pwf_dataset_load(feed.train, (uint32_t)config.train.seed,
                                  pwf_order_pass(feed.order), pwf_order_image(feed.order, p),
                                  expected, &right));
            assert_int_equal(label, right);
            assert_memory_equal(image, expected, sizeof image);
        }
    }
    pwf_feed_close(&feed);
    assert_null(feed.train);
}

static void test_compare(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), ranks = pwf_mesh_size(mesh, PWF_WORLD);
    pwf_feed feed = opened();
    good(pwf_feed_compare(&feed));
    const pwf_hash before = pwf_feed_hash(&feed);
    good(pwf_feed_agree_skips(&feed, PWF_TRAIN, 0)); /* nothing to skip in memory */
    pwf_feed_close(&feed);
    set(rank == 1 ? "data.test_limit=50" : "data.test_limit=60");
    feed = opened();
    assert_int_equal(pwf_feed_compare(&feed).code, ranks > 1 ? PWF_DATA : PWF_OK);
    assert_false(pwf_hash_equal(before, pwf_feed_hash(&feed)));
    pwf_feed_close(&feed);
    set("data.test_limit=250");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_compare),
    };
    char path[PWF_TEXT];
    good(pwf_mesh_start(&argc, &argv));
    good(pwf_mesh_new(1, &mesh));
    pwf_config_defaults(&config);
    snprintf(path, sizeof path, "%s/tests/train/tiny.yaml", getenv("PWF_SOURCE_DIR"));
    good(pwf_config_read_file(&config, path));
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return failed;
}
