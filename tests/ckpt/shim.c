/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static shim_fault armed; /* where "": nothing is */
static atomic_int calls, fired;

void shim_arm(const shim_fault *fault)
{
    armed = fault ? *fault : (shim_fault){.nth = 0};
    calls = 0;
    fired = 0;
}

int shim_fired(void)
{
    return fired;
}

static bool is_path(const char *path)
{
    return armed.where[0] && strstr(path, armed.where) != NULL;
}

static bool is_fd(int fd)
{
    char link[64], path[4096];
    if (!armed.where[0]) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return false;
    path[n] = '\0';
    return is_path(path);
}

static bool is(const char *kind)
{
    return strcmp(armed.kind, kind) == 0;
}

/* Counts a call on a file that is meant; true if this is one to spoil. */
static bool strikes(const char *call)
{
    if (strcmp(armed.call, call) != 0) return false;
    const int n = ++calls;
    if (n != armed.nth && !(armed.ever && n > armed.nth)) return false;
    fired++;
    return true;
}

/* The errno of the armed kind, or 0 if it is one of success. */
static int error(void)
{
    return is("eio")          ? EIO
           : is("enospc")     ? ENOSPC
           : is("edquot")     ? EDQUOT
           : is("eopnotsupp") ? EOPNOTSUPP
           : is("eintr")      ? EINTR
                              : 0;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name)) // NOLINT

static bool fails(const char *call)
{
    if (!strikes(call)) return false;
    errno = error();
    return errno != 0;
}

/* ---- open, and what has no bytes ---- */

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (is_path(path) && fails("open")) return -1;
    return REAL("open", int (*)(const char *, int, ...))(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int fsync(int fd)
{
    if (is_fd(fd) && fails("sync")) return -1;
    return REAL("fsync", int (*)(int))(fd);
}

int fdatasync(int fd)
{
    if (is_fd(fd) && fails("sync")) return -1;
    return REAL("fdatasync", int (*)(int))(fd);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    if (is_fd(fd) && fails("reserve")) return -1;
    return REAL("fallocate", int (*)(int, int, off_t, off_t))(fd, mode, offset, bytes);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t bytes)
    __attribute__((alias("fallocate")));

/* Where nothing can be reserved beforehand, the room is not known either. */
int statvfs(const char *restrict path, struct statvfs *restrict out)
{
    if (is_path(path) && is("eopnotsupp")) {
        errno = ENOSYS;
        return -1;
    }
    return REAL("statvfs", int (*)(const char *, struct statvfs *))(path, out);
}

int statvfs64(const char *restrict path, struct statvfs64 *restrict out)
    __attribute__((alias("statvfs")));

int ftruncate(int fd, off_t bytes)
{
    if (is_fd(fd) && fails("length")) return -1;
    return REAL("ftruncate", int (*)(int, off_t))(fd, bytes);
}

int ftruncate64(int fd, off64_t bytes) __attribute__((alias("ftruncate")));

int rename(const char *from, const char *to)
{
    if (is_path(from) && fails("rename")) return -1;
    return REAL("rename", int (*)(const char *, const char *))(from, to);
}

int fchmod(int fd, mode_t mode)
{
    if (is_fd(fd) && fails("mode")) return -1;
    return REAL("fchmod", int (*)(int, mode_t))(fd, mode);
}

/* ---- transfers: all end in preadv and pwritev ---- */

static size_t length(const struct iovec *piece, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += piece[i].iov_len;
    return bytes;
}

/* The first half of a transfer, at least one byte: cuts a copy of the list. */
static int halve(struct iovec *half, const struct iovec *piece, int count)
{
    size_t left = (length(piece, count) + 1) / 2;
    int n = 0;
    while (n < count && n < 8 && left > 0) {
        half[n] = piece[n];
        if (half[n].iov_len > left) half[n].iov_len = left;
        left -= half[n].iov_len;
        n++;
    }
    return n;
}

ssize_t preadv(int fd, const struct iovec *piece, int count, off_t offset)
{
    struct iovec half[8];
    if (is_fd(fd) && strikes("read")) {
        errno = error();
        if (errno != 0) return -1;
        if (is("short")) {
            count = halve(half, piece, count);
            piece = half;
        }
    }
    return REAL("preadv", ssize_t(*)(int, const struct iovec *, int, off_t))(fd, piece, count,
                                                                             offset);
}

ssize_t pwritev(int fd, const struct iovec *piece, int count, off_t offset)
{
    struct iovec half[8];
    if (is_fd(fd) && strikes("write")) {
        errno = error();
        if (errno != 0) return -1;
        if (is("lost")) return (ssize_t)length(piece, count);
        if (is("misdirected")) offset += 4096;
        if (is("short")) {
            count = halve(half, piece, count);
            piece = half;
        }
    }
    return REAL("pwritev", ssize_t(*)(int, const struct iovec *, int, off_t))(fd, piece, count,
                                                                              offset);
}

ssize_t preadv64(int fd, const struct iovec *piece, int count, off64_t offset)
    __attribute__((alias("preadv")));
ssize_t pwritev64(int fd, const struct iovec *piece, int count, off64_t offset)
    __attribute__((alias("pwritev")));

ssize_t pread(int fd, void *to, size_t bytes, off_t offset)
{
    return preadv(fd, &(struct iovec){to, bytes}, 1, offset);
}

ssize_t pread64(int fd, void *to, size_t bytes, off64_t offset) __attribute__((alias("pread")));

/* What a compiler that checks buffers calls in its place. */
ssize_t __pread_chk(int fd, void *to, size_t bytes, off_t offset, size_t room); // NOLINT
ssize_t __pread_chk(int fd, void *to, size_t bytes, off_t offset, size_t room)  // NOLINT
{
    (void)room;
    return pread(fd, to, bytes, offset);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t offset)
{
    return pwritev(fd, &(struct iovec){(void *)from, bytes}, 1, offset);
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t offset)
    __attribute__((alias("pwrite")));

/* Transfers at the file's own position, of files that are meant; others go straight through. */
ssize_t write(int fd, const void *from, size_t bytes)
{
    if (!is_fd(fd)) return REAL("write", ssize_t(*)(int, const void *, size_t))(fd, from, bytes);
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t n = pwrite(fd, from, bytes, at);
    if (n > 0) lseek(fd, at + n, SEEK_SET);
    return n;
}

ssize_t read(int fd, void *to, size_t bytes)
{
    if (!is_fd(fd)) return REAL("read", ssize_t(*)(int, void *, size_t))(fd, to, bytes);
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t n = pread(fd, to, bytes, at);
    if (n > 0) lseek(fd, at + n, SEEK_SET);
    return n;
}

ssize_t writev(int fd, const struct iovec *piece, int count)
{
    if (!is_fd(fd))
        return REAL("writev", ssize_t(*)(int, const struct iovec *, int))(fd, piece, count);
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t n = pwritev(fd, piece, count, at);
    if (n > 0) lseek(fd, at + n, SEEK_SET);
    return n;
}

ssize_t readv(int fd, const struct iovec *piece, int count)
{
    if (!is_fd(fd))
        return REAL("readv", ssize_t(*)(int, const struct iovec *, int))(fd, piece, count);
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t n = preadv(fd, piece, count, at);
    if (n > 0) lseek(fd, at + n, SEEK_SET);
    return n;
}
