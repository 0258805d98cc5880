/* SPDX-License-Identifier: BSD-3-Clause */
/* The watchdog: which silence ends a process, which does not, and what the message names. Each case
 * is a child process with a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/virtual_clock.h"
#include "pwf/core/log.h"
#include "pwf/core/watch.h"

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[4096];

static void begin(double limit)
{
    pwf_log_set_rank(3);
    pwf_log_at("step", 12);
    if (pwf_watch_start().code != PWF_OK) _exit(1);
    pwf_watch_limit("watchdog.step", limit);
}

/* A watched process ends by the watchdog or by itself, so each case is a process of its own; how it
 * ends is the result; its output goes to `said`. */
static int outcome(void (*work)(void))
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        work();
        pwf_watch_stop();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], said + used, sizeof said - 1 - used)) > 0;
         used += (size_t)n) {
    }
    said[used] = '\0';
    close(ends[0]);
    assert_true(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void hangs(void)
{
    begin(0.2);
    virtual_hang();
}

static void waits(void)
{
    begin(0.2);
    pwf_watch_wait("gather");
    virtual_hang();
}

static void test_silence_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(outcome(hangs), PWF_STUCK);
    assert_non_null(strstr(said, ", phase step, step 12: no progress"));
    assert_non_null(strstr(said, "rank 3 on "));
    assert_non_null(strstr(said, "watchdog.step"));
    assert_int_equal(outcome(waits), PWF_STUCK);
    assert_non_null(strstr(said, "in gather for other ranks; the limit"));
}

static void beside(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0) _exit(1);
}

static void *falls_silent(void *unused)
{
    pwf_watch_beside("writes", "watchdog.checkpoint", 0.3);
    virtual_hang();
    return unused;
}

/* The limit of the rest of the process stays in force. */
static void hangs_beside(void)
{
    begin(2.0);
    beside(falls_silent);
    for (;;) {
        virtual_sleep(0.05);
        pwf_watch_beat();
        pwf_watch_met();
    }
}

static void *goes_on(void *unused)
{
    pwf_watch_beside("writes", "watchdog.checkpoint", 2.0);
    for (;;) {
        virtual_sleep(0.05);
        pwf_watch_beat();
    }
    return unused;
}

static void hangs_with_a_thread_beside(void)
{
    begin(0.3);
    beside(goes_on);
    virtual_hang();
}

static void test_a_thread_beside_is_watched_too(void **state)
{
    (void)state;
    assert_int_equal(outcome(hangs_beside), PWF_STUCK);
    assert_non_null(strstr(said, "step 12: the thread that writes made no progress"));
    assert_non_null(strstr(said, "the limit is watchdog.checkpoint"));
    assert_int_equal(outcome(hangs_with_a_thread_beside), PWF_STUCK);
    assert_non_null(strstr(said, "no progress"));
    assert_non_null(strstr(said, "the limit is watchdog.step"));
}

static pid_t stopped;

static void waits_for_stopped(void)
{
    const pid_t pids[3] = {0, getpid(), stopped};
    if (pwf_watch_peers(pids, 3).code != PWF_OK) _exit(1);
    waits();
}

static void test_names_a_stopped_process(void **state)
{
    (void)state;
    int status = 0;
    stopped = fork();
    assert_true(stopped >= 0);
    if (stopped == 0)
        for (;;)
            pause();
    kill(stopped, SIGSTOP);
    waitpid(stopped, &status, WUNTRACED);
    assert_true(WIFSTOPPED(status));
    const int code = outcome(waits_for_stopped);
    kill(stopped, SIGKILL);
    waitpid(stopped, &status, 0);
    assert_int_equal(code, PWF_STUCK);
    assert_non_null(strstr(said, "rank 2 (process "));
}

/* Much longer than the limit, but never silent for as long; each kind of progress in turn. */
static void lives(void)
{
    begin(2.0);
    for (int i = 0; i < 30; i++) {
        if (i % 3 == 0) pwf_watch_beat();
        if (i % 3 == 1) pwf_watch_limit("watchdog.step", 2.0);
        if (i % 3 == 2) pwf_watch_met();
        virtual_sleep(0.1);
    }
}

/* Background work that progresses, piece by piece and within one, and ends. */
static void *comes_to_an_end(void *unused)
{
    for (int i = 0; i < 10; i++) {
        pwf_watch_beside("writes", "watchdog.checkpoint", 1.0);
        virtual_sleep(0.1);
    }
    for (int i = 0; i < 20; i++) {
        pwf_watch_beat();
        virtual_sleep(0.1);
    }
    pwf_watch_beside("writes", "watchdog.checkpoint", 0.0);
    virtual_leave();
    return unused;
}

static void lives_beside(void)
{
    begin(0.0);
    beside(comes_to_an_end);
    virtual_sleep(4.5);
}

static void is_off(void)
{
    begin(0.2);
    pwf_watch_limit("watchdog.step", 0.0);
    virtual_sleep(1.0);
}

/* Work of two seconds, in which others may be twenty times slower: the limit does not count. */
static void waits_for_slower(void)
{
    begin(2.0);
    for (int i = 0; i < 4; i++) {
        virtual_sleep(0.5);
        pwf_watch_beat();
    }
    pwf_watch_wait("reduction");
    virtual_sleep(3.0);
    pwf_watch_met();
}

static void test_life_does_not(void **state)
{
    (void)state;
    assert_int_equal(outcome(lives), 0);
    assert_int_equal(outcome(lives_beside), 0);
    assert_int_equal(outcome(is_off), 0);
    assert_int_equal(outcome(waits_for_slower), 0);
    assert_string_equal(said, "");
}

/* A process that was stopped as a whole has not hung: its watching thread sleeps longer than asked.
 */
static void stands_still(void)
{
    begin(1.5);
    virtual_sleep(1.1);
    pwf_watch_beat();
    virtual_sleep(0.4);
    virtual_oversleep(60.0);
    virtual_sleep(60.6);
    pwf_watch_beat();
    virtual_sleep(1.0);
}

static void test_time_of_a_stopped_process_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(outcome(stands_still), 0);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_ends_the_process),
        cmocka_unit_test(test_a_thread_beside_is_watched_too),
        cmocka_unit_test(test_names_a_stopped_process),
        cmocka_unit_test(test_life_does_not),
        cmocka_unit_test(test_time_of_a_stopped_process_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
