/* SPDX-License-Identifier: BSD-3-Clause */
/* Titles of phases, what the log and the watchdog are set to in each, and the schedule of a run:
 * steps and work of each phase. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "phase.h"
#include "plan.h"
#include "pwf/core/log.h"
#include "pwf/train/train.h"

#include <string.h>

/* The names of the phases, and the plan that follows from them. */

static void test_titles(void **state)
{
    (void)state;
    static const char *const titles[] = {"baseline",      "start",  "train 3/10", "fix 3/10",
                                         "evaluate 2/10", "finish", "done"};
    for (int64_t phase = 0; phase <= PWF_PHASE_DONE; phase++) {
        const pwf_position p = {.phase = phase, .round = 2};
        char title[PWF_PHASE_TITLE];
        pwf_phase_title(&p, 10, title);
        assert_string_equal(title, titles[phase]);
        const size_t length = strlen(pwf_phases[phase].name);
        assert_memory_equal(title, pwf_phases[phase].name, length);
        assert_int_equal(pwf_phases[phase].steps,
                         phase == PWF_PHASE_BASELINE || phase == PWF_PHASE_TRAIN);
        assert_string_not_equal(pwf_train_phase_text(phase), "unknown");
    }
    assert_string_equal(pwf_train_phase_text(-1), "unknown");
    assert_string_equal(pwf_train_phase_text(PWF_PHASE_DONE + 1), "unknown");
}

static void test_place(void **state)
{
    (void)state;
    static pwf_config config;
    char place[160];
    pwf_config_defaults(&config);
    pwf_phase_announce(&config, &(pwf_position){.phase = PWF_PHASE_FIX, .step = 12});
    pwf_log_place(place);
    assert_non_null(strstr(place, "phase fix, step 12"));
}

static void test_plan(void **state)
{
    (void)state;
    static pwf_config config;
    pwf_config_defaults(&config);
    const char *const settings[] = {"train.batch=10",         "train.baseline_epochs=2",
                                    "fixing.first_epochs=1",  "fixing.epochs=0.5",
                                    "fixing.fractions=0.5,1", "train.norm_batches=3",
                                    "eval.ensemble=none"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_int_equal(pwf_config_set(&config, settings[i]).code, PWF_OK);
    const pwf_plan plan = {&config, 100, 30};
    pwf_position p = {.phase = PWF_PHASE_BASELINE};
    assert_int_equal(pwf_plan_phase_steps(&plan, &p), 20);
    /* 20 + 10 + 5 steps, four evaluations of a unit each, three batches of statistics */
    assert_true(pwf_plan_units(&plan, &p) == 20 + 10 + 5 + 4 + 1);
    p = (pwf_position){.phase = PWF_PHASE_TRAIN, .round = 1, .phase_step = 2};
    assert_int_equal(pwf_plan_phase_steps(&plan, &p), 5);
    assert_true(pwf_plan_units(&plan, &p) == 3 + 2 + 1);
    p.phase = PWF_PHASE_FIX;
    assert_int_equal(pwf_plan_phase_steps(&plan, &p), 0);
    p = (pwf_position){.phase = PWF_PHASE_DONE};
    assert_true(pwf_plan_units(&plan, &p) == 0.0);
    assert_int_equal(pwf_plan_steps(&plan, 1e-9), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
