/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the terminal on which messages of this process appear, if any, also for a rank whose stderr
 * is a pipe to mpirun. Called when the log is set up and by the progress line. Reads /proc; keeps
 * the descriptor until the process ends. */
#include "pwf/core/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether a process is the launcher of Open MPI, under any of its names. */
static bool is_launcher(long pid)
{
    static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *in = fopen(path, "re");
    if (!in) return false;
    const bool read = fgets(name, sizeof name, in) != NULL;
    fclose(in);
    name[strcspn(name, "\n")] = '\0';
    for (size_t i = 0; read && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

/* The descriptor of the terminal, or -1. */
static int find_terminal(void)
{
    if (isatty(STDERR_FILENO)) return STDERR_FILENO;
    /* Only mpirun itself is the parent; under srun or a daemon on another node stderr goes
     * elsewhere. */
    const long parent = (long)getppid();
    char path[64];
    struct stat info;
    if (!getenv("OMPI_COMM_WORLD_RANK") || !is_launcher(parent)) return -1;
    snprintf(path, sizeof path, "/proc/%ld/fd/2", parent);
    /* Opening a named pipe could block forever, so only character devices are opened. */
    if (stat(path, &info) != 0 || !S_ISCHR(info.st_mode)) return -1;
    const int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && !isatty(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

int pwf_terminal_fd(void)
{
    static bool looked;
    static int found;
    if (!looked) {
        found = find_terminal();
        looked = true;
    }
    return found;
}

bool pwf_terminal_rewrites(void)
{
    const char *kind = getenv("TERM");
    return pwf_terminal_fd() >= 0 && kind && strcmp(kind, "dumb") != 0;
}
