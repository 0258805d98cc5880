/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/fault.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The armed fault: "point:rank:count:action". */
static struct {
    bool read, armed, all;
    char point[64], action[16];
    int rank, count;
} fault;

/* The launcher tells the rank before MPI does, so that points before MPI_Init can be armed too. */
static int launched_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = getenv(names[i]);
        if (text) return atoi(text);
    }
    return 0;
}

void pwf_fault_arm(const char *text)
{
    memset(&fault, 0, sizeof fault);
    fault.read = true;
    if (!text || !*text) return;
    if (sscanf(text, "%63[^:]:%d:%d:%15s", fault.point, &fault.rank, &fault.count, fault.action) !=
        4) {
        fprintf(stderr, "the test fault %s is not point:rank:count:action\n", text);
        _exit(PWF_USAGE);
    }
    fault.all = strcmp(fault.point, "*") == 0;
    fault.armed = fault.rank == launched_rank();
}

bool pwf_fault_value(const char *name, const char *action)
{
    const size_t length = strlen(action);
    if (!fault.read) pwf_fault_arm(getenv("PWF_TEST_FAULT"));
    if (!fault.armed || strcmp(name, fault.point) != 0) return false;
    if (strncmp(fault.action, action, length) != 0) return false;
    const int times = fault.action[length] ? atoi(fault.action + length) : 1;
    if (--fault.count > 0 || fault.count <= -times) return false;
    fprintf(stderr, "fault %s at %s\n", fault.action, name);
    return true;
}

pwf_status pwf_fault_point(const char *name)
{
    if (!fault.read) pwf_fault_arm(getenv("PWF_TEST_FAULT"));
    if (!fault.armed || (!fault.all && strcmp(name, fault.point) != 0)) return pwf_ok();
    if (strcmp(fault.action, "list") == 0) {
        fprintf(stderr, "fault point %s\n", name);
        return pwf_ok();
    }
    if (--fault.count != 0) return pwf_ok();
    fprintf(stderr, "fault %s at %s\n", fault.action, name);
    if (strcmp(fault.action, "kill") == 0) raise(SIGKILL);
    if (strcmp(fault.action, "stop") == 0) raise(SIGSTOP);
    if (strcmp(fault.action, "usr1") == 0) raise(SIGUSR1);
    if (strcmp(fault.action, "usr2") == 0) raise(SIGUSR2);
    if (strcmp(fault.action, "term") == 0) raise(SIGTERM);
    if (strcmp(fault.action, "exit") == 0) _exit(PWF_BUG);
    while (strcmp(fault.action, "hang") == 0)
        pause();
    if (strcmp(fault.action, "delay") == 0) nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    if (strcmp(fault.action, "eio") == 0)
        return PWF_FAIL(PWF_IO, "a test made the point %s fail", name);
    return pwf_ok();
}
