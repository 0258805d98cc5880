/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers of exactly the requested length, fsync, and opening a file for reading. Called by every
 * room that reads or writes files; reports progress to the watchdog. Works on descriptors of the
 * caller and keeps no state. */
#include "pwf/core/file.h"

#include "pwf/core/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of one system call, so that the watchdog sees progress on a slow disk. */
static const size_t TRANSFER_MAX = 16 << 20;

static size_t call_bytes(size_t bytes)
{
    return bytes < TRANSFER_MAX ? bytes : TRANSFER_MAX;
}

pwf_status pwf_file_pread(int fd, const char *path, void *out, size_t bytes, uint64_t offset)
{
    char *to = out;
    while (bytes > 0) {
        const ssize_t n = pread(fd, to, call_bytes(bytes), (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        PWF_FAIL_IF(n < 0, PWF_IO, "cannot read %s at byte %llu: %s", path,
                    (unsigned long long)offset, strerror(errno));
        PWF_FAIL_IF(n == 0, PWF_DATA, "%s is truncated: it ends at byte %llu", path,
                    (unsigned long long)offset);
        pwf_watch_beat();
        to += n;
        bytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return pwf_ok();
}

pwf_status pwf_file_pwrite(int fd, const char *path, const void *in, size_t bytes, uint64_t offset)
{
    const char *from = in;
    while (bytes > 0) {
        const ssize_t n = pwrite(fd, from, call_bytes(bytes), (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) /* 0 bytes without an error: the device is full */
            return PWF_FAIL(PWF_IO, "cannot write %s at byte %llu: %s", path,
                            (unsigned long long)offset, strerror(n < 0 ? errno : ENOSPC));
        pwf_watch_beat();
        from += n;
        bytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return pwf_ok();
}

pwf_status pwf_file_append(int fd, const char *path, const void *in, size_t bytes)
{
    const char *from = in;
    while (bytes > 0) {
        /* Rows and messages are short, so that one call need not report progress. */
        const ssize_t n = write(fd, from, bytes);
        if (n < 0 && errno == EINTR) continue;
        PWF_FAIL_IF(n <= 0, PWF_IO, "cannot write %s: %s", path, strerror(n < 0 ? errno : ENOSPC));
        from += n;
        bytes -= (size_t)n;
    }
    return pwf_ok();
}

pwf_status pwf_file_sync(int fd, const char *path)
{
    /* After another error the system may have dropped the pages, and a second fsync would succeed.
     */
    while (fsync(fd) != 0)
        PWF_FAIL_IF(errno != EINTR, PWF_IO, "cannot sync %s: %s", path, strerror(errno));
    return pwf_ok();
}

/* O_NONBLOCK: opening a named pipe must not block. */
pwf_status pwf_file_open_read(const char *path, int *fd, int64_t *bytes)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "open", path);
    struct stat info;
    pwf_status s = pwf_ok();
    if (fstat(*fd, &info) != 0)
        s = PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat", path);
    else if (S_ISDIR(info.st_mode))
        s = PWF_FAIL(PWF_DATA,
                     "%s is a directory, not a file; name a file in it, or resume a run from its "
                     "latest checkpoint with --resume auto --output %s",
                     path, path);
    else if (!S_ISREG(info.st_mode))
        s = PWF_FAIL(PWF_DATA, "%s is not a regular file", path);
    else
        *bytes = info.st_size;
    if (s.code != PWF_OK) {
        close(*fd);
        *fd = -1;
    }
    return s;
}
