/* SPDX-License-Identifier: BSD-3-Clause */
/* The line in a lock file that says which process holds it: writing, reading, and whether that
 * process is gone.
 * Called by lock.c and directory.c.
 * Reads /proc and the environment of Slurm. */
#define _XOPEN_SOURCE 700
#include "holder.h"

#include "pwf/core/clock.h"
#include "pwf/core/file.h"
#include "pwf/core/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FORMAT[] = "pwf-lock job=%40s restart=%20s host=%64s boot=%40s process=%ld "
                             "start=%24s";

/* Copies a text as a word: not empty, printable, without spaces. */
static void set_word(char *word, size_t size, const char *text)
{
    snprintf(word, size, "%s", text && *text ? text : "none");
    for (char *c = word; *c; c++)
        if (*c <= ' ' || *c > '~') *c = '_';
}

/* This process: Slurm job, host, boot and time. */
static void describe_self(pwf_holder *self)
{
    char host[PWF_HOST], boot[41] = "";
    memset(self, 0, sizeof *self);
    pwf_host_name(host);
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? 0 : read(fd, boot, sizeof boot - 1);
    if (fd >= 0) close(fd);
    boot[n < 0 ? 0 : n] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    set_word(self->job, sizeof self->job, getenv("SLURM_JOB_ID"));
    set_word(self->restart, sizeof self->restart, getenv("SLURM_RESTART_COUNT"));
    set_word(self->host, sizeof self->host, host);
    set_word(self->boot, sizeof self->boot, boot);
    pwf_clock_utc(self->start);
    self->process = (long)getpid();
}

/* Truncates first: a shorter line must not keep the end of a longer one. */
pwf_status pwf_holder_write(int fd, const char *path)
{
    pwf_holder self;
    char line[512];
    describe_self(&self);
    const int n = snprintf(line, sizeof line,
                           "pwf-lock job=%s restart=%s host=%s boot=%s process=%ld start=%s\n",
                           self.job, self.restart, self.host, self.boot, self.process, self.start);
    while (ftruncate(fd, 0) != 0)
        if (errno != EINTR) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "write", path);
    return pwf_file_pwrite(fd, path, line, (size_t)n, 0);
}

/* False for an empty or foreign file. */
bool pwf_holder_read(int fd, pwf_holder *by)
{
    char line[512];
    size_t have = 0;
    memset(by, 0, sizeof *by);
    while (have < sizeof line - 1) { /* a read may return less than asked for */
        const ssize_t n = pread(fd, line + have, sizeof line - 1 - have, (off_t)have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += (size_t)n;
    }
    line[have] = '\0';
    return sscanf(line, FORMAT, by->job, by->restart, by->host, by->boot, &by->process,
                  by->start) == 6;
}

/* A reboot of this host has ended all its processes; nothing is known about other hosts. */
bool pwf_holder_is_gone(const pwf_holder *by)
{
    pwf_holder self;
    describe_self(&self);
    if (!*by->job) return false;
    if (strcmp(by->host, self.host) != 0 || strcmp(by->boot, "none") == 0) return false;
    if (strcmp(by->boot, self.boot) != 0) return true;
    return kill((pid_t)by->process, 0) != 0 && errno == ESRCH;
}

bool pwf_holder_is_earlier(const pwf_holder *by)
{
    pwf_holder self;
    describe_self(&self);
    /* Slurm counts restarts from 1 and sets no count in the first start, which then reads "none".
     */
    return *by->job && strcmp(by->job, "none") != 0 && strcmp(by->job, self.job) == 0 &&
           strtol(by->restart, NULL, 10) < strtol(self.restart, NULL, 10);
}

void pwf_holder_sentence(const pwf_holder *by, char text[PWF_HOLDER])
{
    if (!*by->job)
        snprintf(text, PWF_HOLDER, "another job");
    else
        snprintf(text, PWF_HOLDER, "%s%s on %s, process %ld, since %s",
                 strcmp(by->job, "none") == 0 ? "a run" : "job ",
                 strcmp(by->job, "none") == 0 ? "" : by->job, by->host, by->process, by->start);
}

pwf_status pwf_holder_in_use(const pwf_holder *by, const char *dir, const char *file)
{
    char who[PWF_HOLDER];
    pwf_holder_sentence(by, who);
    return PWF_FAIL(PWF_CANTCREATE,
                    "the run directory %s is in use by %s: wait for its end, stop it (touch "
                    "%s/stop), or choose another --output%s%s%s",
                    dir, who, dir, file ? "; if that job has ended, remove " : "", file ? file : "",
                    file ? " or wait five minutes" : "");
}
