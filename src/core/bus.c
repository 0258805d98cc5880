/* SPDX-License-Identifier: BSD-3-Clause */
#define _XOPEN_SOURCE 700 /* BUS_ADRERR */
#include "pwf/core/bus.h"

#include "pwf/core/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 512 };

/* If this line of /proc/self/maps is the one of the address: the name of its file. */
static const char *file_in(const char *line, const void *address)
{
    unsigned long long begin = 0, end = 0;
    const unsigned long long at = (unsigned long long)(size_t)address;
    if (sscanf(line, "%llx-%llx", &begin, &end) != 2 || at < begin || at >= end) return NULL;
    return strchr(line, '/');
}

/* The file that is mapped at an address. The kernel's own table, since any other may be what is
 * broken. */
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

/* The signal comes from an access of this thread, not from inside the library functions used here.
 */
static void end_process(int number, siginfo_t *info, void *context)
{
    char name[LINE], place[160];
    (void)context;
    if (info->si_code != BUS_ADRERR) { /* broken hardware, or somebody's kill */
        signal(number, SIG_DFL);
        raise(number); /* takes effect when this handler returns */
        return;
    }
    find_file(info->si_addr, name);
    pwf_log_place(place);
    pwf_log(
        PWF_LOG_ERROR, "RESOURCE",
        "%s: no room for a page of %s: the file system of that file is full, or the file was cut "
        "off%s",
        place, name,
        strncmp(name, "/dev/shm/", 9) == 0
            ? "; ranks of one host talk through /dev/shm: make room there"
            : "");
    _exit(PWF_RESOURCE);
}

void pwf_bus_listen(void)
{
    struct sigaction action = {.sa_sigaction = end_process, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
