/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_FILE_H
#define PWF_SRC_DATA_FILE_H

#include "pwf/core/file.h"
#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files of a data set: regular, readable, and under the folder that data.path names. `real_root` is
 * that folder as pwf_source_resolve gives it, so that it is resolved once and not per file. */

/* The absolute path of a folder without links; "" if it does not exist, and then no file is inside
 * it. Local. */
void pwf_source_resolve(const char *root, char real[PWF_PATH]);

/* Opens `path` for reading. *fd is -1 if there is no such file, which is not a failure. Never
 * blocks on a pipe. Local. Fails with PWF_DENIED, PWF_DATA, PWF_IO, PWF_RESOURCE; the caller then
 * closes *fd if it is not -1. */
pwf_status pwf_source_open(const char *real_root, const char *path, int *fd, int64_t *size);

/* Fails with PWF_DATA if `path` leads out of the folder through a link, with PWF_MISSING if it does
 * not exist. Local. */
pwf_status pwf_source_inside(const char *real_root, const char *path);

/* Reads a whole file of at most `most` bytes into memory that the caller frees with pwf_mem_free;
 * a zero byte follows the contents. Local. Fails as pwf_source_open, and with PWF_MISSING. */
pwf_status pwf_source_read(const char *real_root, const char *path, int64_t most, uint8_t **bytes,
                           int64_t *size);

#endif
