/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory of a run and its file system: creation, checks before a run, and whether all ranks
 * see the same directory. Called by the lock, by the launch checks, which pwf doctor runs too, and
 * by --check. Creates and removes probe files. */
#define _DEFAULT_SOURCE /* flock, major, minor */
#define _XOPEN_SOURCE 700
#include "pwf/rundir/directory.h"

#include "holder.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 15, PAUSE = 200000000 /* nanoseconds */, CONTENTS = 512 };

/* The failure to create a run directory. */
static pwf_status cannot_create(const char *path, int e)
{
    return PWF_FAIL(pwf_errno_code(e, PWF_FILE_OUTPUT),
                    "cannot create the run directory %s: %s; choose another with --output", path,
                    strerror(e));
}

/* Checks a directory that exists. */
static pwf_status check_existing(const char *path)
{
    struct stat info;
    PWF_FAIL_IF(stat(path, &info) != 0 || !S_ISDIR(info.st_mode), PWF_CANTCREATE,
                "%s is not a directory; choose another --output", path);
    PWF_FAIL_IF(access(path, W_OK | X_OK) != 0, pwf_errno_code(errno, PWF_FILE_OUTPUT),
                "cannot write to the run directory %s: %s; choose another with --output", path,
                strerror(errno));
    return pwf_path_check_folder(path);
}

/* Creates one level after the other; another process may create the same ones. */
pwf_status pwf_directory_make(const char *dir, bool *made)
{
    char part[PWF_PATH];
    const size_t length = strlen(dir);
    for (size_t i = 1; i <= length; i++) {
        if (dir[i] != '/' && dir[i] != '\0') continue;
        memcpy(part, dir, i);
        part[i] = '\0';
        *made = mkdir(part, 0755) == 0;
        if (!*made && errno != EEXIST) return cannot_create(part, errno);
    }
    return check_existing(dir);
}

/* Reads the mount options of the device in /proc/self/mountinfo. */
bool pwf_directory_locks_stay(const char *dir)
{
    struct stat info;
    char device[48], *line = NULL;
    size_t room = 0;
    bool here = false;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (!mounts) return false;
    if (stat(dir, &info) == 0) {
        snprintf(device, sizeof device, " %u:%u ", major(info.st_dev), minor(info.st_dev));
        while (!here && getline(&line, &room, mounts) > 0)
            here = strstr(line, device) &&
                   (strstr(line, "localflock") || strstr(line, "local_lock=flock") ||
                    strstr(line, "local_lock=all"));
    }
    free(line);
    fclose(mounts);
    return here;
}

/* ---- examination ---- */

/* Names the file system by its magic number (statfs). */
static void name_file_system(const char *place, pwf_directory *out)
{
    static const struct {
        unsigned long magic;
        const char *name;
        bool in_memory;
    } known[] = {
        {0xEF53, "ext4", false},     {0x58465342, "xfs", false},    {0x9123683E, "btrfs", false},
        {0x2FC12FC1, "zfs", false},  {0x6969, "nfs", false},        {0x0BD00BD0, "lustre", false},
        {0x47504653, "gpfs", false}, {0x19830326, "beegfs", false}, {0x00C36400, "ceph", false},
        {0x01021994, "tmpfs", true}, {0x858458F6, "ramfs", true},   {0x794C7630, "overlay", false},
        {0x65735546, "fuse", false}, {0xFE534D42, "smb", false},    {0xAAD7AAEA, "panfs", false},
        {0x5346414F, "afs", false},  {0x01021997, "9p", false},
    };
    struct statfs info;
    strcpy(out->kind, "unknown");
    if (statfs(place, &info) != 0) return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].magic != ((unsigned long)info.f_type & 0xFFFFFFFF)) continue;
        strcpy(out->kind, known[i].name);
        out->in_memory = known[i].in_memory;
    }
}

/* Sets out->place to the directory or to its nearest existing parent. */
static pwf_status find_place(const char *dir, pwf_directory *out)
{
    struct stat info;
    PWF_FAIL_IF(snprintf(out->place, PWF_PATH, "%s", dir) >= PWF_PATH - 64, PWF_CANTCREATE,
                "the name of the run directory is too long");
    out->exists = stat(dir, &info) == 0;
    if (!out->exists && errno != ENOENT) return cannot_create(dir, errno);
    bool there = out->exists;
    while (!there) {
        pwf_path_directory(out->place, out->place);
        there = stat(out->place, &info) == 0;
        if (!there && errno != ENOENT) return cannot_create(dir, errno);
    }
    return pwf_ok();
}

/* Creates a file under a random name. */
static int make_probe(const char *place, char path[PWF_PATH + 32])
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) random = (uint64_t)getpid();
    snprintf(path, PWF_PATH + 32, "%s/.pwf.probe.%016llx", place, (unsigned long long)random);
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Refuses a directory that a running job of this host holds; an earlier start of the same job will
 * be waited for. The lock is not taken: a job that starts now could find it held. */
