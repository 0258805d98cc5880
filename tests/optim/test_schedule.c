/* SPDX-License-Identifier: BSD-3-Clause */
/* Learning-rate schedules: cosine against libm, the values of each kind at chosen steps, and
 * warm-up. */
#include "pwf/optim/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_cosine(void **state)
{
    (void)state;
    double worst = 0.0;
    for (int i = 0; i <= 100000; i++) {
        const double x = (double)i / 100000.0;
        worst = fmax(worst, fabs(pwf_schedule_cos_pi(x) - (double)cosl(acosl(-1.0L) * x)));
    }
    assert_true(worst <= 2.3e-16);
    assert_true(pwf_schedule_cos_pi(0.0) == 1.0 && pwf_schedule_cos_pi(1.0) == -1.0);
    assert_true(pwf_schedule_cos_pi(0.5) == 0.0);
}

static void test_kinds(void **state)
{
    (void)state;
    pwf_schedule s = {.lr = 0.5, .kind = PWF_SCHEDULE_CONSTANT, .step_every = 1};
    assert_true(pwf_schedule_lr(&s, 0, 10) == 0.5 && pwf_schedule_lr(&s, 9, 10) == 0.5);
    s.kind = PWF_SCHEDULE_LINEAR;
    assert_true(pwf_schedule_lr(&s, 0, 10) == 0.5 && pwf_schedule_lr(&s, 5, 10) == 0.25);
    s.kind = PWF_SCHEDULE_COSINE;
    assert_true(pwf_schedule_lr(&s, 0, 10) == 0.5 && pwf_schedule_lr(&s, 5, 10) == 0.25);
    for (int i = 1; i < 10; i++)
        assert_true(pwf_schedule_lr(&s, i, 10) < pwf_schedule_lr(&s, i - 1, 10));
    s.kind = PWF_SCHEDULE_STEP;
    s.step_every = 3;
    s.step_factor = 0.5;
    assert_true(pwf_schedule_lr(&s, 2, 10) == 0.5 && pwf_schedule_lr(&s, 3, 10) == 0.25);
    assert_true(pwf_schedule_lr(&s, 9, 10) == 0.0625);
    assert_true(pwf_schedule_lr(&s, INT64_C(1) << 40, INT64_C(1) << 41) ==
                0.0); /* in logarithmic time */
}

static void test_warmup(void **state)
{
    (void)state;
    pwf_schedule s = {.lr = 1.0, .kind = PWF_SCHEDULE_LINEAR, .warmup = 4, .step_every = 1};
    for (int i = 0; i < 4; i++)
        assert_true(pwf_schedule_lr(&s, i, 12) == (i + 1) / 5.0);
    assert_true(pwf_schedule_lr(&s, 4, 12) == 1.0 && pwf_schedule_lr(&s, 8, 12) == 0.5);
    s.warmup = 20; /* longer than the phase: the rate only rises */
    assert_true(pwf_schedule_lr(&s, 11, 12) == 12.0 / 21.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_warmup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
