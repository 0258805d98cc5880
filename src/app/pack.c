/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf pack: archives an image folder in one HDF5 file. Called by main on all ranks, which share the
 * work; rank 0 logs the volume, shows progress and prints the result. Reads the image files; writes
 * the archive and its partial file, from which a later attempt continues. */
#include "app.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/terminal.h"
#include "pwf/image/image.h"
#include "pwf/pack/pack.h"
#include "pwf/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pwf_app_option options[] = {
    {.name = "--output",
     .letter = "-o",
     .argument = "OUT.h5",
     .required = true,
     .help = "archive to write, for data.format hdf5"},
    {.name = "--split", .argument = "train|val", .help = "part to archive; default train"},
    {.name = "--val-list",
     .argument = "FILE",
     .help = "classes of the validation images, if TREE/val has no class folders"},
    {.name = "--val-classes",
     .argument = "FILE",
     .help = "class names in the order of the numbers in --val-list"},
    {.name = "--pixels",
     .argument = "SIZE",
     .help = "store decoded pixels of SIZE x SIZE instead of the files"},
    {.name = "--force", .help = "replace an existing archive"},
};

/* Checks the arguments and fills the job. Pixels are stored as squares of one size. */
static pwf_status fill(const pwf_app_args *args, pwf_pack_job *job)
{
    const char *split = pwf_app_value(args, "--split"), *pixels = pwf_app_value(args, "--pixels");
    job->tree = args->operand[0];
    job->output = pwf_app_value(args, "--output");
    job->val_list = pwf_app_value(args, "--val-list");
    job->val_classes = pwf_app_value(args, "--val-classes");
    job->force = pwf_app_value(args, "--force") != NULL;
    job->train = !split || strcmp(split, "train") == 0;
    if (!job->train && strcmp(split, "val") != 0)
        return pwf_app_usage(args->command, "--split %.40s: must be train or val", split);
    if ((job->val_list || job->val_classes) && job->train)
        return pwf_app_usage(args->command, "--val-list and --val-classes need --split val");
    if (!pixels) return pwf_ok();
    char *end = NULL;
    job->side = strtoll(pixels, &end, 10);
    /* The bounds come first, so that the product cannot overflow. */
    if (!*pixels || *end || job->side < 1 || job->side > PWF_IMAGE_PIXELS_MAX ||
        job->side * job->side > (int64_t)PWF_IMAGE_PIXELS_MAX)
        return pwf_app_usage(args->command,
                             "--pixels %.40s: must be 1 to 8192, the side of a square", pixels);
    return pwf_ok();
}

/* State of the reports of rank 0. */
typedef struct screen {
    const pwf_pack_job *job;
    pwf_report *report;
    pwf_pack_volume volume;
    double begun, logged; /* clock at the start and at the last log line, seconds */
    bool wrote;           /* some of the archive exists */
} screen;

/* A number of bytes in decimal units: MB below a gigabyte, else GB. */
static void format_bytes(char text[24], int64_t bytes)
{
    if (bytes < 1000000000)
        snprintf(text, 24, "%.1f MB", (double)bytes * 1e-6);
    else
        snprintf(text, 24, "%.1f GB", (double)bytes * 1e-9);
}

/* Called once before the work, with the sizes of the source and of the archive. */
static void report_volume(void *context, const pwf_pack_volume *v)
{
    screen *to = context;
    char form[80] = "the files as they are", room[80] = "", done[80] = "";
    char source[24], bytes[24], some[24];
    to->volume = *v;
    to->begun = to->logged = pwf_clock_seconds();
    format_bytes(source, v->source_bytes);
    format_bytes(bytes, v->bytes);
    if (to->job->side > 0)
        snprintf(form, sizeof form, "pixels of %lld x %lld", (long long)to->job->side,
                 (long long)to->job->side);
    format_bytes(some, v->free_bytes);
    if (v->free_bytes > 0) snprintf(room, sizeof room, "; %s are free there", some);
    format_bytes(some, v->done_bytes);
    if (v->done_bytes > 0)
        snprintf(done, sizeof done, "; about %s of an earlier attempt are checked and kept", some);
    PWF_INFO("PACK", "%lld images in %lld classes, %s of files, become %s of %s, %s%s%s",
             (long long)v->images, (long long)v->classes, source, to->job->output, bytes, form,
             room, done);
}

/* Called regularly during the work. The log gets a line every 30 s. The bar follows bytes, since
 * images differ in size; no rate is shown in the first second, when it would be noise. */
static void report_progress(void *context, int64_t images, int64_t bytes, int64_t all_bytes)
{
    enum { EVERY = 30 /* seconds */ };
    screen *to = context;
    const double now = pwf_clock_seconds(), passed = now - to->begun;
    const bool due = now - to->logged >= EVERY;
    const pwf_report_progress p = {.phase = "packing",
                                   .phase_done = images,
                                   .phase_total = to->volume.images,
                                   .units_done = (double)bytes,
                                   .units_total = (double)all_bytes,
                                   .images_per_second = passed > 1 ? (double)images / passed : 0,
                                   .log_now = due};
    to->wrote = true;
    if (due) to->logged = now;
    if (to->report) pwf_report_show(to->report, &p);
}

/* Rank 0 owns the progress line and reports the result; the other ranks only take part. The line is
 * closed before anything else is printed. */
static pwf_status run(const pwf_mesh *mesh, const pwf_pack_job *job, screen *to)
{
    pwf_pack_result result;
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    PWF_TRY(pwf_mesh_agree(mesh, first ? pwf_report_open_line(pwf_terminal_rewrites(), &to->report)
                                       : pwf_ok()));
    pwf_status s = pwf_pack_images(mesh, job, &result);
    pwf_report_close(to->report);
    to->report = NULL;
    if (!first) return s;
    if (s.code != PWF_OK && to->wrote)
        PWF_WARN("PACK_KEPT",
                 "the finished part is kept next to %s, in a file that ends in .part; run the "
                 "same command to continue",
                 job->output);
    if (s.code != PWF_OK) return s;
    printf("%s: %lld images, %lld bytes", job->output, (long long)result.images,
           (long long)result.bytes);
    if (result.kept > 0)
        printf("; %lld images of an earlier attempt were kept", (long long)result.kept);
    printf("\n");
    return s;
}

/* The callbacks are called on rank 0 only. They reach the job through the screen, so both must
 * outlive the packing. */
static pwf_status pack(const pwf_mesh *mesh, const pwf_app_args *args)
{
    screen to = {0};
    pwf_pack_job job = {.begin = report_volume, .progress = report_progress, .context = &to};
    to.job = &job;
    PWF_TRY(fill(args, &job));
    return run(mesh, &job, &to);
}

const pwf_app_command pwf_app_pack = {
    .name = "pwf pack",
    .operands = "TREE",
    .help =
        "Archives TREE/train or TREE/val, an image folder, in one HDF5 file. Also under mpirun.",
    PWF_APP_OPTIONS(options),
    .run_on = pack,
};
