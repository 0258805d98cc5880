/* SPDX-License-Identifier: BSD-3-Clause */
/* The growing files of a report, metrics.jsonl and rounds.csv, to which whole lines are appended.
 * Called by report.c on world rank 0. Touches files of the run directory only, through its
 * descriptor, without following symbolic links. */
#include "report_room.h"

#include "pwf/core/file.h"
#include "pwf/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Never writable by other users, whatever the umask is. */
enum { MODE = 0644 };

/* The failure of an operation on dir/name, with the code that errno and `use` select. */
static pwf_status cannot(const char *what, const char *dir, const char *name, pwf_file_use use)
{
    const int error = errno;
    PWF_FAIL_IF(error == ELOOP, PWF_DENIED,
                "%s/%s is a symbolic link; remove it or choose another --output", dir, name);
    return PWF_FAIL(pwf_errno_code(error, use), "cannot %s %s/%s: %s", what, dir, name,
                    strerror(error));
}

/* Finds the end of the last complete line within the first `length` bytes, reading backwards in
 * pieces. */
static pwf_status line_end(const pwf_grow_file *f, int64_t length, int64_t *end)
{
    char piece[4096];
    for (*end = length; *end > 0;) {
        const int64_t begin = *end > (int64_t)sizeof piece ? *end - (int64_t)sizeof piece : 0;
        const int64_t size = *end - begin;
        PWF_TRY(pwf_file_pread(f->fd, f->name, piece, (size_t)size, (uint64_t)begin));
        for (; *end > begin; --*end)
            if (piece[*end - begin - 1] == '\n') return pwf_ok();
    }
    return pwf_ok();
}

/* Sets f->length to where appending may continue: the length noted in the checkpoint, or the end of
 * the last complete line before it. Rows can be missing after a resume from an older checkpoint
 * that is followed by one from a newer checkpoint. That is a warning, not a failure: people read
 * these files, the program does not need them. */
static pwf_status check_cut(pwf_grow_file *f)
{
    struct stat st;
    int64_t end = 0;
    if (fstat(f->fd, &st) != 0) return cannot("stat", f->dir, f->name, PWF_FILE_STATE);
    PWF_FAIL_IF(!S_ISREG(st.st_mode), PWF_CANTCREATE, "%s/%s is not a regular file", f->dir,
                f->name);
    PWF_FAIL_IF(st.st_nlink > 1, PWF_DENIED,
                "%s/%s is a hard link to another file, which would be changed; remove it or "
                "choose another --output",
                f->dir, f->name);
    PWF_TRY(line_end(f, st.st_size < f->length ? st.st_size : f->length, &end));
    if (end < f->length)
        PWF_WARN("ROWS",
                 "%s/%s has changed since the checkpoint was written, when it had %lld bytes; rows "
                 "are appended after byte %lld, and some are missing",
                 f->dir, f->name, (long long)f->length, (long long)end);
    f->length = end;
    return pwf_ok();
}

pwf_status pwf_grow_open(pwf_grow_file *file, int dir_fd, const char *dir, const char *name,
                         int64_t length)
{
    PWF_ASSERT(length >= 0);
    *file = (pwf_grow_file){.fd = -1, .length = length, .dir = dir, .name = name};
    const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    file->fd = openat(dir_fd, name, flags, MODE);
    if (file->fd < 0) return cannot("open", dir, name, PWF_FILE_OUTPUT);
    return check_cut(file);
}

pwf_status pwf_grow_cut(pwf_grow_file *file)
{
    if (ftruncate(file->fd, file->length) != 0)
        return cannot("cut back", file->dir, file->name, PWF_FILE_STATE);
    return pwf_ok();
}

pwf_status pwf_grow_append(pwf_grow_file *file, const char *bytes, size_t count)
{
    if (pwf_file_append(file->fd, file->name, bytes, count).code != PWF_OK) {
        const pwf_status s = cannot("append to", file->dir, file->name, PWF_FILE_STATE);
        /* An incomplete line would make the file unreadable. */
        PWF_FAIL_IF(ftruncate(file->fd, file->length) != 0, PWF_IO,
                    "%.800s; it may end with an incomplete line", s.text);
        return s;
    }
    file->length += (int64_t)count;
    return pwf_ok();
}
