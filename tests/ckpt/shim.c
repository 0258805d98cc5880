/* SPDX-License-Identifier: BSD-3-Clause */
/* A preloaded library that makes system calls on files fail, see shim.h. It wraps the calls of libc
 * that open, read, write, sync, rename and remove files; each wrapper counts the calls on matching
 * files, injects the armed fault, and reports successful calls to a watcher. */
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static shim_fault armed; /* where "": no fault is armed */
static atomic_int calls, fired;
static bool speaks; /* armed by PWF_SHIM */
static char watched[128];
static void (*watcher)(const shim_event *);

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

void shim_watch(const char *where, void (*see)(const shim_event *event))
{
    snprintf(watched, sizeof watched, "%s", see ? where : "");
    watcher = see;
}

/* Whether one of the alternatives of `where` is in the path. */
static bool has(const char *path, const char *where)
{
    while (*where) {
        const size_t n = strcspn(where, "|");
        if (n > 0 && memmem(path, strlen(path), where, n)) return true;
        where += n + (where[n] == '|');
    }
    return false;
}

static bool is_path(const char *path)
{
    return has(path, armed.where);
}

static bool name_of(int fd, char path[4096])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, 4095);
    if (n >= 0) path[n] = '\0';
    return n >= 0;
}

static bool is_fd(int fd)
{
    char path[4096];
    return armed.where[0] && name_of(fd, path) && is_path(path);
}

/* ---- watching ---- */

static bool is_watched(int fd)
{
    char path[4096];
    return watcher && name_of(fd, path) && has(path, watched);
}

static void tell(const char *call, const char *from, const char *to, shim_event event)
{
    struct stat info;
    if (!watcher || !has(from, watched)) return;
    const int error = errno;
    snprintf(event.call, sizeof event.call, "%s", call);
    snprintf(event.from, sizeof event.from, "%s", from);
    snprintf(event.to, sizeof event.to, "%s", to);
    if (stat(*to ? to : from, &info) == 0) event.inode = info.st_ino;
    watcher(&event);
    errno = error;
}

static void tell_fd(const char *call, int fd, shim_event event)
{
    char path[4096];
    if (watcher && name_of(fd, path)) tell(call, path, "", event);
}

static bool is(const char *kind)
{
    return strcmp(armed.kind, kind) == 0;
}

/* Counts a call on a matching file; true if the fault strikes this call. */
static bool is_call(const char *call)
{
    static const char *const transfers[] = {"read", "write"}, *const names[] = {"open", "rename",
                                                                                "remove"};
    bool same = strcmp(armed.call, call) == 0;
    for (size_t i = 0; i < 2; i++)
        same = same || (strcmp(armed.call, "transfer") == 0 && strcmp(call, transfers[i]) == 0);
    for (size_t i = 0; i < 3; i++)
        same = same || (strcmp(armed.call, "name") == 0 && strcmp(call, names[i]) == 0);
    return same;
}

static bool strikes(const char *call)
{
    if (!is_call(call)) return false;
    const int n = ++calls;
    if (n != armed.nth && !(armed.ever && n > armed.nth)) return false;
    if (fired++ == 0 && speaks)
        fprintf(stderr, "shim: %s %s at call %d\n", armed.kind, armed.call, n);
    if (is("kill")) raise(SIGKILL);
    for (struct timespec left = {.tv_sec = 5}; is("slow") && nanosleep(&left, &left) != 0;)
        continue;
    return true;
}

/* The errno of the armed kind; 0 if the call reports success. */
static int error(void)
{
    return is("eio")          ? EIO
           : is("enospc")     ? ENOSPC
           : is("edquot")     ? EDQUOT
           : is("erofs")      ? EROFS
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

/* ---- open, and calls that transfer no bytes ---- */

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (is_path(path) && fails("open")) return -1;
    const int fd = REAL("open", int (*)(const char *, int, ...))(path, flags, mode);
    if (fd >= 0 && (flags & O_CREAT)) tell("create", path, "", (shim_event){.bytes = 0});
    return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* After a failed sync the contents of a partial file are unknown: a later sync must not be trusted,
 * and the file must not get its final name. */
static char unsynced[4096];

static bool sync_fails(int fd)
{
    char path[4096];
    if (!armed.where[0] || !name_of(fd, path) || !is_path(path)) return false;
    if (speaks && strcmp(path, unsynced) == 0)
        fprintf(stderr, "shim: SYNCED AGAIN after a failed sync\n");
    if (!fails("sync")) return false;
    if (errno != EINTR && strstr(path, ".part")) memcpy(unsynced, path, sizeof path);
    return true;
}

int fsync(int fd)
{
    if (sync_fails(fd)) return -1;
    const int failed = REAL("fsync", int (*)(int))(fd);
    if (!failed) tell_fd("sync", fd, (shim_event){.bytes = 0});
    return failed;
}

int fdatasync(int fd)
{
    if (sync_fails(fd)) return -1;
    const int failed = REAL("fdatasync", int (*)(int))(fd);
    if (!failed) tell_fd("sync", fd, (shim_event){.bytes = 0});
    return failed;
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    if (is_fd(fd) && fails("reserve")) return -1;
    const int failed = REAL("fallocate", int (*)(int, int, off_t, off_t))(fd, mode, offset, bytes);
    if (!failed) tell_fd("length", fd, (shim_event){.bytes = offset + bytes});
    return failed;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t bytes)
    __attribute__((alias("fallocate")));

/* A file system that cannot reserve space does not report free space either. */
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
    const int failed = REAL("ftruncate", int (*)(int, off_t))(fd, bytes);
    if (!failed) tell_fd("length", fd, (shim_event){.bytes = bytes});
    return failed;
}

