/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf pack: an image folder as one HDF5 file. */
#include "app.h"

#include "pwf/core/clock.h"
#include "pwf/core/log.h"
#include "pwf/core/terminal.h"
#include "pwf/data/image.h"
#include "pwf/pack/pack.h"
#include "pwf/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pwf_status usage(const char *problem, const char *what)
{
    return PWF_FAIL(
        PWF_USAGE,
        "%s%.200s; usage: [mpirun -n RANKS] pwf pack TREE -o OUT.h5 [--split train|val] "
        "[--val-list FILE [--val-classes FILE]] [--pixels SIZE] [--force]",
        problem, what);
}

static pwf_status take(pwf_pack_job *job, const char *option, const char *value)
{
    char *end = NULL;
    if (strcmp(option, "-o") == 0 || strcmp(option, "--output") == 0) {
        job->output = value;
    } else if (strcmp(option, "--split") == 0) {
        job->train = strcmp(value, "train") == 0;
        if (!job->train && strcmp(value, "val") != 0)
            return usage("--split is train or val, not ", value);
    } else if (strcmp(option, "--val-list") == 0) {
        job->val_list = value;
    } else if (strcmp(option, "--val-classes") == 0) {
        job->val_classes = value;
    } else if (strcmp(option, "--pixels") == 0) {
        job->side = strtoll(value, &end, 10);
        if (!*value || *end || job->side < 1 ||
            job->side * job->side > (int64_t)PWF_IMAGE_PIXELS_MAX)
            return usage("--pixels wants the side of a square, 1 to 8192, not ", value);
    } else {
        return usage("unknown option ", option);
    }
    return pwf_ok();
}

static pwf_status parse(int argc, char **argv, pwf_pack_job *job)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--force") == 0) {
            job->force = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            if (i + 1 == argc) return usage("nothing follows ", argv[i]);
            PWF_TRY(take(job, argv[i], argv[i + 1]));
            i++;
        } else if (job->tree) {
            return usage("more than one tree: ", argv[i]);
        } else {
            job->tree = argv[i];
        }
    }
    if (!job->tree) return usage("no image folder given", "");
    if (!job->output) return usage("no -o given", "");
    if ((job->val_list || job->val_classes) && job->train)
        return usage("--val-list and --val-classes go with --split val", "");
    return pwf_ok();
}

typedef struct screen {
    const pwf_pack_job *job;
    pwf_report *report;
    pwf_pack_volume volume;
    double begun, logged; /* clock */
    bool wrote;
} screen;

static void say_bytes(char text[24], int64_t bytes)
{
    if (bytes < 1000000000)
        snprintf(text, 24, "%.1f MB", (double)bytes * 1e-6);
    else
        snprintf(text, 24, "%.1f GB", (double)bytes * 1e-9);
}

static void tell_volume(void *context, const pwf_pack_volume *v)
{
    screen *to = context;
    char form[80] = "the files as they are", room[80] = "", done[80] = "";
    char source[24], bytes[24], some[24];
    to->volume = *v;
    to->begun = to->logged = pwf_clock_seconds();
    say_bytes(source, v->source_bytes);
    say_bytes(bytes, v->bytes);
    if (to->job->side > 0)
        snprintf(form, sizeof form, "pixels of %lld x %lld", (long long)to->job->side,
                 (long long)to->job->side);
    say_bytes(some, v->free_bytes);
    if (v->free_bytes > 0) snprintf(room, sizeof room, "; %s are free there", some);
    say_bytes(some, v->done_bytes);
    if (v->done_bytes > 0)
        snprintf(done, sizeof done, "; about %s of an earlier attempt are checked and kept", some);
    PWF_INFO("PACK", "%lld images of %lld classes, %s of files, become %s of %s, %s%s%s",
             (long long)v->images, (long long)v->classes, source, to->job->output, bytes, form,
             room, done);
}

static void tell_progress(void *context, int64_t images, int64_t bytes, int64_t all_bytes)
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
                 "what is done is kept beside %s, under a name that ends in .part; the "
                 "same command takes it up",
                 job->output);
    if (s.code != PWF_OK) return s;
    printf("%s: %lld images, %lld bytes", job->output, (long long)result.images,
           (long long)result.bytes);
    if (result.kept > 0)
        printf("; %lld images of an earlier attempt were kept", (long long)result.kept);
    printf("\n");
    return s;
}

pwf_status pwf_app_pack(const pwf_mesh *mesh, int argc, char **argv)
{
    screen to = {0};
    pwf_pack_job job = {
        .train = true, .begin = tell_volume, .progress = tell_progress, .context = &to};
    to.job = &job;
    PWF_TRY(pwf_mesh_agree(mesh, parse(argc, argv, &job)));
    return run(mesh, &job, &to);
}
