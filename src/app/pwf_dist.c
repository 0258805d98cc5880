/* SPDX-License-Identifier: BSD-3-Clause */
/* The program pwf_dist: parses its arguments, starts watchdog and MPI, resolves and checks the job,
 * runs it (src/train/run.c), and turns its status into the exit code. No function of the room but
 * main ends the process. */
#include "app.h"

#include "pwf/core/codes.h"
#include "pwf/core/fault.h"
#include "pwf/core/hash.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/request.h"
#include "pwf/core/watch.h"
#include "pwf/core/words.h"
#include "pwf/launch/launch.h"
#include "pwf/mesh/mesh.h"
#include "pwf/train/train.h"

#include <stdio.h>
#include <string.h>

static const pwf_app_option options[] = {
    {PWF_APP_OPTION_CONFIG},
    {PWF_APP_OPTION_SET},
    {PWF_APP_OPTION_DIRECTORY},
    {.name = "--resume",
     .argument = "[WHAT]",
     .help =
         "resume from a checkpoint: a file, or `auto` (the default) for the newest intact one of "
         "the run directory; if that holds none, start a new run"},
    {.name = "--check", .help = "set everything up, print what would be run, and stop"},
    {.name = "--dry-run",
     .help = "print what the run will cost: memory of a rank, bytes moved, number of steps"},
    {.name = "--calibrate", .help = "like --dry-run, with times measured in a few steps"},
    {.name = "--version", .help = "print the versions of pwf_dist and its libraries"},
};

static const pwf_app_command pwf_dist = {
    .name = "pwf_dist",
    PWF_APP_OPTIONS(options),
};

/* All tables are printed from the program's own: options, exit codes, settings. */
static void print_help(void)
{
    /* cmake/man_page.sh relies on the form of the first line and of the headings. */
    printf(
        "pwf_dist: trains a Bayesian image network on many MPI ranks and fixes its weights, round "
        "by\nround, onto a few hundred values, each a sum of powers of two\n\n"
        "  mpirun -n RANKS pwf_dist -c FILE.yaml [OPTIONS]\n"
        "  mpirun -n RANKS pwf_dist --resume [WHAT] [OPTIONS]\n\n");
    pwf_app_print_options(stdout, &pwf_dist);
    printf(
        "\nPrecedence of settings, highest first: options, PWF_<GROUP>_<KEY> variables, the YAML "
        "file,\nthe checkpoint, the defaults.\n\nExit codes:\n\n");
    for (int i = 0; i < pwf_code_count; i++) {
        printf("  %-4d", (int)pwf_code_rows[i].code);
        pwf_words_print(stdout, pwf_code_rows[i].meaning, 6, 99);
    }
    printf("\nAll ranks end with the same code, except on 70, 71 and 79: there, one rank may end "
           "alone, and\nthe launcher kills the others.\n\n");
    pwf_config_print_help(stdout);
}

/* Precedence: --calibrate, which implies --dry-run, then --dry-run, then --check. None of them
 * changes the run directory. */
static pwf_app_action action_of(const pwf_app_args *args)
{
    if (pwf_app_value(args, "--calibrate")) return PWF_APP_CALIBRATE;
    if (pwf_app_value(args, "--dry-run")) return PWF_APP_DRY_RUN;
    return pwf_app_value(args, "--check") ? PWF_APP_CHECK : PWF_APP_RUN;
}

/* Runs the action on the mesh of the job. Only a run handles signals by saving. */
static pwf_status act(const pwf_mesh *mesh, pwf_app_action action, const pwf_app_job *job)
{
    const char *from = *job->checkpoint ? job->checkpoint : NULL;
    if (action != PWF_APP_RUN) pwf_request_ignore();
    switch (action) {
    case PWF_APP_CHECK:
        return pwf_train_check(mesh, &job->config, from);
    case PWF_APP_DRY_RUN:
    case PWF_APP_CALIBRATE:
        return pwf_train_dry_run(mesh, &job->config, action == PWF_APP_CALIBRATE);
    default:
        return pwf_train_run(mesh, &job->config, from);
    }
}

/* Ranks with different options would wait for each other at different points. */
static pwf_status compare_options(const pwf_mesh *launch, int argc, char **argv)
{
    pwf_hasher hasher;
    pwf_hasher_begin(&hasher);
    for (int i = 1; i < argc; i++)
        pwf_hasher_add(&hasher, argv[i], strlen(argv[i]) + 1);
    const pwf_hash hash = pwf_hasher_digest(&hasher);
    pwf_status status = pwf_mesh_same(launch, &hash, sizeof hash, "command line");
    if (status.code != PWF_OK) status.code = PWF_LAUNCH;
    return status;
}

