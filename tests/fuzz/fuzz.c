/* SPDX-License-Identifier: BSD-3-Clause */
/* What all fuzz targets share: the count of accepted inputs, the check of calls that must succeed,
 * and the scratch folder, which is removed at exit. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "fuzz.h"

#include "pwf/core/file.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int remove_entry(const char *name, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(name);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
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
