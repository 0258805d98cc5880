/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "pwf/core/clock.h"
#include "pwf/core/request.h"

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Requests to stop stay for the life of a process, so each case is a process of its own: how it
 * ends (a code, or 128 + a signal) is the answer. */
static int outcome(void (*work)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work();
        _exit(0);
    }
    int status = 0;
    assert_true(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void must(bool holds)
{
    if (!holds) _exit(1);
}

static void levels(void)
{
    pwf_request_listen();
    must(pwf_request_now() == PWF_REQUEST_NONE);
    raise(SIGUSR2);
    must(pwf_request_now() == PWF_REQUEST_SAVE);
    pwf_request_saved();
    must(pwf_request_now() == PWF_REQUEST_NONE);
    raise(SIGUSR1);
    must(pwf_request_now() == PWF_REQUEST_USR1);
    raise(SIGUSR2);
    pwf_request_saved();
    must(pwf_request_now() == PWF_REQUEST_USR1);
    raise(SIGTERM);
    raise(SIGUSR1);
    must(pwf_request_now() == PWF_REQUEST_TERMINATE);
    must(strcmp(pwf_request_reason(pwf_request_now()), "on SIGTERM") == 0);
    must(strcmp(pwf_request_word(pwf_request_now()), "term") == 0);
    must(strcmp(pwf_request_word(PWF_REQUEST_FILE), "stop_file") == 0);
    must(strcmp(pwf_request_word(PWF_REQUEST_NONE), "none") == 0);
}

static void many_at_once(void)
{
    pwf_request_listen();
    for (int i = 0; i < 1000; i++) {
        raise(SIGTERM);
        raise(SIGINT);
    }
    must(pwf_request_now() == PWF_REQUEST_TERMINATE);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void long_after(void)
{
    pwf_request_listen();
    raise(SIGTERM);
    sleep_ms(1100);
    raise(SIGUSR1);
    must(pwf_request_now() == PWF_REQUEST_TERMINATE);
    raise(SIGINT);
    _exit(2);
}

static void ignored(void)
{
    signal(SIGHUP, SIG_IGN);
    pwf_request_listen();
    raise(SIGHUP);
    must(pwf_request_now() == PWF_REQUEST_NONE);
    pwf_request_ignore();
    raise(SIGHUP);
}

static void not_wanted(void)
{
    pwf_request_listen();
    raise(SIGTERM);
    pwf_request_ignore();
    _exit(2);
}

static void time_is_up(void)
{
    pwf_request_set_deadline(pwf_clock_seconds() + 3600.0);
    must(pwf_request_now() == PWF_REQUEST_NONE);
    pwf_request_set_deadline(pwf_clock_seconds());
    must(pwf_request_now() == PWF_REQUEST_TIME);
    pwf_request_set_deadline(0.0);
    must(pwf_request_now() == PWF_REQUEST_NONE);
}

static void processes(void **state)
{
    (void)state;
    assert_int_equal(outcome(levels), 0);
    assert_int_equal(outcome(many_at_once), 0);
    assert_int_equal(outcome(long_after), 128 + SIGINT);
    assert_int_equal(outcome(ignored), 0);
    assert_int_equal(outcome(not_wanted), 128 + SIGTERM);
    assert_int_equal(outcome(time_is_up), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(processes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
