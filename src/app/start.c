/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include "pwf/core/log.h"
#include "pwf/core/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void pwf_app_start(void)
{
    /* open() gives the lowest free number, which is the one that is missing. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) break;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit is an error of the write that meets it */
    pwf_log_set(PWF_LOG_INFO, pwf_terminal_fd() >= 0);
}

pwf_status pwf_app_flush(void)
{
    return fflush(stdout) == 0 ? pwf_ok() : PWF_FAIL(PWF_IO, "cannot write to the standard output");
}
