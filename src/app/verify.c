/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf verify: every byte of checkpoints and models against their hashes. */
#include "app.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct verify_count {
    bool folder; /* whose files a running job may remove meanwhile: those do not count */
    int64_t files, bad;
    pwf_status first; /* failure */
} verify_count;

static void visit(void *context, const char *path)
{
    verify_count *count = context;
    pwf_ckpt_info info;
    const pwf_status s = pwf_ckpt_examine(path, &info);
    if (count->folder && s.code == PWF_MISSING) return;
    count->files++;
    if (s.code == PWF_OK) {
        printf("good  %s: %s of %s, step %lld, %.1f MiB\n", path,
               info.is_model ? "model" : "checkpoint", info.model, (long long)info.position.step,
               (double)info.bytes * 0x1p-20);
        return;
    }
    printf("BAD   %s: %s\n", path, s.text);
    if (count->bad++ == 0) count->first = s;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

pwf_status pwf_app_verify(int argc, char **argv)
{
    static const char usage[] = "usage: pwf verify FILE|DIR ...";
    verify_count count = {.files = 0};
    if (argc < 2) return PWF_FAIL(PWF_USAGE, "no file given; %s", usage);
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return PWF_FAIL(PWF_USAGE, "pwf verify has no option %s; %s", argv[i], usage);
    for (int i = 1; i < argc; i++) {
        count.folder = is_folder(argv[i]);
        if (count.folder)
            PWF_TRY(pwf_ckpt_visit(argv[i], visit, &count));
        else
            visit(&count, argv[i]);
    }
    if (count.files != 1)
        printf("%lld files, %lld bad\n", (long long)count.files, (long long)count.bad);
    if (count.bad == 0) return pwf_ok();
    if (count.files == 1) return count.first;
    return PWF_FAIL(
        count.first.code,
        "%lld of %lld files are bad: a run goes on from the newest good checkpoint; keep "
        "the bad ones for a look, or delete them",
        (long long)count.bad, (long long)count.files);
}
