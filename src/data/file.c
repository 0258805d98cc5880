/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens and reads files of a data set and keeps them inside data.path. Called by the sources of
 * images and by pack, from any thread. Every path is resolved through all its links, so no link in
 * a data set can lead to files outside it. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "pwf/data/file.h"

#include "pwf/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With an empty `real`, pwf_data_check_inside refuses every file. */
void pwf_data_resolve(const char *root, char real[PWF_PATH])
{
    _Static_assert(PWF_PATH >= PATH_MAX, "realpath writes up to PATH_MAX bytes");
    if (!realpath(root, real)) real[0] = '\0';
}

/* Both paths are resolved, so comparing their beginnings is enough. */
pwf_status pwf_data_check_inside(const char *real_root, const char *path)
{
    char full[PWF_PATH];
    const size_t n = strlen(real_root);
    if (!realpath(path, full)) return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "find", path);
    /* "/" is the only resolved folder that ends with a slash. */
    if (n > 0 && strncmp(real_root, full, n) == 0 && (full[n] == '/' || n == 1)) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s is a link to %s, outside data.path; set data.path to the directory of the "
                    "files themselves",
                    path, full);
}

pwf_status pwf_data_open_file(const char *real_root, const char *path, int *fd, int64_t *size)
{
    struct stat st;
    /* Without O_NONBLOCK, opening a pipe would block until there is a writer. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return pwf_ok();
        PWF_FAIL_IF(errno == ELOOP || errno == ENXIO, PWF_DATA, "cannot open %s: %s", path,
                    strerror(errno));
        return PWF_FAIL_ERRNO(PWF_FILE_INPUT, "open", path);
    }
    PWF_TRY(pwf_data_check_inside(real_root, path));
    if (fstat(*fd, &st) != 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat", path);
    PWF_FAIL_IF(!S_ISREG(st.st_mode), PWF_DATA, "%s is not a regular file", path);
    *size = st.st_size;
    return pwf_ok();
}

pwf_status pwf_data_open_in(const char *root, const char *name, char path[PWF_PATH], int *fd,
                            int64_t *size)
{
    char real[PWF_PATH];
    PWF_FAIL_IF(!pwf_path_join(path, root, name), PWF_MISSING,
                "the path of %s in data.path is too long", name);
    pwf_data_resolve(root, real);
    return pwf_data_open_file(real, path, fd, size);
}

/* The length of the file is checked before memory of that size is allocated. */
pwf_status pwf_data_read_file(const char *real_root, const char *path, int64_t most,
                              uint8_t **bytes, int64_t *size)
{
    int fd = -1;
    *bytes = NULL;
    pwf_status s = pwf_data_open_file(real_root, path, &fd, size);
    PWF_FAIL_IF(s.code == PWF_OK && fd < 0, PWF_MISSING, "%s does not exist", path);
    if (s.code == PWF_OK && *size > most)
        s = PWF_FAIL(PWF_DATA, "%s has %lld bytes; at most %lld are allowed", path,
                     (long long)*size, (long long)most);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_DATA, *size + 1, 1, bytes);
    if (s.code == PWF_OK) s = pwf_file_pread(fd, path, *bytes, (size_t)*size, 0);
    if (fd >= 0) close(fd);
    if (s.code != PWF_OK) {
        pwf_mem_free(*bytes);
        *bytes = NULL;
    }
    return s;
}

/* A file that changed since it was listed would make the order of images and their hash wrong. */
pwf_status pwf_data_read_encoded(const char *real_root, const char *path, int64_t wanted,
                                 uint8_t **bytes, int64_t *size)
{
    PWF_TRY(pwf_data_read_file(real_root, path, PWF_IMAGE_FILE_MAX, bytes, size));
    if (wanted < 0 || *size == wanted) return pwf_ok();
    pwf_mem_free(*bytes);
    *bytes = NULL;
    return PWF_FAIL(PWF_DATA, "%s had %lld bytes when it was listed and has %lld now", path,
                    (long long)wanted, (long long)*size);
}

pwf_status pwf_data_read_image(const char *real_root, const char *path, int64_t wanted,
                               pwf_image *out)
{
    uint8_t *bytes = NULL;
    int64_t size = 0;
    *out = (pwf_image){0};
    PWF_TRY(pwf_data_read_encoded(real_root, path, wanted, &bytes, &size));
    const pwf_status s = pwf_image_decode(path, bytes, size, out);
    pwf_mem_free(bytes);
    return s;
}
