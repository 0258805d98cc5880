/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_OUTPUT_H
#define PWF_RUNDIR_OUTPUT_H

#include "pwf/core/file.h"

#include <sys/types.h>

/** How a file that is written as a whole gets its name: a partial file is created under a temporary
 * name, written, synced, renamed, and the directory is synced. A process killed before the rename
 * leaves only the partial file. pwf_output does all of it for one process; the step functions serve
 * callers that write with several ranks. */

/* A file that one process writes from front to back. */
typedef struct pwf_output {
    int fd;                                /* of the partial file; -1: not open */
    const char *path;                      /* final name; the caller's */
    char dir[PWF_PATH], partial[PWF_PATH]; /* directory of both; temporary name */
    int64_t bytes;                         /* written so far */
} pwf_output;

/** Creates the partial file of `path`, which must outlive the output.
 * Local. The caller ends it with pwf_output_end or pwf_output_drop. Fails with PWF_CANTCREATE or
 * PWF_DENIED; nothing is then left behind. */
pwf_status pwf_output_begin(pwf_output *output, const char *path);

/** Appends `count` bytes.
 * Local. Fails with PWF_IO. */
pwf_status pwf_output_add(pwf_output *output, const void *bytes, size_t count);

/** Sets the mode, syncs the partial file, renames it and syncs the directory.
 * Local. Fails with PWF_CANTCREATE or PWF_IO. */
pwf_status pwf_output_end(pwf_output *output);

/** Removes the partial file of an output that has not ended; else does nothing.
 * Local. */
void pwf_output_drop(pwf_output *output);

/** Writes a whole file of `count` bytes.
 * Local. Fails with PWF_CANTCREATE, PWF_DENIED or PWF_IO; a file of that name is then unchanged. */
pwf_status pwf_output_write(const char *path, const void *bytes, size_t count);

/** Creates an empty partial file DIR/.NAME.part.ATTEMPT<16 hex digits>, mode 0600.
 * Local. The caller closes *fd and removes the file. Fails with PWF_CANTCREATE or PWF_DENIED; *fd
 * is then -1. */
pwf_status pwf_output_create(const char *dir, const char *name, const char *attempt,
                             char partial[PWF_PATH], int *fd);

/** The mode of a new file: 0666 without the bits of the umask and without write permission for
 * group and others.
 * Local. It briefly changes the umask of the process: no other thread may create files meanwhile.
 */
mode_t pwf_output_mode(void);

/** Gives a partial file its mode.
 * Local; any thread. Fails with PWF_IO. */
pwf_status pwf_output_set_mode(int fd, const char *partial, mode_t mode);

/** Renames a partial file to its final name.
 * Local; any thread. Fails with `code`. */
pwf_status pwf_output_rename(const char *partial, const char *path, pwf_code code);

enum { PWF_MEMORY_NAME = 64 }; /* bytes */

/** Creates a file in memory for libhdf5 to lay out, and sets its name. Writing there does not fail,
 * whereas libhdf5 can crash when the process ends if a write has failed. Arrays that are not
 * written are holes and take no memory.
 * Local. The caller closes *fd. Fails with PWF_RESOURCE. */
pwf_status pwf_output_memory(int *fd, char name[PWF_MEMORY_NAME]);

/** Copies the data of a file with holes, each byte to its offset.
 * Local; any thread. Fails with PWF_IO. */
pwf_status pwf_output_copy(int from, const char *source, int to, const char *target);

#endif
