/* SPDX-License-Identifier: BSD-3-Clause */
/* The companion of pwf_dist: everything that is not the job. */
#include "app.h"

#include "pwf/core/log.h"
#include "pwf/h5/library.h"
#include "pwf/mesh/mesh.h"

#include <stdio.h>
#include <string.h>

typedef struct pwf_app_entry {
    const char *name;
    pwf_status (*run)(int argc, char **argv);                          /* without MPI, or NULL */
    pwf_status (*run_on)(const pwf_mesh *mesh, int argc, char **argv); /* with, one rank or more */
    const char *arguments, *meaning;
} pwf_app_entry;

static const pwf_app_entry commands[] = {
    {"inspect", pwf_app_inspect, NULL, "FILE [--json]",
     "what a checkpoint, model, .pwf, safetensors or PyTorch file holds"},
    {"verify", pwf_app_verify, NULL, "FILE|DIR ...",
     "every byte of a checkpoint or model, or of all in a run directory, against its hashes"},
    {"doctor", NULL, pwf_app_doctor, "[-c FILE.yaml] [--set KEY=VALUE ...] [--output DIR] [--json]",
     "whether a job started this way would be started well: ranks, threads, binding, memory, run "
     "directory; under mpirun or srun as the job, or alone on a login node"},
    {"import", NULL, pwf_app_import,
     "FILE --model NAME [--classes N] [--image-size N] [-c FILE.yaml] [--set KEY=VALUE ...] -o "
     "MODEL.h5",
     "start weights for model.init from a safetensors file or a PyTorch state dict"},
    {"export", pwf_app_export, NULL, "FILE.h5 -o OUT.safetensors | OUT.pwf",
     "mean weights for other programs: safetensors under timm's names, or the compact form"},
    {"eval", NULL, pwf_app_eval,
     "MODEL [-c FILE.yaml] [--set KEY=VALUE ...] [--model NAME] [--ensemble] "
     "[--precision fp32|bf16] [--json]",
     "the measures of a checkpoint, model, .pwf, safetensors or PyTorch file on the test images; "
     "also under mpirun"},
    {"predict", NULL, pwf_app_predict,
     "MODEL -i IMAGES -o LOGITS.h5 [-c FILE.yaml] [--set KEY=VALUE ...] [--model NAME] [--top5]",
     "logits for a folder of image files, or for the dataset images [N, C, H, W] of normalised "
     "fp32 values in an HDF5 file; also under mpirun"},
    {"pack", NULL, pwf_app_pack,
     "TREE -o OUT.h5 [--split train|val] [--val-list FILE [--val-classes FILE]] [--pixels SIZE] "
     "[--force]",
     "TREE/train or TREE/val, an image folder, as one file for data.format hdf5; also under "
     "mpirun"},
    {"fix-round", NULL, pwf_app_fix_round, "IN.h5 -o OUT.h5 [--set KEY=VALUE ...]",
     "one fixing round on the datasets mu, sigma and fixed_in of a file; also under mpirun"},
};

static void print_entry(const pwf_app_entry *entry)
{
    printf("  pwf %s %s\n      %s\n", entry->name, entry->arguments, entry->meaning);
}

static void print_help(void)
{
    printf("pwf: tools for the files of pwf_dist\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        print_entry(&commands[i]);
    printf("  pwf --version | --help | COMMAND --help\n");
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Says what went wrong, be it that the results could not be written. */
static pwf_status said(pwf_status status)
{
    const pwf_status flushed = pwf_app_flush();
    if (status.code == PWF_OK) status = flushed;
    pwf_log_status(status);
    return status;
}

/* It is said before MPI ends: the launcher ends the other ranks as soon as one has left with an
 * error. */
static pwf_status run_command(const pwf_app_entry *entry, int argc, char **argv)
{
    if (entry->run) {
        pwf_h5_contain();
        return said(entry->run(argc, argv));
    }
    pwf_mesh *mesh = NULL;
    pwf_status status = pwf_mesh_start(&argc, &argv);
    if (status.code != PWF_OK && entry->run_on == pwf_app_doctor)
        status = pwf_app_doctor_unstarted(argc, argv, status);
    if (status.code == PWF_OK) status = pwf_mesh_new(1, &mesh);
    if (status.code == PWF_OK) {
        pwf_log_set_rank(pwf_mesh_rank(mesh, PWF_WORLD));
        status = entry->run_on(mesh, argc, argv);
    }
    pwf_mesh_free(mesh);
    status = said(status);
    pwf_mesh_stop();
    return status;
}

static pwf_status run(int argc, char **argv)
{
    if (argc < 2) return said(PWF_FAIL(PWF_USAGE, "a command is missing; see pwf --help"));
    const char *word = argv[1];
    if (asks_for_help(word) || strcmp(word, "help") == 0) {
        print_help();
        return said(pwf_ok());
    }
    if (strcmp(word, "--version") == 0) {
        pwf_app_print_version("pwf");
        return said(pwf_ok());
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(word, commands[i].name) != 0) continue;
        if (argc != 3 || !asks_for_help(argv[2]))
            return run_command(&commands[i], argc - 1, argv + 1);
        print_entry(&commands[i]);
        return said(pwf_ok());
    }
    return said(PWF_FAIL(PWF_USAGE, "'%.100s' is not a command of pwf; see pwf --help", word));
}

int main(int argc, char **argv)
{
    pwf_app_start();
    return (int)run(argc, argv).code;
}
