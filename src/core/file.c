/* SPDX-License-Identifier: BSD-3-Clause */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "pwf/core/file.h"

#include "pwf/core/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one call, so that a slow disk shows signs of life. */
static const size_t TRANSFER_MAX = 16 << 20;

static size_t one_call(size_t bytes)
{
    return bytes < TRANSFER_MAX ? bytes : TRANSFER_MAX;
}

pwf_status pwf_file_pread(int fd, const char *path, void *out, size_t bytes, uint64_t offset)
{
    char *to = out;
    while (bytes > 0) {
        const ssize_t n = pread(fd, to, one_call(bytes), (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return PWF_FAIL(PWF_IO, "cannot read %s at byte %llu: %s", path,
                            (unsigned long long)offset, strerror(errno));
        if (n == 0)
            return PWF_FAIL(PWF_DATA, "%s ends at byte %llu, in the middle of its contents", path,
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
        const ssize_t n = pwrite(fd, from, one_call(bytes), (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
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
        const ssize_t n = write(fd, from, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return PWF_FAIL(PWF_IO, "cannot write %s: %s", path, strerror(n < 0 ? errno : ENOSPC));
        from += n;
        bytes -= (size_t)n;
    }
    return pwf_ok();
}

pwf_status pwf_file_sync(int fd, const char *path)
{
    while (fsync(fd) != 0)
        if (errno != EINTR)
            return PWF_FAIL(PWF_IO, "%s did not reach the disk: %s", path, strerror(errno));
    return pwf_ok();
}

pwf_code pwf_errno_code(int error, pwf_file_use use)
{
    switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return PWF_DENIED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return PWF_RESOURCE;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        if (use == PWF_FILE_INPUT) return PWF_MISSING;
        break;
    default:
        break;
    }
    return use == PWF_FILE_OUTPUT ? PWF_CANTCREATE : PWF_IO;
}

pwf_status pwf_errno_status(pwf_file_use use, const char *verb, const char *path,
                            const char *source, int line)
{
    const int error = errno;
    return pwf_status_make(pwf_errno_code(error, use), source, line, "cannot %s %s: %s", verb, path,
                           strerror(error));
}

bool pwf_path_directory(char dir[PWF_PATH], const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    const bool fits = length < PWF_PATH;
    if (!fits)
        dir[0] = '\0';
    else if (length == 0)
        strcpy(dir, slash ? "/" : ".");
    else {
        memmove(dir, path, length);
        dir[length] = '\0';
    }
    return fits;
}

bool pwf_path_join(char path[PWF_PATH], const char *dir, const char *name)
{
    const bool fits = snprintf(path, PWF_PATH, "%s/%s", dir, name) < PWF_PATH;
    if (!fits) path[0] = '\0';
    return fits;
}

pwf_status pwf_path_split(const char *path, char *dir, const char **name)
{
    const char *slash = strrchr(path, '/');
    struct stat info;
    *name = slash ? slash + 1 : path;
    if (**name == '\0') return PWF_FAIL(PWF_CANTCREATE, "'%.200s' is not the name of a file", path);
    if (strlen(path) >= PWF_PATH - 64)
        return PWF_FAIL(PWF_CANTCREATE, "the name %.200s... is too long", path);
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return PWF_FAIL(PWF_CANTCREATE, "%s exists and is not a regular file", path);
    pwf_path_directory(dir, path);
    return pwf_ok();
}

pwf_status pwf_path_check_folder(const char *dir)
{
    struct stat info;
    if (stat(dir, &info) != 0) return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "use the directory", dir);
    if (!S_ISDIR(info.st_mode)) return PWF_FAIL(PWF_CANTCREATE, "%s is not a directory", dir);
    if ((info.st_mode & S_IWOTH) && !(info.st_mode & S_ISVTX))
        return PWF_FAIL(PWF_DENIED,
                        "everybody can write to the directory %s, and could put other files in "
                        "place of ours: chmod o-w it",
                        dir);
    return pwf_ok();
}

pwf_status pwf_path_sync_folder(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return PWF_FAIL(PWF_IO, "cannot open the directory %s: %s", dir, strerror(errno));
    const int e = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    /* Some file systems cannot sync a directory and say so. */
    if (e != 0 && e != EINVAL && e != EROFS)
        return PWF_FAIL(PWF_IO, "the directory %s did not reach the disk: %s", dir, strerror(e));
    return pwf_ok();
}

/* Opening without blocking, so that a pipe put in the file's place cannot hold the job up. */
pwf_status pwf_file_open_read(const char *path, int *fd, int64_t *bytes)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) {
        const bool missing = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;
        const pwf_code code = missing ? PWF_MISSING : errno == EACCES ? PWF_DENIED : PWF_IO;
        return PWF_FAIL(code, "cannot open %s: %s", path, strerror(errno));
    }
    struct stat info;
    pwf_status s = pwf_ok();
    if (fstat(*fd, &info) != 0)
        s = PWF_FAIL(PWF_IO, "cannot look at %s: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        s = PWF_FAIL(PWF_DATA,
                     "%s is a directory, not a checkpoint; name a file in it, or go on from its "
                     "newest one with --resume auto --output %s",
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
