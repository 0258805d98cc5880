/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_OUTPUT_H
#define PWF_RUNDIR_OUTPUT_H

#include "pwf/core/file.h"

#include <sys/types.h>

/** A file that is written from front to back under a temporary name, and gets its own when all of
 * it is on disk. */
typedef struct pwf_output {
    int fd; /* -1: not open */
    const char *path;
    char dir[PWF_PATH], part[PWF_PATH];
    int64_t bytes; /* written so far */
} pwf_output;

/** Begins, adds to and ends a file; drop removes one that was not ended and is always allowed.
 * Local. `path` must outlive it. Fail with PWF_CANTCREATE, PWF_DENIED or PWF_IO. */
pwf_status pwf_output_begin(pwf_output *output, const char *path);
pwf_status pwf_output_add(pwf_output *output, const void *bytes, size_t count);
pwf_status pwf_output_end(pwf_output *output);
void pwf_output_drop(pwf_output *output);

/** Makes an empty part file of a file NAME, "DIR/.NAME.part.ATTEMPT" and a number, for its owner
 * alone.
 * Local. The caller closes *fd and removes it. Fails with PWF_CANTCREATE or PWF_DENIED; *fd is then
 * -1. */
pwf_status pwf_output_create(const char *dir, const char *name, const char *attempt,
                             char part[PWF_PATH], int *fd);

/** The mode of a new file, never writable for others. It is found by changing that of the process,
 * so threads must not make files meanwhile.
 * Local. */
mode_t pwf_output_mode(void);

/** Gives a part file its mode.
 * Local; any thread. Fails with PWF_IO. */
pwf_status pwf_output_set_mode(int fd, const char *part, mode_t mode);

enum { PWF_MEMORY_NAME = 64 }; /* bytes */

/** A file in memory in which libhdf5 lays a file out, and its name: a libhdf5 that once failed to
 * write crashes when the process ends, and here writing does not fail (only what it writes takes
 * space: arrays are holes).
 * Local. The caller closes *fd. Fails with PWF_RESOURCE. */
pwf_status pwf_output_memory(int *fd, char name[PWF_MEMORY_NAME]);

/** Copies what has been written of a file with holes, each byte to its place.
 * Local. Fails with PWF_IO. */
pwf_status pwf_output_copy(int from, int to, const char *path);

#endif