int ftruncate64(int fd, off64_t bytes) __attribute__((alias("ftruncate")));

int rename(const char *from, const char *to)
{
    if (is_path(from) && fails("rename")) return -1;
    const size_t whole = strlen(unsynced), end = strlen(from);
    if (speaks && whole > end && strcmp(unsynced + whole - end, from) == 0)
        fprintf(stderr, "shim: RENAMED after a failed sync\n");
    const int failed = REAL("rename", int (*)(const char *, const char *))(from, to);
    if (!failed) tell("rename", from, to, (shim_event){.bytes = 0});
    return failed;
}

int link(const char *from, const char *to)
{
    const int failed = REAL("link", int (*)(const char *, const char *))(from, to);
    if (!failed) tell("link", from, to, (shim_event){.bytes = 0});
    return failed;
}

int unlink(const char *path)
{
    if (is_path(path) && fails("remove")) return -1;
    const int failed = REAL("unlink", int (*)(const char *))(path);
    if (!failed) tell("remove", path, "", (shim_event){.bytes = 0});
    return failed;
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

/* Shortens a copy of the list to the first half of the transfer, at least one byte. */
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

typedef ssize_t (*transfer)(int, const struct iovec *, int, off_t);

/* Changes the bytes that a read has returned. */
static void spoil(const struct iovec *piece, ssize_t bytes)
{
    for (; bytes > 0; piece++) {
        const size_t n = (size_t)bytes < piece->iov_len ? (size_t)bytes : piece->iov_len;
        if (is("zeroed")) memset(piece->iov_base, 0, n);
        bytes -= (ssize_t)n;
        if (is("turned") && bytes == 0 && n > 0) ((char *)piece->iov_base)[n / 2] ^= 16;
    }
}

ssize_t preadv(int fd, const struct iovec *piece, int count, off_t offset)
{
    struct iovec half[8];
    const bool struck = is_fd(fd) && strikes("read");
    if (struck) {
        errno = error();
        if (errno != 0) return -1;
        if (is("short")) {
            count = halve(half, piece, count);
            piece = half;
        }
    }
    const ssize_t n = REAL("preadv", transfer)(fd, piece, count, offset);
    if (struck) spoil(piece, n);
    return n;
}

/* Writes other bytes than the given ones, and reports success. */
static ssize_t write_spoiled(int fd, const struct iovec *piece, int count, off_t offset)
{
    const size_t bytes = length(piece, count);
    char *copy = malloc(bytes + 1);
    size_t at = 0;
    if (!copy) abort();
    for (int i = 0; i < count; at += piece[i++].iov_len)
        memcpy(copy + at, piece[i].iov_base, piece[i].iov_len);
    struct iovec whole = {copy, is("torn") ? bytes / 2 : bytes};
    if (!is("torn")) spoil(&whole, (ssize_t)bytes);
    const ssize_t n = REAL("pwritev", transfer)(fd, &whole, 1, offset);
    free(copy);
    return n < 0 ? n : (ssize_t)bytes;
}

ssize_t pwritev(int fd, const struct iovec *piece, int count, off_t offset)
{
    struct iovec half[8];
    if (is_fd(fd) && strikes("write")) {
        errno = error();
        if (errno != 0) return -1;
        if (is("lost")) return (ssize_t)length(piece, count);
        if (is("torn") || is("zeroed") || is("turned"))
            return write_spoiled(fd, piece, count, offset);
        if (is("misdirected")) offset += 4096;
        if (is("short")) {
            count = halve(half, piece, count);
            piece = half;
        }
    }
    const ssize_t n = REAL("pwritev", transfer)(fd, piece, count, offset);
    if (n > 0) tell_fd("write", fd, (shim_event){.offset = offset, .bytes = n, .piece = piece});
    return n;
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

/* The variant that a compiler with buffer checks calls instead. */
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

/* Transfers at the file position, for matching files; others call libc directly. */
ssize_t write(int fd, const void *from, size_t bytes)
{
    if (!is_fd(fd) && !is_watched(fd))
        return REAL("write", ssize_t(*)(int, const void *, size_t))(fd, from, bytes);
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

/* ---- armed by PWF_SHIM ---- */

static void interrupted(int signal)
{
    (void)signal;
}

static void __attribute__((constructor)) arm_from_outside(void)
{
    const char *text = getenv("PWF_SHIM"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    shim_fault fault = {.nth = 0};
    char often[8];
    int which;
    if (text && sscanf(text, "%d %127s %15s %15s %d %7s", &which, fault.where, fault.call,
                       fault.kind, &fault.nth, often) == 6) {
        fault.ever = strcmp(often, "ever") == 0;
        speaks = which < 0 || which == atoi(rank ? rank : "0");
        if (speaks) shim_arm(&fault);
    }
    if (!getenv("PWF_SHIM_STORM") || !rank) return;
    const struct sigaction action = {.sa_handler = interrupted}; /* without SA_RESTART */
    const struct itimerval often_enough = {{0, 1000}, {0, 1000}};
    fprintf(stderr, "shim: a storm of signals\n");
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often_enough, NULL);
}

static void __attribute__((destructor)) say_count(void)
{
    if (speaks && is("count")) fprintf(stderr, "shim: %d calls of %s\n", calls, armed.call);
}
