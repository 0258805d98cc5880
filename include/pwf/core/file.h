/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_FILE_H
#define PWF_CORE_FILE_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Files: whole transfers, paths, directories, and the exit code of a failed system call. */

enum { PWF_PATH = 4096 }; /* bytes of a path, including its NUL */

/* What a file is to the program, which decides the exit code when a system call on it fails. */
typedef enum pwf_file_use {
    PWF_FILE_INPUT,  /* named by the user: PWF_MISSING where it does not exist, else PWF_IO */
    PWF_FILE_OUTPUT, /* to be created: PWF_CANTCREATE */
    PWF_FILE_STATE   /* created earlier by the program: PWF_IO */
} pwf_file_use;

/** The exit code of errno value `error` for a file of that use: PWF_DENIED for EACCES
 * and EPERM, PWF_RESOURCE for ENOMEM, EMFILE and ENFILE, else as pwf_file_use says.
 * Local; any thread. */
pwf_code pwf_errno_code(int error, pwf_file_use use);

/** A failed system call as a status, with the current errno: "cannot <verb> <path>: <reason>".
 * Local; any thread. Use PWF_FAIL_ERRNO. */
pwf_status pwf_errno_status(pwf_file_use use, const char *verb, const char *path,
                            const char *source, int line);

#define PWF_FAIL_ERRNO(use, verb, path) pwf_errno_status((use), (verb), (path), __FILE__, __LINE__)

/** pread and pwrite of exactly `bytes` bytes: interrupted and short transfers are continued. Each
 * system call counts as progress for the watchdog.
 * Local; any thread. Fail with PWF_IO, reading past the end of the file with PWF_DATA. */
pwf_status pwf_file_pread(int fd, const char *path, void *out, size_t bytes, uint64_t offset);
pwf_status pwf_file_pwrite(int fd, const char *path, const void *in, size_t bytes, uint64_t offset);

/** write of exactly `bytes` bytes: interrupted and short transfers are continued.
 * Local; any thread. Fails with PWF_IO and sets errno. */
pwf_status pwf_file_append(int fd, const char *path, const void *in, size_t bytes);

/** fsync. An interrupted call is repeated; a failed one is not, because the system may have dropped
 * the dirty pages.
 * Local; any thread. Fails with PWF_IO. */
pwf_status pwf_file_sync(int fd, const char *path);

/** Opens a regular file for reading and returns its length in *bytes.
 * Local; any thread. The caller closes *fd. Fails with PWF_MISSING, PWF_DENIED, PWF_RESOURCE,
 * PWF_IO or PWF_DATA; *fd is then -1. */
pwf_status pwf_file_open_read(const char *path, int *fd, int64_t *bytes);

/** The directory part of a path, as dirname(1) prints it: "." without a slash, "/" for the root.
 * Local; any thread. `dir` may be `path`. Returns false, and an empty `dir`, if the result is
 * longer than PWF_PATH - 1 bytes. */
bool pwf_path_directory(char dir[PWF_PATH], const char *path);

/** Writes "<dir>/<name>" to `path`.
 * Local; any thread. Returns false, and an empty `path`, if that is longer than PWF_PATH - 1 bytes.
 */
bool pwf_path_join(char path[PWF_PATH], const char *dir, const char *name);

/** Splits the path of an output file into directory and name. Fails if the path exists and is not a
 * regular file, because only a regular file may be replaced.
 * Local; any thread. *name points into `path`. Fails with PWF_CANTCREATE. */
pwf_status pwf_path_split(const char *path, char dir[PWF_PATH], const char **name);

/** Fails unless `dir` is a directory that other users cannot write to, except with the sticky bit.
 * Local; any thread. Fails with PWF_CANTCREATE, PWF_DENIED or PWF_RESOURCE. */
pwf_status pwf_path_check_folder(const char *dir);

/** Whether two paths lead to the same existing file or directory.
 * Local; any thread. */
bool pwf_path_is_same(const char *a, const char *b);

/** fsync of a directory, which makes the names in it durable.
 * Local; any thread. Fails with PWF_IO. */
pwf_status pwf_path_sync_folder(const char *dir);

#endif
