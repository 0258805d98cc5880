/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf export: writes the mean weights of a checkpoint or model for other programs, as safetensors
 * or in the compact form. Called by main in a single process, without MPI. Reads one file, writes
 * one and prints its size. */
#include "app.h"

#include "pwf/formats/export.h"

#include <stdio.h>
#include <string.h>

static const pwf_app_option options[] = {
    {.name = "--output",
     .letter = "-o",
     .argument = "FILE",
     .required = true,
     .help = "file to write; its extension selects the format: .safetensors, with timm's names, or "
             ".pwf, the compact form"},
};

/* Whether a path ends with the given extension and is longer than that. */
static bool ends(const char *path, const char *with)
{
    const size_t n = strlen(path), k = strlen(with);
    return n > k && strcmp(path + n - k, with) == 0;
}

/* Writes all mean weights as fp32. */
static pwf_status write_safetensors(const pwf_loaded *from, const char *path)
{
    int64_t bytes = 0;
    PWF_TRY(pwf_export_safetensors(from, path, &bytes));
    printf("%s: %lld bytes, %d fp32 tensors\n", path, (long long)bytes, from->count);
    return pwf_ok();
}

/* Writes the compact form and prints what its bytes are used for. */
static pwf_status write_packed(const pwf_loaded *from, const char *path)
{
    pwf_export_sizes z;
    PWF_TRY(pwf_export_packed(from, path, &z));
    printf("%s: %lld bytes\n", path, (long long)z.file);
    printf(
        "  indices    %lld bytes for %lld weights, and %lld of tables; the entropy bound is %.0f "
        "(%+.2f %%)\n",
        (long long)z.stream, (long long)z.coded, (long long)z.tables, z.bound,
        z.bound > 0 ? 100 * ((double)(z.stream + z.tables) / z.bound - 1) : 0.0);
    printf("  fp32 rest  %lld bytes\n", (long long)z.rest);
    printf("  other      %lld bytes: names, shapes, metadata\n", (long long)z.other);
    return pwf_ok();
}

/* Loading verifies the checkpoint before anything is written. */
static pwf_status export(const pwf_app_args *args)
{
    const char *out = pwf_app_value(args, "--output");
    const bool packed = ends(out, ".pwf");
    pwf_loaded from;
    if (!packed && !ends(out, ".safetensors"))
        return pwf_app_usage(args->command, "%.200s: the extension must be .safetensors or .pwf",
                             out);
    PWF_TRY(pwf_ckpt_load(args->operand[0], &from));
    const pwf_status s = packed ? write_packed(&from, out) : write_safetensors(&from, out);
    pwf_ckpt_unload(&from);
    return s;
}

const pwf_app_command pwf_app_export = {
    .name = "pwf export",
    .operands = "CHECKPOINT",
    .help = "Writes the mean weights of a checkpoint or model for other programs.",
    PWF_APP_OPTIONS(options),
    .run = export,
};
