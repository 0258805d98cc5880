/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEMORY_MAX = 640 << 20 }; /* bytes: PWF_IMAGE_MEMORY_MAX, and the picture */

static int64_t accepted;
static char folder[PWF_PATH], path[PWF_PATH + 64];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

void fuzz_accept(void)
{
    accepted++;
}

int64_t fuzz_accepted(void)
{
    return accepted;
}

void fuzz_must(pwf_status status)
{
    if (status.code != PWF_OK) fail(status.text);
}

/* The folder holds what fuzz_file has written and nothing else. */
static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir) closedir(dir);
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    if (folder[0]) return folder;
    const char *where = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/fuzz-XXXXXX", where ? where : ".");
    if (!mkdtemp(folder)) fail("no scratch folder");
    atexit(remove_folder);
    return folder;
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t size)
{
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) fail("cannot make a scratch file");
    fuzz_must(pwf_file_pwrite(fd, path, data, size, 0));
    close(fd);
    return path;
}

/* The number that the next descriptor gets. */
static int next_descriptor(void)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail("no descriptor left");
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t live = pwf_mem_live();
    const int descriptor = next_descriptor();
    pwf_log_set(PWF_LOG_ERROR, true);
    fuzz_one(data, size);
    if (pwf_mem_live() != live) fail("memory was left behind");
    if (next_descriptor() != descriptor) fail("a descriptor was left open");
    if (pwf_mem_peak_total() > MEMORY_MAX) fail("more memory was taken than an input may cost");
    return 0;
}
