/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles SIGBUS: a page of mapped memory whose file cannot provide it. Installed once, after
 * MPI_Init, by mesh/init.c. The handler reads /proc/self/maps, logs a message and ends the
 * process with PWF_RESOURCE. */
#define _XOPEN_SOURCE 700 /* BUS_ADRERR */
#include "pwf/core/bus.h"

#include "pwf/core/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 512 };

/* The file name in a line of /proc/self/maps if its range contains `address`, otherwise NULL. */
static const char *file_in(const char *line, const void *address)
{
    unsigned long long begin = 0, end = 0;
    const unsigned long long at = (unsigned long long)(size_t)address;
    if (sscanf(line, "%llx-%llx", &begin, &end) != 2 || at < begin || at >= end) return NULL;
    return strchr(line, '/');
}

/* The file that is mapped at an address. Read byte by byte: a buffered reader could itself touch
 * the broken memory. */
static void find_file(const void *address, char name[LINE])
{
    char line[LINE];
    size_t used = 0;
    char c = '\0';
    strcpy(name, "mapped memory");
    const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    while (read(fd, &c, 1) == 1) {
        if (c != '\n') {
            if (used < sizeof line - 1) line[used++] = c;
            continue;
        }
        line[used] = '\0';
        used = 0;
        const char *file = file_in(line, address);
        if (!file) continue;
        snprintf(name, LINE, "%s", file);
        break;
    }
    close(fd);
}

/* The signal is synchronous, raised by a memory access of this thread and not inside the library
 * functions used here, so these are safe to call. */
static void end_process(int number, siginfo_t *info, void *context)
{
    char name[LINE], place[160];
    (void)context;
    if (info->si_code != BUS_ADRERR) { /* hardware error, or sent by kill */
        signal(number, SIG_DFL);
        raise(number); /* takes effect when this handler returns */
        return;
    }
    find_file(info->si_addr, name);
    pwf_log_place(place);
    pwf_log(PWF_LOG_ERROR, "RESOURCE",
            "%s: cannot access a page of %s: its file system is full, or the file was truncated%s",
            place, name,
            strncmp(name, "/dev/shm/", 9) == 0
                ? "; ranks of one host communicate through /dev/shm: free space there"
                : "");
    _exit(PWF_RESOURCE);
}

void pwf_bus_listen(void)
{
    struct sigaction action = {.sa_sigaction = end_process, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
