/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of the training images: every pass is a permutation, seeking is a pure function of
 * seed and batch number, all permutations are equally likely, and a batch larger than the data set
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/mem.h"
#include "pwf/data/dataset.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static pwf_order *make(int64_t images, int64_t batch, uint32_t seed)
{
    pwf_order *o = NULL;
    assert_int_equal(pwf_order_new(images, batch, seed, &o).code, PWF_OK);
    return o;
}

static void every_pass_shows_an_image_once(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {{1, 1}, {2, 1}, {7, 3}, {7, 7}, {1000, 128}, {4097, 64}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const int64_t images = cases[k][0], batch = cases[k][1], batches = images / batch;
        pwf_order *o = make(images, batch, 3);
        for (int64_t pass = 0; pass < 4; pass++) {
            char *seen = calloc((size_t)images, 1);
            assert_non_null(seen);
            for (int64_t b = 0; b < batches; b++) {
                pwf_order_seek(o, pass * batches + b);
                assert_int_equal(pwf_order_pass(o), pass);
                for (int64_t i = 0; i < batch; i++) {
                    const int64_t image = pwf_order_image(o, i);
                    assert_true(image >= 0 && image < images);
                    assert_int_equal(seen[image]++, 0);
                }
            }
            free(seen);
        }
        pwf_order_free(o);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

static void seeking_is_a_pure_function(void **state)
{
    (void)state;
    pwf_order *a = make(500, 50, 11), *b = make(500, 50, 11), *c = make(500, 50, 12);
    int same_pass = 0, same_seed = 0;
    for (int64_t n = 29; n >= 0; n--) {
        pwf_order_seek(a, n);
        pwf_order_seek(b, (n * 7) % 30);
        pwf_order_seek(b, n);
        pwf_order_seek(c, n);
        for (int64_t i = 0; i < 50; i++) {
            const int64_t image = pwf_order_image(a, i);
            assert_int_equal(image, pwf_order_image(b, i));
            same_seed += image == pwf_order_image(c, i);
            pwf_order_seek(b, n + 10); /* the next pass has another order */
            same_pass += image == pwf_order_image(b, i);
            pwf_order_seek(b, n);
        }
    }
    assert_true(same_seed < 20 && same_pass < 20);
    pwf_order_free(a);
    pwf_order_free(b);
    pwf_order_free(c);
}

/* All 24 orders of four images are equally likely: chi-squared test, 23 degrees of freedom. */
static void orders_are_uniform(void **state)
{
    (void)state;
    enum { PASSES = 48000 };
    int seen[256] = {0};
    pwf_order *o = make(4, 4, 5);
    for (int pass = 0; pass < PASSES; pass++) {
        pwf_order_seek(o, pass);
        int key = 0;
        for (int i = 0; i < 4; i++)
            key = 4 * key + (int)pwf_order_image(o, i);
        seen[key]++;
    }
    pwf_order_free(o);
    int kinds = 0;
    double chi = 0;
    for (int i = 0; i < 256; i++) {
        kinds += seen[i] > 0;
        if (seen[i] > 0) chi += (seen[i] - PASSES / 24.0) * (seen[i] - PASSES / 24.0);
    }
    assert_int_equal(kinds, 24);
    assert_true(chi / (PASSES / 24.0) < 49.7); /* 99.9 % */
}

static void too_large_a_batch(void **state)
{
    (void)state;
    pwf_order *o = NULL;
    const pwf_status s = pwf_order_new(100, 128, 1, &o);
    assert_int_equal(s.code, PWF_CONFIG);
    assert_non_null(strstr(s.text, "train.batch is 128, but there are only 100 training images"));
    assert_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pass_shows_an_image_once),
        cmocka_unit_test(seeking_is_a_pure_function),
        cmocka_unit_test(orders_are_uniform),
        cmocka_unit_test(too_large_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
