/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of a run directory: flock where it works between hosts, else a file that a thread
 * renews. Called by the programs on all ranks; rank 0 holds the lock for the life of the job.
 * Touches .pwf.lock and the file `stop`. */
#define _DEFAULT_SOURCE /* flock */
#define _XOPEN_SOURCE 700
#include "pwf/rundir/lock.h"

#include "holder.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/request.h"
#include "pwf/rundir/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The system releases a flock when its process ends in any way, so the line in the file only names
 * the holder. Where flock does not work between hosts, the file itself is the lock: its creator
 * holds it, and a thread renews its modification time until the end. */

enum { BEAT = 30, STALE = 300, TRIES = 20 }; /* seconds, seconds, times */

/* Slurm restarts a job that has lost a node, on which the earlier start may still run. The earlier
 * start is asked to stop and waited for; its lock file is taken over sooner once it is no longer
 * renewed. */
enum { EARLIER_STALE = 90, EARLIER_WAIT = 600 }; /* seconds */

struct pwf_lock {
    char dir[PWF_PATH], path[PWF_PATH];
    int fd;
    bool made_dir;
    bool earlier; /* an earlier start of this job holds it */
    bool beats;   /* the thread runs */
    bool ends;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* The failure to take the lock, after which an earlier start of this job is waited for. */
static pwf_status in_use(pwf_lock *l, const pwf_holder *by, bool by_file)
{
    l->earlier = pwf_holder_is_earlier(by);
    return pwf_holder_in_use(by, l->dir, by_file ? l->path : NULL);
}

/* Reports that a lock of a dead process was taken over. */
static void say_left_behind(const pwf_lock *l, const pwf_holder *by, const char *done)
{
    char who[PWF_HOLDER];
    pwf_holder_sentence(by, who);
    PWF_INFO("LOCK", "%s was left behind by %s, which has ended: %s", l->path, who, done);
}

/* ---- with flock ---- */

/* Opens the lock file, which must not be a link to something else. */
static pwf_status open_file(pwf_lock *l)
{
    struct stat info;
    l->fd = open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    PWF_FAIL_IF(l->fd < 0 || fstat(l->fd, &info) != 0,
                errno == EACCES || errno == EPERM || errno == ELOOP ? PWF_DENIED : PWF_IO,
                "cannot open %s: %s", l->path, strerror(errno));
    PWF_FAIL_IF(!S_ISREG(info.st_mode) || info.st_nlink > 1, PWF_DENIED,
                "%s is a link or not a regular file: remove it", l->path);
    return pwf_ok();
}

/* Whether the open file still has the name of the lock. */
static bool has_name(const pwf_lock *l)
{
    struct stat mine, there;
    return fstat(l->fd, &mine) == 0 && lstat(l->path, &there) == 0 && mine.st_dev == there.st_dev &&
           mine.st_ino == there.st_ino;
}

/* Sleeps for 50 ms. */
static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

/* A new holder may not have written its line yet. */
static void read_holder(int fd, pwf_holder *by)
{
    for (int i = 0; i < TRIES && !pwf_holder_read(fd, by); i++)
        wait_a_little();
}

/* *works is false where the file system has no flock; the file is then closed. */
static pwf_status take_flock(pwf_lock *l, bool *works)
{
    *works = PWF_FAULT_POINT("lock.flock").code == PWF_OK && !pwf_directory_locks_stay(l->dir);
    for (int i = 0; *works && i < TRIES; i++) {
        PWF_TRY(open_file(l));
        pwf_holder by = {0};
        if (flock(l->fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) {
                read_holder(l->fd, &by);
                return in_use(l, &by, false);
            }
            if (errno != EINTR) *works = false;
        } else if (has_name(l)) { /* and not removed by its last owner meanwhile */
            if (pwf_holder_read(l->fd, &by)) say_left_behind(l, &by, "taken over");
            return pwf_holder_write(l->fd, l->path);
        }
        close(l->fd);
        l->fd = -1;
    }
    if (!*works) return pwf_ok();
    return PWF_FAIL(PWF_CANTCREATE, "other processes keep taking and releasing %s: try again",
                    l->path);
}

/* ---- without ---- */

/* The thread: renews the modification time of the file every BEAT seconds. */
static void *renew(void *context)
{
    pwf_lock *l = context;
    struct timespec next;
    pthread_mutex_lock(&l->mutex);
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (!l->ends) {
        next.tv_sec += BEAT;
        int waited = 0;
        while (!l->ends && waited != ETIMEDOUT)
            waited = pthread_cond_timedwait(&l->changed, &l->mutex, &next);
        if (!l->ends) futimens(l->fd, NULL);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* Starts the thread. */
static pwf_status start_renewing(pwf_lock *l)
{
    pthread_mutex_init(&l->mutex, NULL);
    pwf_clock_condition(&l->changed);
    const int e = pthread_create(&l->thread, NULL, renew, l);
    l->beats = e == 0;
    PWF_FAIL_IF(e != 0, PWF_RESOURCE, "cannot start the thread that renews %s: %s", l->path,
                strerror(e));
    return pwf_ok();
}

/* Whether the owner of a lock file is gone. `now` is a time of the file system, not of this host.
 */
static bool is_stale(const struct stat *info, time_t now, const pwf_holder *by)
{
    const int patience = pwf_holder_is_earlier(by) ? EARLIER_STALE : STALE;
    return now - info->st_mtime > patience || pwf_holder_is_gone(by);
}

/* Two processes can find the same file stale. Renaming gives it to one of them, which reports it;
 * if it turns out to be the file of a new owner, it is given back. */
static pwf_status clear_away(const pwf_lock *l, const struct stat *seen, const pwf_holder *by)
{
    char aside[PWF_PATH + 16];
    struct stat info;
    snprintf(aside, sizeof aside, "%s.%ld", l->path, (long)getpid());
    if (rename(l->path, aside) != 0)
        return errno == ENOENT ? pwf_ok()
                               : PWF_FAIL(errno == EACCES || errno == EPERM ? PWF_DENIED : PWF_IO,
                                          "cannot remove %s, which an earlier run left: %s",
                                          l->path, strerror(errno));
    const bool same =
        lstat(aside, &info) == 0 && info.st_ino == seen->st_ino && info.st_mtime == seen->st_mtime;
    if (same)
        say_left_behind(l, by, "removed");
    else if (link(aside, l->path) != 0)
        PWF_WARN("LOCK", "%s, the lock of another job, could not be restored: %s", l->path,
                 strerror(errno));
    unlink(aside);
    return pwf_ok();
}

/* Removes the existing file, or fails if it is not stale. */
static pwf_status remove_stale(pwf_lock *l, time_t now)
{
    struct stat info;
    pwf_holder by = {0};
    const int fd = open(l->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return pwf_ok();
    PWF_FAIL_IF(fd < 0, errno == EACCES || errno == ELOOP ? PWF_DENIED : PWF_IO,
                "cannot open %s: %s", l->path, strerror(errno));
    const bool there = fstat(fd, &info) == 0;
    pwf_holder_read(fd, &by);
    close(fd);
    if (!there || !is_stale(&info, now, &by)) return in_use(l, &by, true);
    return clear_away(l, &info, &by);
}

/* The file is written under another name and then linked, so it is complete when it appears. link()
 * fails on every file system if the name exists. */
static pwf_status link_file(pwf_lock *l, const char *own)
{
    struct stat info;
    l->fd = open(own, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (l->fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "create", own);
    PWF_TRY(pwf_holder_write(l->fd, own));
    if (fstat(l->fd, &info) != 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat", own);
    for (int i = 0; i < TRIES; i++) {
        if (link(own, l->path) == 0) return pwf_ok();
        if (errno != EEXIST) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "create", l->path);
        PWF_TRY(remove_stale(l, info.st_mtime));
    }
    return PWF_FAIL(PWF_CANTCREATE, "other processes keep taking and releasing %s: try again",
                    l->path);
}

/* Takes the lock by creating the file. */
static pwf_status take_file(pwf_lock *l)
{
    char own[PWF_PATH + 32];
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) random = (uint64_t)getpid();
    snprintf(own, sizeof own, "%s.%016llx", l->path, (unsigned long long)random);
    const pwf_status s = link_file(l, own);
    unlink(own);
    PWF_TRY(s);
    PWF_INFO("LOCK", "%s has no locks between hosts: the job renews %s instead", l->dir, l->path);
    return start_renewing(l);
}

/* ---- all ---- */

/* One attempt: flock, else the file. */
static pwf_status try_to_take(pwf_lock *l)
{
    bool works = false;
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    l->earlier = false;
    PWF_TRY(take_flock(l, &works));
    return works ? pwf_ok() : take_file(l);
}

/* Creates the file `stop`, which every run looks for. */
static void ask_to_stop(const char *dir, const char *stop)
{
    const int fd = open(stop, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) close(fd);
    PWF_INFO("LOCK",
             "an earlier start of this job still holds the run directory %s: it has been asked to "
             "stop; waiting for it",
             dir);
}

/* Waits for an earlier start of this job to end, ten minutes at most. */
static pwf_status wait_for_earlier(pwf_lock *l, pwf_status s)
{
    char stop[PWF_PATH + 8];
    snprintf(stop, sizeof stop, "%s/stop", l->dir);
    ask_to_stop(l->dir, stop);
    for (int i = 0; i < EARLIER_WAIT && s.code == PWF_CANTCREATE && l->earlier; i++) {
        if (pwf_request_now() > PWF_REQUEST_SAVE) break;
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        s = try_to_take(l);
    }
    unlink(stop); /* the earlier start has ended or does not read it */
    return s;
}

/* Creates the directory if necessary and takes the lock. */
static pwf_status take(pwf_lock *l, const char *dir)
{
    PWF_FAIL_IF(snprintf(l->dir, sizeof l->dir, "%s", dir) >= PWF_PATH - 64, PWF_CANTCREATE,
                "the name of the run directory is too long");
    snprintf(l->path, sizeof l->path, "%.*s/.pwf.lock", PWF_PATH - 64, l->dir);
    PWF_TRY(pwf_directory_make(l->dir, &l->made_dir));
    const pwf_status s = try_to_take(l);
    return s.code == PWF_CANTCREATE && l->earlier ? wait_for_earlier(l, s) : s;
}

/* Releases everything; the file is touched only if the lock is held. */
static void drop(pwf_lock *l, bool held)
{
    if (l->beats) {
        pthread_mutex_lock(&l->mutex);
        l->ends = true;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    /* Unlink before closing: a file without a name is no lock. */
    if (held && has_name(l)) unlink(l->path);
    if (l->fd >= 0) close(l->fd);
    if (l->made_dir) rmdir(l->dir);
    pwf_mem_free(l);
}

pwf_status pwf_lock_take(const pwf_mesh *mesh, const char *dir, pwf_lock **out)
{
    pwf_status s = pwf_ok();
    *out = NULL;
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        pwf_lock *l = NULL;
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *l, &l);
        if (s.code == PWF_OK) {
            l->fd = -1;
            s = take(l, dir);
            if (s.code == PWF_OK)
                *out = l;
            else
                drop(l, false);
        }
    }
    return pwf_mesh_agree(mesh, s);
}

void pwf_lock_release(pwf_lock *lock)
{
    if (lock) drop(lock, true);
}
