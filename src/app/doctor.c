/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf doctor: runs the checks of a launch without running a job. Called by main on all ranks of a
 * launch or, if MPI failed to start, in each process without it; rank 0 reads the settings and
 * prints. Writes nothing but a probe in the run directory. */
#include "app.h"

#include "pwf/core/json.h"
#include "pwf/core/words.h"
#include "pwf/launch/launch.h"
#include "pwf/train/train.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Widths of the columns, and limits of the width of the output, in characters. */
enum { NAMES = 12, LEVELS = 9, MARGIN = NAMES + LEVELS, WIDTH = 100, NARROW = 50 };

static const char *const levels[] = {"ok", "note", "warning", "FAILURE"};

/* The findings about the settings and the launch. */
typedef struct doctor {
    pwf_finding findings[PWF_FINDINGS_MAX + 1];
    int count;
    bool json;
} doctor;

/* ---- printing ---- */

/* Width of the terminal within the limits; WIDTH if stdout is not a terminal. */
static int width_of_output(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return WIDTH;
    return size.ws_col < NARROW ? NARROW : size.ws_col < WIDTH ? size.ws_col : WIDTH;
}

/* A finding per row, wrapped, with its cure below. */
static void print_table(const doctor *d)
{
    const int width = width_of_output();
    for (int i = 0; i < d->count; i++) {
        const pwf_finding *f = &d->findings[i];
        char cure[sizeof f->cure + 4];
        printf("%-*s%-*s", NAMES, f->name, LEVELS, levels[f->level]);
        pwf_words_print(stdout, f->seen, MARGIN, width);
        if (!*f->cure) continue;
        snprintf(cure, sizeof cure, "-> %s", f->cure);
        printf("%*s", MARGIN, "");
        pwf_words_print(stdout, cure, MARGIN, width);
    }
}

/* The findings as JSON; the names of the members are a public interface. */
static pwf_status print_json(const doctor *d)
{
    pwf_json *all = pwf_json_new();
    for (int i = 0; i < d->count; i++) {
        const pwf_finding *f = &d->findings[i];
        pwf_json *one = pwf_json_new();
        pwf_json_set_text(one, "check", f->name);
        pwf_json_set_text(one, "result",
                          f->level == PWF_FINDING_FAILURE ? "failure" : levels[f->level]);
        pwf_json_set_text(one, "seen", f->seen);
        pwf_json_set_text(one, "cure", f->cure);
        pwf_json_set_int(one, "code", f->code);
        pwf_json_append(all, "checks", one);
    }
    return pwf_app_print_json(all);
}

/* Prints all findings. Fails with the code of the first failure, as the run would. */
static pwf_status conclude(const doctor *d)
{
    const pwf_finding *first = NULL;
    int failures = 0, warnings = 0;
    if (d->json)
        PWF_TRY(print_json(d));
    else
        print_table(d);
    for (int i = 0; i < d->count; i++) {
        failures += d->findings[i].level == PWF_FINDING_FAILURE;
        warnings += d->findings[i].level == PWF_FINDING_WARNING;
        if (!first && d->findings[i].level == PWF_FINDING_FAILURE) first = &d->findings[i];
    }
    if (!d->json)
        printf("\n%d check%s, %d warning%s, %d failure%s\n", d->count, d->count == 1 ? "" : "s",
               warnings, warnings == 1 ? "" : "s", failures, failures == 1 ? "" : "s");
    if (!first) return pwf_ok();
    return PWF_FAIL(first->code, "a run launched this way would fail: see %s above", first->name);
}

/* Adds a failed status as a finding. */
static void add_failure(doctor *d, const char *name, pwf_status status)
{
    pwf_finding *f = &d->findings[d->count++];
    *f = (pwf_finding){.name = name, .level = PWF_FINDING_FAILURE, .code = status.code};
    snprintf(f->seen, sizeof f->seen, "%s", status.text);
}

/* ---- settings and checks ---- */

static const pwf_app_option options[] = {
    {PWF_APP_OPTION_CONFIG},
    {PWF_APP_OPTION_SET},
    {PWF_APP_OPTION_DIRECTORY},
    {PWF_APP_OPTION_JSON},
};

/* Resolves the settings on rank 0 and broadcasts them. With --config or --set they must be
 * complete; invalid settings become a finding. */
static void settle(const pwf_mesh *mesh, const pwf_app_args *args, bool described,
                   pwf_config *config, doctor *d)
{
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        pwf_status status = pwf_app_layer(args, NULL, config);
        if (status.code == PWF_OK && described) status = pwf_config_check(config);
        if (status.code != PWF_OK) add_failure(d, "settings", status);
    }
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, config, sizeof *config);
    pwf_train_settle_precision(mesh, config);
}

/* Invalid settings are the first finding; the checks then run with what was read. */
static pwf_status run(const pwf_mesh *mesh, const pwf_app_args *args)
{
    doctor d = {.json = pwf_app_value(args, "--json") != NULL};
    pwf_config config;
    int count = 0;
    const bool described = pwf_app_value(args, "--config") || pwf_app_value(args, "--set");
    settle(mesh, args, described, &config, &d);
    const pwf_launch_job job = {.config = &config, .described = described, .probes = true};
    PWF_TRY(pwf_launch_examine(mesh, &job, d.findings + d.count, &count));
    d.count += count;
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = conclude(&d);
    return pwf_mesh_agree(mesh, status);
}

pwf_status pwf_app_doctor_unstarted(const pwf_app_args *args, pwf_status status)
{
    const doctor d = {.count = 1,
                      .findings = {pwf_launch_failed(status)},
                      .json = pwf_app_value(args, "--json") != NULL};
    /* Without MPI the processes cannot communicate, so only the launcher's rank 0 prints. */
    return pwf_mesh_launcher().rank == 0 ? conclude(&d) : status;
}

const pwf_app_command pwf_app_doctor = {
    .name = "pwf doctor",
    .help =
        "Checks whether a job launched this way would run well: ranks, threads, binding, memory, "
        "run directory. Start it with mpirun or srun like the job, or alone on a login node.",
    PWF_APP_OPTIONS(options),
    .run_on = run,
};
