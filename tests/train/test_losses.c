/* SPDX-License-Identifier: BSD-3-Clause */
/* Detection of loss spikes in series of losses of known level and spread: a jump is found, healthy
 * fluctuations are not, and the history keeps the last 100 losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "guard.h"

#include <cmocka.h>

static const double FACTOR = 10.0;

/* `count` losses around `middle`, no further than `stray` from it. */
static pwf_losses around(double middle, double stray, int count)
{
    pwf_losses l = {0};
    for (int i = 0; i < count; i++)
        pwf_losses_add(&l, middle + stray * ((i * 7) % 11 - 5) / 5.0);
    return l;
}

static bool jumps(const pwf_losses *past, double loss)
{
    return pwf_losses_spike(past, loss, FACTOR, 10, 128);
}

static void test_a_jump(void **state)
{
    (void)state;
    const pwf_losses l = around(1.0, 0.2, 100);
    assert_false(jumps(&l, 1.3));
    assert_false(jumps(&l, 2.9)); /* no worse than guessing */
    assert_true(jumps(&l, 3.3));  /* more than twice, more than 8 deviations */
    assert_true(jumps(&l, 12.1));
    assert_true(jumps(&l, 1e38));
}

/* With widely scattered losses only the limit of ten times the largest applies. */
static void test_wild_losses(void **state)
{
    (void)state;
    const pwf_losses l = around(2.0, 1.9, 100);
    assert_false(jumps(&l, 12.0));
    assert_true(jumps(&l, 39.1));
}

static void test_what_is_no_jump(void **state)
{
    (void)state;
    const pwf_losses tiny = around(1e-6, 1e-7, 100), still = around(0.7, 0.0, 100);
    assert_false(jumps(&tiny, 1e-3)); /* a batch with one image that is hard */
    assert_false(jumps(&tiny, 2.3));
    assert_true(jumps(&tiny, 9.0));   /* worse than guessing */
    assert_false(jumps(&still, 1.3)); /* no deviation at all */
    assert_true(jumps(&still, 4.0));
    /* one image of a batch of one */
    assert_false(pwf_losses_spike(&tiny, 20.0, FACTOR, 10, 1));
    assert_true(pwf_losses_spike(&tiny, 40.0, FACTOR, 10, 1));
    /* guessing among many classes */
    assert_false(pwf_losses_spike(&tiny, 6.9, FACTOR, 1000, 128));
}

static void test_start_and_off(void **state)
{
    (void)state;
    const pwf_losses early = around(2.3, 0.1, 19), soon = around(2.3, 0.1, 20);
    const pwf_losses none = {0};
    assert_false(jumps(&none, 1e30));
    assert_false(jumps(&early, 1e30));
    assert_true(jumps(&soon, 1e30));
    assert_false(pwf_losses_spike(&soon, 1e30, 0.0, 10, 128));
    assert_true(
        pwf_losses_spike(&soon, 4.6, 1.5, 10, 128)); /* a factor below two counts there too */
}

static void test_the_last_hundred(void **state)
{
    (void)state;
    pwf_losses l = {0};
    for (int i = 0; i < 250; i++)
        pwf_losses_add(&l, (double)i);
    assert_int_equal(l.count, PWF_LOSSES_MAX);
    for (int i = 0; i < PWF_LOSSES_MAX; i++)
        assert_true(l.value[i] == 150.0 + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_jump),           cmocka_unit_test(test_wild_losses),
        cmocka_unit_test(test_what_is_no_jump),  cmocka_unit_test(test_start_and_off),
        cmocka_unit_test(test_the_last_hundred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
