/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf export: the weights of a checkpoint or model for other programs. */
#include "app.h"

#include "pwf/formats/export.h"

#include <stdio.h>
#include <string.h>

static pwf_status usage(const char *problem, const char *what)
{
    return PWF_FAIL(PWF_USAGE,
                    "%s%.200s; usage: pwf export CHECKPOINT -o OUT.safetensors, or -o OUT.pwf for "
                    "the compact form",
                    problem, what);
}

static bool ends(const char *path, const char *with)
{
    const size_t n = strlen(path), k = strlen(with);
    return n > k && strcmp(path + n - k, with) == 0;
}

static pwf_status write_safetensors(const pwf_loaded *from, const char *path)
{
    int64_t bytes = 0;
    PWF_TRY(pwf_export_safetensors(from, path, &bytes));
    printf("%s: %lld bytes, %d tensors of fp32\n", path, (long long)bytes, from->count);
    return pwf_ok();
}

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

pwf_status pwf_app_export(int argc, char **argv)
{
    const char *in = NULL, *out = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc)
            out = argv[++i];
        else if (argv[i][0] == '-')
            return usage("no option, or no value for ", argv[i]);
        else if (in)
            return usage("more than one file: ", argv[i]);
        else
            in = argv[i];
    }
    if (!in) return usage("no file given", "");
    if (!out) return usage("no -o given", "");
    const bool packed = ends(out, ".pwf");
    if (!packed && !ends(out, ".safetensors")) return usage("the ending says the form: ", out);
    pwf_loaded from;
    PWF_TRY(pwf_ckpt_load(in, &from));
    const pwf_status s = packed ? write_packed(&from, out) : write_safetensors(&from, out);
    pwf_ckpt_unload(&from);
    PWF_TRY(s);
    return pwf_ok();
}