static pwf_status check_holder(const char *dir)
{
    char path[PWF_PATH + 32], here[PWF_HOST];
    pwf_holder by = {.process = 0};
    snprintf(path, sizeof path, "%s/.pwf.lock", dir);
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const bool read = fd >= 0 && pwf_holder_read(fd, &by);
    if (fd >= 0) close(fd);
    pwf_host_name(here);
    if (!read || by.process == (long)getpid() || strcmp(here, by.host) != 0 ||
        pwf_holder_is_gone(&by) || pwf_holder_is_earlier(&by))
        return pwf_ok();
    return pwf_holder_in_use(&by, dir, NULL);
}

pwf_status pwf_directory_check(const char *dir, pwf_directory *out)
{
    memset(out, 0, sizeof *out);
    PWF_TRY(find_place(dir, out));
    if (out->exists) return check_existing(dir);
    return access(out->place, W_OK | X_OK) == 0 ? pwf_ok() : cannot_create(dir, errno);
}

/* Creates a probe file, tries to lock it, and measures the file system. */
pwf_status pwf_directory_look(const char *dir, pwf_directory *out)
{
    char path[PWF_PATH + 32];
    PWF_TRY(pwf_directory_check(dir, out));
    const int fd = make_probe(out->place, path);
    if (fd < 0) return cannot_create(dir, errno);
    unlink(path); /* at once: a process killed later leaves nothing behind */
    out->locks = PWF_FAULT_POINT("lock.flock").code == PWF_OK &&
                 flock(fd, LOCK_EX | LOCK_NB) == 0 && !pwf_directory_locks_stay(out->place);
    close(fd);
    struct statvfs space;
    if (statvfs(out->place, &space) == 0)
        out->free_bytes = (int64_t)(space.f_bavail * space.f_frsize);
    name_file_system(out->place, out);
    return check_holder(dir);
}

/* ---- one directory for all ranks ---- */

/* A file of rank 0 that the other ranks look for. */
typedef struct mark {
    char path[PWF_PATH + 32], host[PWF_HOST], contents[CONTENTS];
    int64_t bytes;
} mark;

/* Opens the lock, or creates a probe, and reads its contents. Fails as pwf_directory_look. */
static pwf_status make_mark(const char *dir, bool locked, mark *m)
{
    int fd = -1;
    pwf_host_name(m->host);
    if (locked) {
        snprintf(m->path, sizeof m->path, "%s/.pwf.lock", dir);
        fd = open(m->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    } else {
        pwf_directory place;
        PWF_TRY(pwf_directory_look(dir, &place));
        fd = make_probe(place.place, m->path);
        /* the end of the name is random */
        const char *end = m->path + strlen(m->path) - 16;
        if (fd >= 0) {
            const pwf_status written = pwf_file_pwrite(fd, m->path, end, 16, 0);
            if (written.code != PWF_OK) close(fd);
            PWF_TRY(written);
        }
    }
    if (fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "open", m->path);
    /* NFS shows other hosts only flushed data, and the lock file has not been closed. */
    const pwf_status synced = pwf_file_sync(fd, m->path);
    if (synced.code == PWF_OK) m->bytes = (int64_t)pread(fd, m->contents, CONTENTS, 0);
    close(fd);
    PWF_TRY(synced);
    return m->bytes > 0 ? pwf_ok() : PWF_FAIL(PWF_IO, "cannot read %s", m->path);
}

/* Returns 0 if the file exists with these contents and is writable, else an errno. */
static int look_at_mark(const mark *m)
{
    char contents[CONTENTS];
    const int fd = open(m->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno;
    const ssize_t bytes = pread(fd, contents, CONTENTS, 0);
    close(fd);
    return bytes == m->bytes && memcmp(contents, m->contents, (size_t)bytes) == 0 ? 0 : ENOENT;
}

/* Looks for the file of rank 0 for up to three seconds, since network file systems show new names
 * late. */
static pwf_status find_mark(const pwf_mesh *mesh, const char *dir, const mark *m)
{
    char here[PWF_HOST];
    int e = look_at_mark(m);
    for (int i = 1; i < LOOKS && e != 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
        e = look_at_mark(m);
    }
    if (e == 0) return pwf_ok();
    pwf_host_name(here);
    return PWF_FAIL(PWF_CANTCREATE,
                    "rank %d on %s %s rank 0 has on %s in the run directory %s (%s): choose an "
                    "--output on a file system that all hosts share%s",
                    pwf_mesh_rank(mesh, PWF_WORLD), here,
                    e == ENOENT || e == ENOTDIR ? "does not see the file that"
                                                : "may not write to the file that",
                    m->host, dir, strerror(e), dir[0] == '/' ? "" : ", and give its absolute path");
}

/* Rank 0 creates the file and removes it when all ranks have looked. */
pwf_status pwf_directory_compare(const pwf_mesh *mesh, const char *dir, bool locked)
{
    mark m;
    memset(&m, 0, sizeof m);
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    pwf_status status = pwf_ok();
    if (first) status = make_mark(dir, locked, &m);
    status = pwf_mesh_agree(mesh, status);
    if (status.code == PWF_OK) {
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, &m, sizeof m);
        status = pwf_mesh_agree(mesh, first ? pwf_ok() : find_mark(mesh, dir, &m));
    }
    if (first && !locked && m.path[0]) unlink(m.path);
    return status;
}
