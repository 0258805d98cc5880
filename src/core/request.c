/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to save or stop a job: receives signals, checks the time limit and names all requests
 * (train adds stop_after and the stop file). Signals are received in a thread of their own; the
 * training loop polls pwf_request_now between steps. State: atomics that the signal handler sets.
 */
#include "pwf/core/request.h"

#include "pwf/core/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* mpirun and srun may both forward one request, so signals within this time count as one. */
static const long long PATIENCE = 1000000000; /* ns */

static atomic_int stop;         /* the largest request to stop */
static atomic_bool save;        /* SIGUSR2 has arrived */
static atomic_llong urged;      /* time of the first SIGTERM, SIGINT or SIGHUP in ns; 0: none */
static _Atomic double deadline; /* on pwf_clock_seconds; 0: none */
static sigset_t ours;           /* the signals that are handled */

/* Every request with its signal, or 0, and its names for people and programs. */
static const struct {
    pwf_request request;
    int number; /* of the signal; 0: none */
    const char *reason, *word;
} requests[] = {
    {PWF_REQUEST_NONE, 0, "without a request", "none"},
    {PWF_REQUEST_SAVE, SIGUSR2, "on SIGUSR2", "usr2"},
    {PWF_REQUEST_STEPS, 0, "because of checkpoint.stop_after", "stop_after"},
    {PWF_REQUEST_TIME, 0, "because of checkpoint.max_time", "max_time"},
    {PWF_REQUEST_FILE, 0, "because of the file `stop` in the run directory", "stop_file"},
    {PWF_REQUEST_USR1, SIGUSR1, "on SIGUSR1", "usr1"},
    {PWF_REQUEST_HANGUP, SIGHUP, "on SIGHUP", "hup"},
    {PWF_REQUEST_INTERRUPT, SIGINT, "on SIGINT", "int"},
    {PWF_REQUEST_TERMINATE, SIGTERM, "on SIGTERM", "term"},
};
enum { REQUESTS = sizeof requests / sizeof requests[0] };

/* stop = max(stop, request), atomically. */
static void raise_stop(pwf_request request)
{
    int before = atomic_load(&stop);
    while (before < (int)request && !atomic_compare_exchange_weak(&stop, &before, (int)request)) {
    }
}

/* Whether an urgent signal arrived more than PATIENCE ago; records the first one. */
static bool is_impatient(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long ns = (long long)now.tv_sec * 1000000000 + now.tv_nsec;
    long long first = 0;
    return !atomic_compare_exchange_strong(&urged, &first, ns) && ns - first > PATIENCE;
}

/* The signal handler: only lock-free atomics and async-signal-safe functions. */
static void note(int number)
{
    const int error = errno;
    if (number == SIGUSR2) {
        atomic_store(&save, true);
    } else if (number != SIGUSR1 && is_impatient()) {
        signal(number, SIG_DFL);
        raise(number); /* takes effect when this handler returns */
    } else {
        for (int i = 0; i < REQUESTS; i++)
            if (requests[i].number == number) raise_stop(requests[i].request);
    }
    errno = error;
}

/* The only thread that does not block the signals. */
static _Noreturn void *listen_main(void *argument)
{
    (void)argument;
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    for (;;)
        pause();
}

pwf_status pwf_request_listen(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART}, before;
    pthread_t thread;
    sigemptyset(&action.sa_mask);
    sigemptyset(&ours);
    for (int i = 0; i < REQUESTS; i++) {
        const int number = requests[i].number;
        if (number == 0) continue;
        sigaction(number, NULL, &before);
        if (number != SIGUSR1 && number != SIGUSR2 && before.sa_handler == SIG_IGN) continue;
        sigaddset(&ours, number);
        sigaction(number, &action, NULL);
    }
    /* The new thread inherits an open mask; the caller then blocks the signals, so that the kernel
     * can deliver them to that thread only. */
    const int e = pthread_create(&thread, NULL, listen_main, NULL);
    PWF_FAIL_IF(e != 0, PWF_RESOURCE, "cannot start the thread that handles signals: %s",
                strerror(e));
    pthread_detach(thread);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
    return pwf_ok();
}

void pwf_request_ignore(void)
{
    /* The largest request decides which signal is raised again below. */
    const pwf_request request = pwf_request_now();
    for (int i = 0; i < REQUESTS; i++)
        if (requests[i].number != 0 && sigismember(&ours, requests[i].number))
            signal(requests[i].number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    for (int i = 0; i < REQUESTS; i++)
        if (requests[i].request == request && requests[i].number != 0) raise(requests[i].number);
}

void pwf_request_set_deadline(double seconds)
{
    atomic_store(&deadline, seconds);
}

pwf_request pwf_request_now(void)
{
    /* A request to stop outranks the deadline, which outranks a request to save. */
    const int request = atomic_load(&stop);
    if (request != PWF_REQUEST_NONE) return (pwf_request)request;
    const double end = atomic_load(&deadline);
    if (end > 0.0 && pwf_clock_seconds() >= end) return PWF_REQUEST_TIME;
    return atomic_load(&save) ? PWF_REQUEST_SAVE : PWF_REQUEST_NONE;
}

void pwf_request_saved(void)
{
    atomic_store(&save, false);
}

/* Index of a request in the table; 0 (no request) if it is unknown. */
static int find(pwf_request request)
{
    int i = REQUESTS - 1;
    while (i > 0 && requests[i].request != request)
        i--;
    return i;
}

const char *pwf_request_reason(pwf_request request)
{
    return requests[find(request)].reason;
}

const char *pwf_request_word(pwf_request request)
{
    return requests[find(request)].word;
}
