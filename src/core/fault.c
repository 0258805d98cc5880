/* SPDX-License-Identifier: BSD-3-Clause */
/* Fault injection for tests: named points that fail, hang, deliver signals or corrupt values on
 * request of PWF_TEST_FAULT. Called through the macros of fault.h, which are empty without
 * PWF_FAULTS. State: the one armed fault, guarded by a mutex. */
#include "pwf/core/fault.h"

#include "pwf/core/request.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The armed fault: "point:rank:count:action[:number]". */
static struct {
    bool read;  /* PWF_TEST_FAULT or pwf_fault_arm has been parsed */
    bool armed; /* for this rank */
    bool all;   /* point "*" */
    char point[64], action[16];
    int rank, count;  /* count: visits left until the action */
    long long number; /* argument of the action */
} fault;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards `fault` */

/* The rank from the variables of the launcher, so that points before MPI_Init can be armed. */
static int launched_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = getenv(names[i]);
        if (text) return atoi(text);
    }
    return 0;
}

/* Parses a fault; NULL or "" disarms. The lock is held. */
static void arm(const char *text)
{
    memset(&fault, 0, sizeof fault);
    fault.read = true;
    if (!text || !*text) return;
    if (sscanf(text, "%63[^:]:%d:%d:%15[^:]:%lld", fault.point, &fault.rank, &fault.count,
               fault.action, &fault.number) < 4) {
        fprintf(stderr, "PWF_TEST_FAULT = %s: must be point:rank:count:action[:number]\n", text);
        _exit(PWF_USAGE);
    }
    fault.all = strcmp(fault.point, "*") == 0;
    fault.armed = fault.rank == launched_rank();
}

void pwf_fault_arm(const char *text)
{
    pthread_mutex_lock(&lock);
    arm(text);
    pthread_mutex_unlock(&lock);
}

/* Whether the armed fault is at this point; counts no visit. The lock is held. */
static bool is_armed(const char *name)
{
    if (!fault.read) arm(getenv("PWF_TEST_FAULT"));
    return fault.armed && (fault.all || strcmp(name, fault.point) == 0);
}

bool pwf_fault_value(const char *name, const char *action)
{
    const size_t length = strlen(action);
    bool strikes = false;
    pthread_mutex_lock(&lock);
    if (is_armed(name) && !fault.all && strncmp(fault.action, action, length) == 0) {
        /* "nan8" strikes on eight visits in a row. */
        const int times = fault.action[length] ? atoi(fault.action + length) : 1;
        strikes = --fault.count <= 0 && fault.count > -times;
    }
    if (strikes) fprintf(stderr, "fault %s at %s\n", fault.action, name);
    pthread_mutex_unlock(&lock);
    return strikes;
}

/* Counts a visit and returns the action to perform now, or "". The action runs without the lock,
 * because other threads continue. */
static void find_action(const char *name, char action[16])
{
    action[0] = '\0';
    pthread_mutex_lock(&lock);
    if (is_armed(name)) {
        const bool repeats = strcmp(fault.action, "eio") == 0 && fault.number > 0;
        if (strcmp(fault.action, "list") == 0)
            fprintf(stderr, "fault point %s\n", name);
        else if (--fault.count <= 0 && fault.count > (repeats ? -fault.number : -1))
            memcpy(action, fault.action, sizeof fault.action);
    }
    pthread_mutex_unlock(&lock);
}

/* Corrupts the value with index fault.number, or flips the bit with that index over all values;
 * both modulo their count. */
static void spoil(pwf_fault_kind kind, void *values, int64_t count, double value, bool flips)
{
    const int64_t size = kind == PWF_FAULT_F32 || kind == PWF_FAULT_I32 ? 4 : 8;
    const int64_t number = (int64_t)fault.number;
    if (flips) {
        const int64_t bit = number % (8 * size * count);
        ((uint8_t *)values)[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    } else if (kind == PWF_FAULT_F32) {
        ((float *)values)[number % count] = (float)value;
    } else if (kind == PWF_FAULT_F64) {
        ((double *)values)[number % count] = value;
    }
}

void pwf_fault_spoil(const char *name, pwf_fault_kind kind, void *values, int64_t count)
{
    static const struct {
        const char *action;
        double value;
    } ways[] = {{"nan", (double)NAN}, {"inf", (double)INFINITY}, {"huge", 1e38}, {"tiny", 1e-42}};
    if (count <= 0) return;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (pwf_fault_value(name, ways[i].action)) spoil(kind, values, count, ways[i].value, false);
    if (pwf_fault_value(name, "flip")) spoil(kind, values, count, 0.0, true);
}

/* Waits until a new request arrives, for at most `seconds`. */
static void wait_for_request(pwf_request before, long long seconds)
{
    for (long long i = 0; i < 100 * seconds && pwf_request_now() == before; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

pwf_status pwf_fault_point(const char *name)
{
    static const struct {
        const char *action;
        int number;
    } signals[] = {{"usr1", SIGUSR1}, {"usr2", SIGUSR2}, {"term", SIGTERM}};
    char action[16];
    const pwf_request before = pwf_request_now();
    find_action(name, action);
    if (!action[0]) return pwf_ok();
    fprintf(stderr, "fault %s at %s\n", action, name);
    if (strcmp(action, "kill") == 0) raise(SIGKILL);
    if (strcmp(action, "stop") == 0) raise(SIGSTOP);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (strcmp(action, signals[i].action) != 0) continue;
        kill(getpid(), signals[i].number); /* delivered to the listening thread */
        wait_for_request(before, 10);
    }
    if (strcmp(action, "exit") == 0) _exit(PWF_BUG);
    /* Signals must not end the hang. */
    while (strcmp(action, "hang") == 0)
        pause();
    if (strcmp(action, "delay") == 0) wait_for_request(before, fault.number > 0 ? fault.number : 2);
    PWF_FAIL_IF(strcmp(action, "eio") == 0, PWF_IO, "injected fault at %s", name);
    return pwf_ok();
}
