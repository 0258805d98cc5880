/* SPDX-License-Identifier: BSD-3-Clause */
/* The guard on one rank: numbers that are not finite, loss spikes, memory that changes between
 * steps, and replicas that differ. Each test spoils one value of a small trainer (fixture.h) and
 * expects the failure that names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#include <math.h>
#include <string.h>

static pwf_trainer *t;

static int make(void **state)
{
    (void)state;
    good(pwf_trainer_new(mesh, &config, &t));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    pwf_trainer_free(t);
    return 0;
}

static void test_state(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -0x1p64f};
    good(pwf_guard_check_state(&t->guard));
    for (int i = 0; i < 3; i++) {
        t->now.state->mu[3] = bad[i];
        assert_int_equal(pwf_guard_check_state(&t->guard).code, PWF_NUMBERS);
        t->now.state->mu[3] = 0x1p63f;
        good(pwf_guard_check_state(&t->guard));
        t->now.state->sigma[2] = bad[i];
        assert_int_equal(pwf_guard_check_state(&t->guard).code, PWF_NUMBERS);
        t->now.state->sigma[2] = 1.0f;
    }
}

static void test_step(void **state)
{
    (void)state;
    good(pwf_guard_check_step(&t->guard));
    t->batch.norm[0] = INFINITY;
    assert_int_equal(pwf_guard_check_step(&t->guard).code, PWF_NUMBERS);
    t->batch.norm[0] = 1.0;
    t->now.facts.losses.count = 30;
    for (int i = 0; i < 30; i++)
        t->now.facts.losses.value[i] = 1.0;
    t->batch.slot_loss[0] = 16.0 * 100.0; /* of a batch of 16: a mean of 100 */
    const pwf_status s = pwf_guard_check_step(&t->guard);
    assert_int_equal(s.code, PWF_NUMBERS);
    assert_non_null(strstr(s.text, "the loss jumped from 1 to 100"));
}

static void test_memory(void **state)
{
    (void)state;
    char before[33], after[33];
    pwf_guard_rest(&t->guard);
    good(pwf_guard_check_rest(&t->guard));
    good(pwf_guard_fingerprint(&t->guard, before));
    pwf_guard_disturb(&t->guard); /* the fingerprint is then computed from the state */
    good(pwf_guard_fingerprint(&t->guard, after));
    assert_string_equal(before, after);
    good(pwf_guard_check_rest(&t->guard));
    pwf_guard_rest(&t->guard);
    uint32_t word;
    memcpy(&word, &t->now.state->mu[5], sizeof word);
    word ^= 1u;
    memcpy(&t->now.state->mu[5], &word, sizeof word);
    assert_int_equal(t->guard.changed, 0);
    assert_int_equal(pwf_guard_check_rest(&t->guard).code, PWF_NUMBERS);
    assert_int_equal(t->guard.changed, 1);
    /* an announced change is not an error */
    pwf_guard_rest_block(&t->guard, 0);
    pwf_guard_mark_rest(&t->guard);
    good(pwf_guard_check_rest(&t->guard));
}

static void expect_differs(bool diverged)
{
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const pwf_status s = pwf_guard_compare(&t->guard);
    assert_int_equal(s.code, ranks == 1 ? PWF_OK : PWF_NUMBERS);
    assert_int_equal(t->guard.diverged, ranks > 1 && diverged);
    if (ranks > 1) assert_non_null(strstr(s.text, "rank 1 on "));
    t->guard.diverged = false;
}

/* Rank 1 differs from the others. */
static void test_ranks(void **state)
{
    (void)state;
    const bool odd = rank_here() == 1;
    good(pwf_guard_compare(&t->guard));
    t->now.facts.position.batches += odd;
    expect_differs(true);
    t->now.facts.position.batches -= odd;
    t->now.state->mu[7] += odd ? 1.0f : 0.0f;
    expect_differs(true);
    t->now.state->mu[7] -= odd ? 1.0f : 0.0f;
    t->batch.slot_loss[1] = odd ? 2.0 : 1.0;
    t->guard.received = false; /* not yet the same on all ranks */
    good(pwf_guard_compare(&t->guard));
    t->guard.received = true;
    expect_differs(false);
    t->guard.received = false;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_state, make, drop),
        cmocka_unit_test_setup_teardown(test_step, make, drop),
        cmocka_unit_test_setup_teardown(test_memory, make, drop),
        cmocka_unit_test_setup_teardown(test_ranks, make, drop),
    };
    begin(&argc, &argv);
    set("watchdog.memory=true");
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    end();
    return failed;
}
