/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf doctor: the checks of a launch alone. */
#include "app.h"

#include "pwf/core/json.h"
#include "pwf/core/log.h"
#include "pwf/launch/launch.h"
#include "pwf/models/families.h"
#include "pwf/train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NAMES = 12, LEVELS = 9, MARGIN = NAMES + LEVELS, WIDTH = 100, NARROW = 50 };

static const char *const levels[] = {"ok", "note", "warning", "FAILURE"};

/* The findings, with those of the command line and the settings. */
typedef struct doctor {
    pwf_finding findings[PWF_FINDINGS_MAX + 1];
    int count;
    bool json;
} doctor;

/* ---- printing ---- */

static size_t width_of_output(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return WIDTH;
    return size.ws_col < NARROW ? NARROW : size.ws_col < WIDTH ? size.ws_col : WIDTH;
}

/* Words in lines that begin at the margin, which the first line has reached. */
static void print_wrapped(const char *text, size_t width)
{
    size_t column = MARGIN;
    while (*text) {
        const size_t word = strcspn(text, " ");
        if (column > MARGIN && column + word + 1 > width) {
            printf("\n%*s", MARGIN, "");
            column = MARGIN;
        } else if (column > MARGIN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)word, text);
        column += word;
        text += word;
        while (*text == ' ')
            text++;
    }
    putchar('\n');
}

static void print_table(const doctor *d)
{
    const size_t width = width_of_output();
    for (int i = 0; i < d->count; i++) {
        const pwf_finding *f = &d->findings[i];
        char cure[sizeof f->cure + 4];
        printf("%-*s%-*s", NAMES, f->name, LEVELS, levels[f->level]);
        print_wrapped(f->seen, width);
        if (!*f->cure) continue;
        snprintf(cure, sizeof cure, "-> %s", f->cure);
        printf("%*s", MARGIN, "");
        print_wrapped(cure, width);
    }
}

static pwf_status print_json(const doctor *d)
{
    char *text = NULL;
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
    const pwf_status status = pwf_json_text(all, 2, &text);
    if (status.code == PWF_OK) puts(text);
    free(text);
    pwf_json_free(all);
    return status;
}

/* Prints everything; the failure of a run started like this, which is the first, or success. */
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
    return PWF_FAIL(first->code, "a run started like this would end at once: see %s above",
                    first->name);
}

static void add_failure(doctor *d, const char *name, pwf_status status)
{
    pwf_finding *f = &d->findings[d->count++];
    *f = (pwf_finding){.name = name, .level = PWF_FINDING_FAILURE, .code = status.code};
    snprintf(f->seen, sizeof f->seen, "%s", status.text);
}

/* ---- looking ---- */

/* The command line of pwf_dist, as far as it says what a run is, and --json. */
static pwf_status parse(int argc, char **argv, pwf_app_command *command, bool *json)
{
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    int count = 0;
    if (!rest) return PWF_FAIL(PWF_RESOURCE, "no memory");
    for (int i = 0; i < argc; i++) {
        if (i > 0 && strcmp(argv[i], "--json") == 0)
            *json = true;
        else
            rest[count++] = argv[i];
    }
    const pwf_status status = pwf_app_parse(count, rest, command);
    free(rest);
    PWF_TRY(status);
    if (command->action != PWF_APP_RUN || command->resume)
        return PWF_FAIL(PWF_USAGE, "pwf doctor takes -c, --set, --output and --json alone; see pwf "
                                   "doctor --help");
    return pwf_ok();
}

/* Settings of rank 0 on every rank. Those of a run have to be whole; without any, the defaults are
 * not held against it. Wrong ones are a finding. */
static void settle(const pwf_mesh *mesh, const pwf_app_command *command, bool described,
                   pwf_config *config, doctor *d)
{
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        pwf_status status = pwf_app_layer(command, NULL, config);
        if (status.code == PWF_OK && described)
            status = pwf_config_check(config, pwf_model_families());
        if (status.code != PWF_OK) add_failure(d, "settings", status);
    }
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, config, sizeof *config);
    pwf_train_settle_precision(mesh, config);
}

pwf_status pwf_app_doctor(const pwf_mesh *mesh, int argc, char **argv)
{
    doctor d = {.count = 0};
    pwf_app_command command;
    pwf_config config;
    int count = 0;
    PWF_TRY(pwf_mesh_agree(mesh, parse(argc, argv, &command, &d.json)));
    const bool described = command.config || command.sets > 0;
    settle(mesh, &command, described, &config, &d);
    const pwf_launch_job job = {.config = &config, .described = described, .looks = true};
    PWF_TRY(pwf_launch_examine(mesh, &job, d.findings + d.count, &count));
    d.count += count;
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) status = conclude(&d);
    return pwf_mesh_agree(mesh, status);
}

pwf_status pwf_app_doctor_unstarted(int argc, char **argv, pwf_status status)
{
    doctor d = {.count = 1, .findings = {pwf_launch_failed(status)}};
    for (int i = 1; i < argc; i++)
        d.json = d.json || strcmp(argv[i], "--json") == 0;
    /* Of those that run alone one speaks for all. */
    return pwf_mesh_launcher().rank == 0 ? conclude(&d) : status;
}
