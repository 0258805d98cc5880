/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf verify: checks every byte of checkpoints and models against their hashes. Called by main in a
 * single process, without MPI. Reads the named files, or all checkpoints and models of a run
 * directory, and prints a line for each. */
#include "app.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Counts of the files visited so far. */
typedef struct verify_count {
    bool directory; /* a running job may remove files meanwhile: those do not count */
    int64_t files, bad;
    pwf_status first; /* first failure */
} verify_count;

/* Verifies a file and prints a line; called for each operand or each file of a directory. */
static void visit(void *context, const char *path)
{
    verify_count *count = context;
    pwf_loaded_info info;
    const pwf_status s = pwf_ckpt_inspect(path, false, &info);
    if (count->directory && s.code == PWF_MISSING) return;
    count->files++;
    if (s.code == PWF_OK) {
        printf("good  %s: %s of %s, step %lld, %.1f MiB\n", path,
               info.is_model ? "model" : "checkpoint", info.facts.model,
               (long long)info.facts.position.step, (double)info.bytes * 0x1p-20);
        return;
    }
    printf("BAD   %s: %s\n", path, s.text);
    if (count->bad++ == 0) count->first = s;
}

/* A name that cannot be examined is treated as a file, whose reader reports why. */
static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Ends with the code of the first bad file. */
static pwf_status verify(const pwf_app_args *args)
{
    verify_count count = {.files = 0};
    for (int i = 0; i < args->operands; i++) {
        count.directory = is_directory(args->operand[i]);
        if (count.directory)
            PWF_TRY(pwf_retention_visit(args->operand[i], visit, &count));
        else
            visit(&count, args->operand[i]);
    }
    if (count.files != 1)
        printf("%lld files, %lld bad\n", (long long)count.files, (long long)count.bad);
    if (count.bad == 0) return pwf_ok();
    if (count.files == 1) return count.first;
    return PWF_FAIL(count.first.code,
                    "%lld of %lld files are bad; --resume auto uses the newest good checkpoint, so "
                    "the bad ones can be deleted",
                    (long long)count.bad, (long long)count.files);
}

const pwf_app_command pwf_app_verify = {
    .name = "pwf verify",
    .operands = "FILE|DIR ...",
    .help = "Checks every byte of checkpoints and models, or of all of them in a run directory, "
            "against their hashes.",
    .run = verify,
};
