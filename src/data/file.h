/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_FILE_H
#define PWF_SRC_DATA_FILE_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files of a data set: regular, readable, and under the folder that data.path names. */

/* Opens `path` for reading; *fd is -1 if there is no such file, which is no failure. Never waits,
 * as opening a pipe would. Local. Fails with PWF_DENIED, PWF_DATA, PWF_IO, PWF_RESOURCE; *fd is
 * then to be closed if it is not -1. */
pwf_status pwf_source_open(const char *root, const char *path, int *fd, int64_t *size);

/* A link may lead anywhere; data stay under `root`. Local. Fails with PWF_DATA, PWF_MISSING. */
pwf_status pwf_source_inside(const char *root, const char *path);

/* The whole of a file of at most `most` bytes, in memory that the caller frees with pwf_mem_free;
 * one more byte, 0, follows it. Local. Fails as pwf_source_open, and with PWF_MISSING. */
pwf_status pwf_source_read(const char *root, const char *path, int64_t most, uint8_t **bytes,
                           int64_t *size);

#endif
