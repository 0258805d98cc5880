/* SPDX-License-Identifier: BSD-3-Clause */
/* The one protocol by which a file gets its name: partial file, write, sync, rename, sync of the
 * directory. Called by everything that writes whole files: checkpoints, exports, HDF5 outputs and
 * reports. Touches the file, its directory and the umask; no MPI. */
#define _GNU_SOURCE /* getrandom, memfd_create, SEEK_DATA */
#include "pwf/rundir/output.h"

#include "pwf/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* The random number keeps attempts apart; O_EXCL and O_NOFOLLOW refuse whatever already has the
 * name. Nobody else may read the file before it is complete. */
pwf_status pwf_output_create(const char *dir, const char *name, const char *attempt,
                             char partial[PWF_PATH], int *fd)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) random = (uint64_t)getpid();
    const int n = snprintf(partial, PWF_PATH, "%s/.%s.part.%s%016llx", dir, name, attempt,
                           (unsigned long long)random);
    PWF_FAIL_IF(n >= PWF_PATH, PWF_CANTCREATE, "the name of the directory %.200s... is too long",
                dir);
    *fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "create", partial);
    return pwf_ok();
}

/* The umask can only be read by setting it. */
mode_t pwf_output_mode(void)
{
    const mode_t mask = umask(022);
    umask(mask);
    return 0666 & ~mask & ~(mode_t)022;
}

pwf_status pwf_output_set_mode(int fd, const char *partial, mode_t mode)
{
    if (fchmod(fd, mode) == 0) return pwf_ok();
    return PWF_FAIL_ERRNO(PWF_FILE_STATE, "set the mode of", partial);
}

pwf_status pwf_output_rename(const char *partial, const char *path, pwf_code code)
{
    if (rename(partial, path) == 0) return pwf_ok();
    return PWF_FAIL(code, "cannot rename %s to %s: %s", partial, path, strerror(errno));
}

pwf_status pwf_output_begin(pwf_output *output, const char *path)
{
    const char *name = NULL;
    output->fd = -1;
    output->path = path;
    output->bytes = 0;
    PWF_TRY(pwf_path_split(path, output->dir, &name));
    PWF_TRY(pwf_path_check_folder(output->dir));
    return pwf_output_create(output->dir, name, "", output->partial, &output->fd);
}

pwf_status pwf_output_add(pwf_output *output, const void *bytes, size_t count)
{
    PWF_TRY(pwf_file_pwrite(output->fd, output->path, bytes, count, (uint64_t)output->bytes));
    output->bytes += (int64_t)count;
    return pwf_ok();
}

/* The order makes the file durable before its name, and the name before the call returns. */
pwf_status pwf_output_end(pwf_output *output)
{
    PWF_TRY(pwf_output_set_mode(output->fd, output->partial, pwf_output_mode()));
    PWF_TRY(pwf_file_sync(output->fd, output->partial));
    PWF_TRY(pwf_output_rename(output->partial, output->path, PWF_CANTCREATE));
    close(output->fd);
    output->fd = -1;
    return pwf_path_sync_folder(output->dir);
}

/* After pwf_output_end the descriptor is closed, and nothing is removed. */
void pwf_output_drop(pwf_output *output)
{
    if (output->fd < 0) return;
    close(output->fd);
    output->fd = -1;
    unlink(output->partial);
}

pwf_status pwf_output_write(const char *path, const void *bytes, size_t count)
{
    pwf_output output;
    PWF_TRY(pwf_output_begin(&output, path));
    pwf_status s = pwf_output_add(&output, bytes, count);
    if (s.code == PWF_OK) s = pwf_output_end(&output);
    pwf_output_drop(&output);
    return s;
}

/* libhdf5 opens the file by its name in /proc. */
pwf_status pwf_output_memory(int *fd, char name[PWF_MEMORY_NAME])
{
    *fd = memfd_create("pwf-layout", MFD_CLOEXEC);
    PWF_FAIL_IF(*fd < 0, PWF_RESOURCE, "cannot create a file in memory: %s", strerror(errno));
    snprintf(name, PWF_MEMORY_NAME, "/proc/self/fd/%d", *fd);
    return pwf_ok();
}

/* SEEK_DATA and SEEK_HOLE find the data; on a file system without them the whole file counts as
 * data. */
pwf_status pwf_output_copy(int from, const char *source, int to, const char *target)
{
    enum { PIECE = 1 << 16 };
    char piece[PIECE];
    off_t hole = 0;
    for (;;) {
        off_t at = lseek(from, hole, SEEK_DATA);
        if (at < 0) break; /* ENXIO: only a hole is left */
        hole = lseek(from, at, SEEK_HOLE);
        while (at < hole) {
            const size_t n = hole - at < PIECE ? (size_t)(hole - at) : PIECE;
            PWF_TRY(pwf_file_pread(from, source, piece, n, (uint64_t)at));
            PWF_TRY(pwf_file_pwrite(to, target, piece, n, (uint64_t)at));
            at += (off_t)n;
        }
    }
    return pwf_ok();
}
