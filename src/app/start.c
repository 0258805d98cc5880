/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts a process of either program, and flushes its standard output at the end. Called by the
 * mains, first and last, and by commands that print JSON. Changes file descriptors 0 to 2, signal
 * dispositions and the form of the log; no files, no MPI. */
#include "app.h"

#include "pwf/core/log.h"
#include "pwf/core/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void pwf_app_start(void)
{
    /* open() returns the lowest free number, which is the closed one. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) break;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    pwf_log_set(PWF_LOG_INFO, pwf_terminal_fd() >= 0);
}

/* A pipe whose reader has closed it reports an error condition. */
static bool is_reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* The error indicator also remembers failures of earlier, partial flushes. */
pwf_status pwf_app_flush(bool help)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return pwf_ok();
    if (help && is_reader_gone()) return pwf_ok();
    return PWF_FAIL(PWF_IO, "cannot write to the standard output");
}

pwf_status pwf_app_print_json(pwf_json *object)
{
    char *text = NULL;
    const pwf_status s = pwf_json_text(object, 2, &text);
    if (s.code == PWF_OK) puts(text);
    free(text);
    pwf_json_free(object);
    return s;
}
