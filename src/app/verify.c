/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_of_run(const struct dirent *entry)
{
    static const char *const patterns[] = {"ckpt-*.h5", "round-*.h5", "model.h5"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (fnmatch(patterns[i], entry->d_name, 0) == 0) return 1;
    return 0;
}

/* A running job removes old checkpoints: one that is gone by now is not counted. */
static void verify_one(const char *path, int *good, int *bad)
{
    const pwf_status s = pwf_ckpt_verify(path);
    if (s.code == PWF_MISSING) return;
    if (s.code == PWF_OK)
        printf("good  %s\n", path);
    else
        printf("BAD   %s: %s\n", path, s.text);
    ++*(s.code == PWF_OK ? good : bad);
}

static pwf_status verify_folder(const char *dir)
{
    struct dirent **entry = NULL;
    int good = 0, bad = 0;
    const int count = scandir(dir, &entry, is_of_run, alphasort);
    if (count < 0)
        return PWF_FAIL(errno == ENOMEM ? PWF_RESOURCE : PWF_IO, "cannot read the directory %s: %s",
                        dir, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[PWF_PATH];
        if (snprintf(path, sizeof path, "%s/%s", dir, entry[i]->d_name) < PWF_PATH)
            verify_one(path, &good, &bad);
        free(entry[i]);
    }
    free(entry);
    if (bad > 0)
        return PWF_FAIL(PWF_DATA,
                        "%d of %d files in %s are bad: a run goes on from the newest good "
                        "checkpoint; keep the bad ones for a look, or delete them",
                        bad, good + bad, dir);
    if (good == 0)
        return PWF_FAIL(PWF_MISSING, "no checkpoint or model in %s: is it a run directory?", dir);
    return pwf_ok();
}

pwf_status pwf_app_verify(int argc, char **argv)
{
    struct stat info;
    if (argc != 2 || argv[1][0] == '-')
        return PWF_FAIL(PWF_USAGE, "pwf verify takes one file or run directory");
    if (stat(argv[1], &info) == 0 && S_ISDIR(info.st_mode)) return verify_folder(argv[1]);
    PWF_TRY(pwf_ckpt_verify(argv[1]));
    printf("good  %s\n", argv[1]);
    return pwf_ok();
}
