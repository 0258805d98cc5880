/* SPDX-License-Identifier: BSD-3-Clause */
/* When a checkpoint is due, which one is the newest, and what happens when none can be written;
 * with a small trainer (fixture.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pwf_trainer *t;

static int make(void **state)
{
    (void)state;
    pwf_mesh_barrier(mesh); /* all ranks have looked at the files of the test before */
    if (rank_here() == 0 && system("rm -rf saver && mkdir saver") != 0) return 1;
    pwf_mesh_barrier(mesh);
    good(pwf_trainer_new(mesh, &config, &t));
    good(pwf_saver_start(&t->saver));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    pwf_trainer_free(t);
    return 0;
}

static void test_due(void **state)
{
    (void)state;
    pwf_saver *s = &t->saver;
    s->ended = 1000.0;
    assert_false(pwf_saver_is_due(s, 1e9)); /* neither minutes nor failure_hours */
    set("checkpoint.minutes=2");
    assert_false(pwf_saver_is_due(s, 1119.0));
    assert_true(pwf_saver_is_due(s, 1121.0));
    set("checkpoint.minutes=0");
    set("checkpoint.failure_hours=2");
    const double young = sqrt(2.0 * 3600.0 * 2.0); /* before the first one, which costs a second */
    assert_false(pwf_saver_is_due(s, 1000.0 + young - 1.0));
    assert_true(pwf_saver_is_due(s, 1000.0 + young + 1.0));
    s->lost_seconds = 4.0;
    assert_false(pwf_saver_is_due(s, 1000.0 + 2.0 * young - 1.0));
    assert_true(pwf_saver_is_due(s, 1000.0 + 2.0 * young + 1.0));
    s->saving.concurrent = true; /* at most half of the time */
    s->whole_seconds = 500.0;
    assert_false(pwf_saver_is_due(s, 1499.0));
    assert_true(pwf_saver_is_due(s, 1501.0));
    set("checkpoint.failure_hours=0");
}

static void expect_newest(const char *path)
{
    struct stat info;
    assert_string_equal(t->saver.newest, path);
    assert_int_equal(stat(path, &info), 0);
}

static void test_newest(void **state)
{
    (void)state;
    t->guard.rollbacks = 1;
    t->now.facts.position.step = 3;
    good(pwf_saver_save_once(&t->saver));
    good(pwf_saver_settle(&t->saver));
    expect_newest("saver/ckpt-0000000003.h5");
    assert_int_equal(t->guard.rollbacks, 0);
    pwf_mesh_barrier(mesh);
    if (rank_here() == 0) unlink("saver/ckpt-0000000003.h5");
    pwf_mesh_barrier(mesh);
    good(pwf_saver_save_once(&t->saver)); /* of this position there is one */
    assert_int_not_equal(access("saver/ckpt-0000000003.h5", F_OK), 0);
    /* while steps are skipped, a checkpoint does not end a series of rollbacks */
    t->guard.rollbacks = t->guard.skipped = 1;
    t->now.facts.position.step = 4;
    t->now.facts.position.round = 2;
    good(pwf_saver_save(&t->saver, true));
    pwf_saver_count_step(&t->saver, 0.5);
    good(pwf_saver_settle(&t->saver));
    expect_newest("saver/ckpt-0000000004.h5");
    assert_int_equal(access("saver/round-02.h5", F_OK), 0);
    assert_int_equal(t->guard.rollbacks, 1);
    assert_int_equal(t->saver.saving.steps, t->saver.background ? 1 : 0);
    t->guard.skipped = 0;
}

static void test_failures(void **state)
{
    (void)state;
    pwf_mesh_barrier(mesh);
    if (rank_here() == 0) assert_int_equal(system("rm -rf saver"), 0);
    pwf_mesh_barrier(mesh);
    for (int i = 1; i <= 3; i++) {
        t->now.facts.position.step++;
        pwf_status s = pwf_saver_save(&t->saver, false);
        if (s.code == PWF_OK) s = pwf_saver_settle(&t->saver);
        assert_int_equal(s.code, i < 3 ? PWF_OK : PWF_IO);
        assert_int_equal(t->saver.failures, i);
        assert_false(t->saver.has_newest);
    }
    /* a state that is not finite is never saved, and that is no failure of the disk */
    t->now.state->mu[0] = NAN;
    assert_int_equal(pwf_saver_save(&t->saver, false).code, PWF_NUMBERS);
    assert_int_equal(t->saver.failures, 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_due, make, drop),
        cmocka_unit_test_setup_teardown(test_newest, make, drop),
        cmocka_unit_test_setup_teardown(test_failures, make, drop),
    };
    begin(&argc, &argv);
    set("output=saver");
    int failed = cmocka_run_group_tests_name("at once", tests, NULL, NULL);
    set("checkpoint.async=true");
    failed += cmocka_run_group_tests_name("concurrent", tests, NULL, NULL);
    end();
    return failed;
}
