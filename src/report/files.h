/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REPORT_FILES_H
#define PWF_REPORT_FILES_H

#include "pwf/core/status.h"

#include <stddef.h>
#include <stdint.h>

/** Files of the run directory that grow. */

/* A file that only grows, by whole lines. */
typedef struct pwf_grow_file {
    int fd;                 /* -1: not open */
    int64_t length;         /* bytes that belong to the run */
    const char *dir, *name; /* for messages; not owned */
} pwf_grow_file;

/** Opens or creates `name` in the directory `dir_fd`, to append after `length` bytes. If the file
 * is shorter or no line ends there, after the last complete line before, with a warning. The rest
 * is not cut yet.
 * Local. Fails as pwf_report_open. */
pwf_status pwf_grow_open(pwf_grow_file *file, int dir_fd, const char *dir, const char *name,
                         int64_t length);

/** Cuts the file to the length it was opened with.
 * Local. Fails with PWF_IO. */
pwf_status pwf_grow_cut(pwf_grow_file *file);

/** Appends all of `bytes`, or nothing: after a failure the file is cut back.
 * Local. Fails with PWF_IO. */
pwf_status pwf_grow_append(pwf_grow_file *file, const char *bytes, size_t count);

#endif