/* Resolves and checks the job on the mesh of the launch, then runs it on a mesh with its shards. */
static pwf_status run(const pwf_mesh *launch, const pwf_app_args *args)
{
    const pwf_app_action action = action_of(args);
    pwf_app_job job;
    pwf_mesh *mesh = NULL;
    pwf_log_at("load", -1);
    PWF_TRY(pwf_train_watch(launch));
    pwf_status status = pwf_app_resolve(launch, args, action, &job);
    if (status.code == PWF_OK) {
        pwf_train_settle_precision(launch, &job.config);
        pwf_app_start_log(&job.config);
        status = pwf_launch_check(
            launch,
            &(pwf_launch_job){.config = &job.config, .described = true, .locked = job.locked});
    }
    if (status.code == PWF_OK) status = pwf_mesh_new((int)job.config.parallel.shards, &mesh);
    pwf_log_at("start", -1);
    pwf_watch_limit("watchdog.start", job.config.watchdog.start);
    if (status.code == PWF_OK) status = act(mesh, action, &job);
    if (status.code == PWF_OK && action != PWF_APP_RUN)
        status = pwf_mesh_agree(launch, pwf_app_flush(false));
    pwf_watch_limit("watchdog.finish", job.config.watchdog.finish);
    pwf_mesh_free(mesh);
    pwf_lock_release(job.lock);
    return status;
}

/* A node that does not come up makes all others wait in MPI_Init, so the watchdog starts before it.
 * Its limit comes from options and environment only: files are read later, on rank 0. */
static pwf_status watch(const pwf_app_args *args)
{
    pwf_app_args early = *args;
    pwf_config config;
    PWF_TRY(pwf_watch_start());
    pwf_log_set_rank((int)pwf_mesh_launcher().rank);
    pwf_log_at("init", -1);
    for (int i = 0; i < pwf_dist.option_count; i++)
        if (strcmp(options[i].name, "--config") == 0) early.value[i] = NULL;
    (void)pwf_app_layer(&early, NULL, &config); /* all ranks report a wrong setting together */
    pwf_watch_limit("watchdog.start", config.watchdog.start);
    return pwf_ok();
}

/* Help and version need no MPI; only the first process of a launch prints them. */
static pwf_status print(const pwf_app_args *args)
{
    if (pwf_mesh_launcher().rank != 0) return pwf_ok();
    if (args->help)
        print_help();
    else
        pwf_app_print_version("pwf_dist");
    return pwf_app_flush(true);
}

/* Everything between MPI start and MPI end. Ranks first agree on the outcome of parsing, so that
 * one message is printed and no rank waits for another. */
static pwf_status run_on(const pwf_mesh *launch, const pwf_app_args *args, pwf_status parsed,
                         int argc, char **argv)
{
    pwf_log_set_rank(pwf_mesh_rank(launch, PWF_WORLD));
    pwf_status status = pwf_mesh_agree(launch, parsed);
    if (status.code == PWF_OK) status = compare_options(launch, argc, argv);
    if (status.code == PWF_OK) status = run(launch, args);
    if (status.code == PWF_STOPPED)
        PWF_INFO("STOPPED", "%s", status.text);
    else
        pwf_log_status(status);
    return status;
}

/* Only the exit code leaves this function: the status has been logged, by rank 0 of those that can
 * still communicate. */
int main(int argc, char **argv)
{
    pwf_app_args args;
    pwf_mesh *launch = NULL;
    pwf_app_start();
    const pwf_status parsed = pwf_app_parse(&pwf_dist, argc, argv, &args);
    if (parsed.code == PWF_OK && (args.help || pwf_app_value(&args, "--version"))) {
        const pwf_status printed = print(&args);
        pwf_log_status(printed);
        return (int)printed.code;
    }
    pwf_status status = pwf_request_listen();
    if (status.code == PWF_OK) status = watch(&args);
    if (status.code == PWF_OK) status = pwf_mesh_start(&argc, &argv);
    (void)PWF_FAULT_POINT("start.mesh");
    if (status.code == PWF_OK) status = pwf_mesh_new(1, &launch);
    if (status.code == PWF_OK) {
        status = run_on(launch, &args, parsed, argc, argv);
        pwf_mesh_free(launch);
        /* A successful run has freed all accounted memory. */
        PWF_ASSERT(status.code != PWF_OK || pwf_mem_live() == 0);
    } else {
        pwf_log_status(status);
    }
    pwf_mesh_stop();
    pwf_watch_stop();
    return (int)status.code;
}
