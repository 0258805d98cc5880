/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf inspect: prints what a file holds, as text or JSON. This file recognises the format and
 * prints checkpoints and models; inspect_forms.c prints .pwf files and the formats of other
 * programs. Called by main in a single process, without MPI. Reads one file and prints to the
 * standard output. */
#include "app.h"

#include "inspect.h"
#include "pwf/ckpt/network.h"
#include "pwf/train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pwf_app_option options[] = {{PWF_APP_OPTION_JSON}};

/* Share of posterior parameters that are fixed, 0 to 1. */
static double share(const pwf_loaded_info *info)
{
    return info->posterior > 0 ? (double)info->fixed / (double)info->posterior : 0;
}

/* Precision of training, from the stored settings. Checkpoints without this setting were trained in
 * fp32. */
static const char *precision(const pwf_loaded *from)
{
    pwf_config config;
    pwf_config_defaults(&config);
    const pwf_status read = pwf_config_read_text(&config, from->config, strlen(from->config),
                                                 "the stored settings", PWF_FROM_CHECKPOINT);
    if (read.code != PWF_OK) return "unknown";
    return config.parallel.precision == PWF_BF16 ? "bf16" : "fp32";
}

/* A checkpoint as text. A final model has no next phase. */
static pwf_status print_page(const char *path, const pwf_loaded *from, const pwf_inspect_view *view)
{
    const pwf_loaded_info *info = &from->info;
    const pwf_position *p = &info->facts.position;
    char fingerprint[33];
    pwf_hash_text(info->fingerprint, fingerprint);
    printf("%s: %s; every byte verified\n\n", path, info->is_model ? "final model" : "checkpoint");
    printf("  model            %s\n", info->facts.model);
    printf("  parameters       %lld, of which %lld have a posterior\n", (long long)info->total,
           (long long)info->posterior);
    printf("  step             %lld, after %lld batches\n", (long long)p->step,
           (long long)p->batches);
    printf("  rounds finished  %lld\n", (long long)p->round);
    if (!info->is_model)
        printf("  next             %s, %lld steps of it done\n", pwf_train_phase_text(p->phase),
               (long long)p->phase_step);
    printf("  fixed            %.2f %% (%lld)\n", 100 * share(info), (long long)info->fixed);
    printf("  unique values    %lld\n", (long long)info->unique);
    printf("  entropy          %.3f bits, %.3f without zeros\n", info->entropy,
           info->entropy_nonzero);
    printf("  codebook         %d values\n", info->codebook);
    printf("  seed, slots      %lld, %lld\n", (long long)info->facts.seed,
           (long long)info->facts.slots);
    printf("  precision        %s in training\n", precision(from));
    printf("  size             %.1f MiB\n", (double)info->bytes * 0x1p-20);
    printf("  fingerprint      %s\n", fingerprint);
    return pwf_inspect_print_layers(view);
}

/* A checkpoint as JSON. The names of the members are a public interface: scripts read them, so
 * members may be added but not renamed. */
static pwf_status print_json(const char *path, const pwf_loaded *from, const pwf_inspect_view *view)
{
    const pwf_loaded_info *info = &from->info;
    char fingerprint[33];
    pwf_hash_text(info->fingerprint, fingerprint);
    pwf_json *j = pwf_json_new();
    pwf_json_set_text(j, "file", path);
    pwf_json_set_text(j, "kind", info->is_model ? "model" : "checkpoint");
    pwf_ckpt_describe(&info->facts, j);
    pwf_json_set_text(j, "phase_text", pwf_train_phase_text(info->facts.position.phase));
    pwf_json_set_int(j, "parameters", info->total);
    pwf_json_set_int(j, "posterior", info->posterior);
    pwf_json_set_int(j, "fixed", info->fixed);
    pwf_json_set_real(j, "fixed_share", share(info));
    pwf_json_set_int(j, "unique", info->unique);
    pwf_json_set_real(j, "entropy", info->entropy);
    pwf_json_set_real(j, "entropy_nonzero", info->entropy_nonzero);
    pwf_json_set_int(j, "codebook", info->codebook);
    pwf_json_set_text(j, "precision", precision(from));
    pwf_json_set_int(j, "bytes", info->bytes);
    pwf_json_set_text(j, "fingerprint", fingerprint);
    pwf_json_set_text(j, "config", from->config);
    const pwf_status s = pwf_inspect_json_layers(view, j);
    if (s.code == PWF_OK) return pwf_app_print_json(j);
    pwf_json_free(j);
    return s;
}

/* Loading verifies every byte, so what is printed is what a resume would read. */
static pwf_status inspect_checkpoint(const char *path, bool json)
{
    pwf_loaded l;
    PWF_TRY(pwf_ckpt_load(path, &l));
    const pwf_inspect_view view = {l.part, l.count, l.codebook.entry, l.codebook.count,
                                   l.codebook.min_power};
    const pwf_status s = json ? print_json(path, &l, &view) : print_page(path, &l, &view);
    pwf_ckpt_unload(&l);
    return s;
}

/* The form of a file is recognised by its first bytes. */
static pwf_status inspect(const pwf_app_args *args)
{
    const char *path = args->operand[0];
    const bool json = pwf_app_value(args, "--json") != NULL;
    switch (pwf_network_form(path)) {
    case PWF_FORM_PACKED:
        return pwf_inspect_packed(path, json);
    case PWF_FORM_WEIGHTS:
        return pwf_inspect_weights(path, json);
    default:
        return inspect_checkpoint(path, json);
    }
}

const pwf_app_command pwf_app_inspect = {
    .name = "pwf inspect",
    .operands = "FILE",
    .help =
        "Prints what a checkpoint, model, .pwf, safetensors, PyTorch or NumPy file holds, after "
        "verifying it.",
    PWF_APP_OPTIONS(options),
    .run = inspect,
};
