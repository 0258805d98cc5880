/* SPDX-License-Identifier: BSD-3-Clause */
#define _XOPEN_SOURCE 700 /* realpath */
#include "file.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

pwf_status pwf_source_inside(const char *root, const char *path)
{
    char *inside = realpath(root, NULL), *full = realpath(path, NULL);
    const size_t n = inside ? strlen(inside) : 0;
    const bool good = inside && full && strncmp(inside, full, n) == 0 &&
                      (full[n] == '/' || (n == 1 && inside[0] == '/'));
    pwf_status s = pwf_ok();
    if (!good && inside && full)
        s = PWF_FAIL(PWF_DATA,
                     "%s leads to %s, outside data.path; set data.path to the folder of "
                     "the files themselves",
                     path, full);
    else if (!good)
        s = PWF_FAIL_ERRNO(PWF_FILE_INPUT, "find", path);
    free(inside);
    free(full);
    return s;
}

pwf_status pwf_source_open(const char *root, const char *path, int *fd, int64_t *size)
{
    struct stat st;
    /* Without O_NONBLOCK, opening a pipe would wait for its writer for ever. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return pwf_ok();
        if (errno == ELOOP || errno == ENXIO)
            return PWF_FAIL(PWF_DATA, "cannot open %s: %s", path, strerror(errno));
        return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "open", path);
    }
    PWF_TRY(pwf_source_inside(root, path));
    if (fstat(*fd, &st) != 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "look at", path);
    if (!S_ISREG(st.st_mode)) return PWF_FAIL(PWF_DATA, "%s is not a regular file", path);
    *size = st.st_size;
    return pwf_ok();
}

static pwf_status read_all(int fd, const char *path, uint8_t *bytes, int64_t size)
{
    for (int64_t at = 0; at < size;) {
        const ssize_t n = read(fd, bytes + at, (size_t)(size - at));
        if (n < 0 && errno != EINTR)
            return PWF_FAIL(PWF_IO, "cannot read %s at byte %lld: %s", path, (long long)at,
                            strerror(errno));
        if (n == 0) return PWF_FAIL(PWF_DATA, "%s became shorter while it was read", path);
        if (n > 0) at += n;
    }
    return pwf_ok();
}

pwf_status pwf_source_read(const char *root, const char *path, int64_t most, uint8_t **bytes,
                           int64_t *size)
{
    int fd = -1;
    *bytes = NULL;
    pwf_status s = pwf_source_open(root, path, &fd, size);
    if (s.code == PWF_OK && fd < 0) return PWF_FAIL(PWF_MISSING, "%s is not there", path);
    if (s.code == PWF_OK && *size > most)
        s = PWF_FAIL(PWF_DATA, "%s has %lld bytes; at most %lld are read", path, (long long)*size,
                     (long long)most);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, *size + 1, 1, bytes);
    if (s.code == PWF_OK) s = read_all(fd, path, *bytes, *size);
    if (fd >= 0) close(fd);
    if (s.code != PWF_OK) {
        pwf_mem_free(*bytes);
        *bytes = NULL;
    }
    return s;
}
