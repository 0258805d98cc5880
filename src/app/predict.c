/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf predict: writes the logits of a finished network for images. Called by main on all ranks,
 * each of which predicts its share; rank 0 reads the settings, gathers and writes. Reads the
 * network's file and the images. */
#include "app.h"

#include "pwf/arrays/predict_file.h"
#include "pwf/infer/infer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TOP = 5 }; /* classes that --top5 prints */

static const pwf_app_option options[] = {
    {PWF_APP_OPTION_CONFIG},
    {PWF_APP_OPTION_SET},
    {PWF_APP_OPTION_MODEL},
    {.name = "--input",
     .letter = "-i",
     .argument = "IMAGES",
     .required = true,
     .help = "folder of image files, or HDF5 file with a dataset images [N, C, H, W] of normalised "
             "fp32 values"},
    {.name = "--output",
     .letter = "-o",
     .argument = "LOGITS.h5",
     .required = true,
     .help = "HDF5 file to write, with a dataset logits [N, classes]"},
    {.name = "--top5", .help = "print the five most probable classes of each image"},
};

/* Selection by repeated maximum: five passes over the classes of an image. The softmax is relative
 * to the largest logit, so it cannot overflow. */
static void print_top(const pwf_prediction *p)
{
    for (int64_t i = 0; i < p->images; i++) {
        const float *logits = p->logits + i * p->classes;
        int64_t best[TOP];
        double sum = 0.0;
        int found = 0;
        for (; found < TOP && found < p->classes; found++) {
            int64_t at = -1;
            for (int64_t k = 0; k < p->classes; k++) {
                bool taken = false;
                for (int f = 0; f < found; f++)
                    taken = taken || best[f] == k;
                if (!taken && (at < 0 || logits[k] > logits[at])) at = k;
            }
            best[found] = at;
        }
        for (int64_t k = 0; k < p->classes; k++)
            sum += exp((double)logits[k] - (double)logits[best[0]]);
        if (p->names)
            printf("%s", p->names[i]);
        else
            printf("%lld", (long long)i);
        for (int f = 0; f < found; f++)
            printf("  %lld %.2f %%", (long long)best[f],
                   100 * exp((double)logits[best[f]] - (double)logits[best[0]]) / sum);
        printf("\n");
    }
}

/* Writes the logits, on rank 0, which has gathered those of all ranks. */
static pwf_status save(const pwf_app_args *args, const pwf_config *config, const pwf_prediction *p)
{
    const char *out = pwf_app_value(args, "--output");
    const pwf_logits logits = {p->images, p->classes, p->logits, p->names, config->model.name};
    PWF_TRY(pwf_logits_write(out, &logits));
    if (pwf_app_value(args, "--top5")) print_top(p);
    printf("%s: logits of %lld images for %lld classes of %s\n", out, (long long)p->images,
           (long long)p->classes, config->model.name);
    return pwf_ok();
}

/* Checks the output before the work, so that a wrong path costs no time. Rank 0 checks, since the
 * other hosts may not see the file, and all ranks agree before the next collective call. The mesh
 * of the launch has one shard; the network needs one with parallel.shards. */
static pwf_status predict(const pwf_mesh *launch, const pwf_app_args *args)
{
    pwf_config config;
    const char *file = args->operand[0], *in = pwf_app_value(args, "--input"),
               *out = pwf_app_value(args, "--output");
    pwf_mesh *mesh = NULL;
    pwf_prediction found;
    const bool first = pwf_mesh_rank(launch, PWF_WORLD) == 0;
    pwf_status s = pwf_ok();
    if (first && (pwf_path_is_same(in, out) || pwf_path_is_same(file, out)))
        s = pwf_app_usage(args->command, "the output would replace the input %s", out);
    PWF_TRY(pwf_mesh_agree(launch, s));
    PWF_TRY(pwf_app_settle_network(launch, args, PWF_FP32, &config));
    PWF_TRY(pwf_mesh_agree(launch, first ? pwf_logits_check(out) : pwf_ok()));
    PWF_TRY(pwf_mesh_new((int)config.parallel.shards, &mesh));
    s = pwf_infer_predict(mesh, &config, file, in, &found);
    if (s.code == PWF_OK && first) s = save(args, &config, &found);
    s = pwf_mesh_agree(mesh, s);
    pwf_infer_free_prediction(&found);
    pwf_mesh_free(mesh);
    return s;
}

const pwf_app_command pwf_app_predict = {
    .name = "pwf predict",
    .operands = "MODEL",
    .help = "Writes the logits of a checkpoint, model, .pwf, safetensors, PyTorch or NumPy file "
            "for given "
            "images. Also under mpirun.",
    PWF_APP_OPTIONS(options),
    .run_on = predict,
};
