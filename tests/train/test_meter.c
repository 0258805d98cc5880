/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates, shares, slow ranks and progress, computed from given times rather than from a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meter.h"

static pwf_mesh *mesh;

static void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void step(pwf_meter *m, double seconds, double communication)
{
    pwf_meter_count_step(m);
    pwf_meter_add_step(m, seconds, communication, 0.5);
}

static void test_rate(void **state)
{
    (void)state;
    pwf_meter m = {.batch_images = 16};
    step(&m, 100.0, 0.0); /* creates the executors */
    assert_true(m.step_seconds == 0.0);
    step(&m, 2.0, 0.0);
    assert_true(m.step_seconds == 2.0);
    step(&m, 4.0, 0.0);
    assert_true(m.step_seconds == 2.0 + 0.05 * 2.0);
    pwf_meter_count_step(&m); /* a skipped step has no time */
    assert_true(m.step_seconds == 2.0 + 0.05 * 2.0);
    assert_int_equal(m.steps, 4);
    assert_true(m.units_done == 4.0 && m.loss == 0.5);
}

static void test_shares(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), ranks = pwf_mesh_size(mesh, PWF_WORLD);
    pwf_meter m = {.batch_images = 16};
    step(&m, 3.0, 0.25 * rank);
    step(&m, 5.0, 0.25 * rank);
    /* two threads, so 16 thread-seconds, of which the last rank waited most */
    pwf_shares s = pwf_meter_take_shares(&m, mesh, 2, 4.0 * (rank + 1));
    assert_true(s.images == 0.25 * ranks);
    assert_true(s.communication == 0.5 * (ranks - 1) / 8.0);
    /* only what came since counts */
    step(&m, 1.0, 0.0);
    s = pwf_meter_take_shares(&m, mesh, 2, 4.0 * (rank + 1) + 1.0);
    assert_true(s.images == 0.5 && s.communication == 0.0);
    /* after skipped steps alone: nothing, and no NaN */
    s = pwf_meter_take_shares(&m, mesh, 2, 4.0 * (rank + 1) + 1.0);
    assert_true(s.images == 0.0 && s.communication == 0.0);
}

/* The last of three ranks or more is twice as slow as the others. */
static void test_slow_rank(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const bool slow = ranks > 2 && rank == ranks - 1;
    pwf_meter m = {.batch_images = 16};
    for (int i = 1; i <= 4; i++) {
        m.slot_seconds = slow ? 2.0 : 1.0;
        pwf_meter_compare_ranks(&m, mesh);
        assert_int_equal(m.slow, slow ? i : 0);
        assert_true(m.slot_seconds == 0.0);
    }
    m.slot_seconds = 1.0;
    pwf_meter_compare_ranks(&m, mesh);
    assert_int_equal(m.slow, 0);
}

static void test_progress(void **state)
{
    (void)state;
    pwf_meter m = {.batch_images = 16};
    pwf_meter_show(&m, "train 1/2", 1, 2, true); /* without a report: nothing */
    pwf_meter_show_work(&m, "evaluation", 1, 2, 2.5);
    assert_true(m.units_done == 2.5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_slow_rank),
        cmocka_unit_test(test_progress),
    };
    good(pwf_mesh_start(&argc, &argv));
    good(pwf_mesh_new(1, &mesh));
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return failed;
}
