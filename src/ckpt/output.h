/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_OUTPUT_H
#define PWF_CKPT_OUTPUT_H

#include "pwf/ckpt/ckpt.h"

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

/** Copies what has been written of a file with holes, each byte to its place.
 * Local. Fails with PWF_IO. */
pwf_status pwf_output_copy(int from, int to, const char *path);

#endif
