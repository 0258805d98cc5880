/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to save or stop: signals, their order, the time limit, and a second urgent signal, which
 * ends the process. The clock is virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/virtual_clock.h"
#include "pwf/core/clock.h"
#include "pwf/core/request.h"

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Requests to stop stay for the life of a process, so each case is a process of its own: how it
 * ends (a code, or 128 + a signal) is the result. */
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

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Sent to the process, as from outside; the listening thread receives it. */
static void send(int number)
{
    must(kill(getpid(), number) == 0);
    sleep_ms(20);
}

/* Waits up to ten seconds. */
static void becomes(pwf_request request)
{
    for (int i = 0; i < 1000 && pwf_request_now() != request; i++)
        sleep_ms(10);
    must(pwf_request_now() == request);
}

static void listen(void)
{
    must(pwf_request_listen().code == PWF_OK);
}

static void levels(void)
{
    listen();
    must(pwf_request_now() == PWF_REQUEST_NONE);
    send(SIGUSR2);
    becomes(PWF_REQUEST_SAVE);
    pwf_request_saved();
    must(pwf_request_now() == PWF_REQUEST_NONE);
    send(SIGUSR1);
    becomes(PWF_REQUEST_USR1);
    send(SIGUSR2);
    pwf_request_saved();
    must(pwf_request_now() == PWF_REQUEST_USR1);
    send(SIGTERM);
    send(SIGUSR1);
    becomes(PWF_REQUEST_TERMINATE);
    must(strcmp(pwf_request_reason(pwf_request_now()), "on SIGTERM") == 0);
    must(strcmp(pwf_request_word(pwf_request_now()), "term") == 0);
    must(strcmp(pwf_request_word(PWF_REQUEST_FILE), "stop_file") == 0);
    must(strcmp(pwf_request_word(PWF_REQUEST_NONE), "none") == 0);
}

static void many_at_once(void)
{
    listen();
    for (int i = 0; i < 1000; i++) {
        kill(getpid(), SIGTERM);
        kill(getpid(), SIGINT);
    }
    becomes(PWF_REQUEST_TERMINATE);
}

static void long_after(void)
{
    listen();
    send(SIGTERM);
    becomes(PWF_REQUEST_TERMINATE);
    virtual_advance(1.1);
    send(SIGUSR1);
    must(pwf_request_now() == PWF_REQUEST_TERMINATE);
    send(SIGINT);
    sleep_ms(10000);
    _exit(2);
}

static void ignored(void)
{
    signal(SIGHUP, SIG_IGN);
    listen();
    send(SIGHUP);
    must(pwf_request_now() == PWF_REQUEST_NONE);
    pwf_request_ignore();
    send(SIGHUP);
}

static void not_wanted(void)
{
    listen();
    send(SIGTERM);
    becomes(PWF_REQUEST_TERMINATE);
    pwf_request_ignore();
    _exit(2);
}

static pthread_t computes;
static atomic_int interrupted;

static void look(int number)
{
    (void)number;
    if (pthread_equal(pthread_self(), computes)) atomic_fetch_add(&interrupted, 1);
}

/* Signals to the process never interrupt the thread that called listen, nor one it started. */
static void *compute(void *argument)
{
    (void)argument;
    computes = pthread_self();
    for (int i = 0; i < 200; i++)
        kill(getpid(), SIGUSR1);
    return NULL;
}

static void left_alone(void)
{
    pthread_t thread;
    listen();
    /* Replaces the handler: the mask is under test. */
    must(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = look}, NULL) == 0);
    compute(NULL);
    must(pthread_create(&thread, NULL, compute, NULL) == 0);
    must(pthread_join(thread, NULL) == 0);
    must(atomic_load(&interrupted) == 0);
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
    assert_int_equal(outcome(left_alone), 0);
    assert_int_equal(outcome(time_is_up), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(processes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
