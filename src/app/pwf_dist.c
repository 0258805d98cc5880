/* SPDX-License-Identifier: BSD-3-Clause */
/* The job: parse, start, run, finish. What it does is in src/train/run.c. */
#include "app.h"
#include "pwf/core/fault.h"
#include "pwf/core/hash.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/request.h"
#include "pwf/core/terminal.h"
#include "pwf/core/watch.h"
#include "pwf/launch/launch.h"
#include "pwf/mesh/mesh.h"
#include "pwf/train/train.h"

#include <stdio.h>
#include <string.h>

static void print_help(void)
{
    printf(
        "pwf_dist: trains a Bayesian image network on many ranks and freezes its weights, round "
        "by\n"
        "round, onto a few hundred sums of powers of two.\n\n"
        "  mpirun -n RANKS pwf_dist -c FILE.yaml [--set KEY=VALUE ...] [--output DIR]\n"
        "  mpirun -n RANKS pwf_dist --resume [auto|CHECKPOINT] [-c FILE.yaml] [...]\n\n"
        "  -c, --config FILE   the settings, YAML; without it the published ones\n"
        "  --set KEY=VALUE     one setting, as optim.lr=0.01; may be repeated\n"
        "  --output DIR        the run directory, short for --set output=DIR\n"
        "  --resume [WHAT]     go on from a checkpoint: a file, or `auto` (also without a word) "
        "for\n"
        "                      the newest good one of the run directory; none there: a fresh "
        "start\n"
        "  --check             set everything up, print what would be done, and stop\n"
        "  --dry-run           print what the run will cost: memory of a rank, bytes moved, steps\n"
        "  --calibrate         the same with times, from a few steps on these ranks\n"
        "  --help, --version\n\n"
        "An option outranks a PWF_<GROUP>_<KEY> variable, that the file, that the checkpoint, "
        "that\n"
        "the default. On resume only `output`, fixing.export, parallel.shards, parallel.threads,\n"
        "parallel.recompute, data.threads, data.skip_bad, checkpoint.*, watchdog.* and log.* may\n"
        "change.\n\n"
        "Exit codes: 0 finished; 75 stopped in time with a good checkpoint, run again; 64 command\n"
        "line; 65 bad data or checkpoint; 66 missing; 69 launched wrongly; 71 memory; 73 cannot\n"
        "create output, or it is in use; 74 I/O; 76 numbers not finite; 77 not permitted; 78 bad\n"
        "setting; 79 hung.\n\nSettings:\n\n");
    pwf_config_print_help(stdout);
}

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

/* Ranks with different options would wait for each other in different places. */
static pwf_status compare_options(const pwf_mesh *launch, int argc, char **argv)
{
    pwf_hasher *hasher = pwf_hasher_new();
    PWF_TRY(pwf_mesh_agree(launch, hasher ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory")));
    for (int i = 1; i < argc; i++)
        pwf_hasher_add(hasher, argv[i], strlen(argv[i]) + 1);
    const pwf_hash hash = pwf_hasher_digest(hasher);
    pwf_hasher_free(hasher);
    pwf_status status = pwf_mesh_same(launch, &hash, sizeof hash, "command line");
    if (status.code != PWF_OK) status.code = PWF_LAUNCH;
    return status;
}

static pwf_status run(const pwf_mesh *launch, int argc, char **argv)
{
    pwf_app_command command;
    pwf_app_job job;
    pwf_mesh *mesh = NULL;
    PWF_TRY(pwf_mesh_agree(launch, pwf_app_parse(argc, argv, &command)));
    PWF_TRY(compare_options(launch, argc, argv));
    const bool speaks = pwf_mesh_rank(launch, PWF_WORLD) == 0;
    if (command.action == PWF_APP_HELP || command.action == PWF_APP_VERSION) {
        if (speaks && command.action == PWF_APP_HELP) print_help();
        if (speaks && command.action == PWF_APP_VERSION) pwf_app_print_version("pwf_dist");
        return pwf_mesh_agree(launch, pwf_app_flush());
    }
    pwf_log_at("load", -1);
    PWF_TRY(pwf_train_watch(launch));
    pwf_status status = pwf_app_resolve(launch, &command, &job);
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
    if (status.code == PWF_OK) status = act(mesh, command.action, &job);
    if (status.code == PWF_OK && command.action != PWF_APP_RUN)
        status = pwf_mesh_agree(launch, pwf_app_flush());
    pwf_watch_limit("watchdog.finish", job.config.watchdog.finish);
    pwf_mesh_free(mesh);
    pwf_lock_release(job.lock);
    return status;
}

/* A node that does not come up lets all others wait in MPI_Init, so the watchdog starts before it,
 * with the limit that options and environment name: files are read later, on one rank. */
static pwf_status watch(int argc, char **argv)
{
    pwf_app_command command;
    pwf_config config;
    PWF_TRY(pwf_watch_start());
    pwf_log_set_rank((int)pwf_mesh_launcher().rank);
    pwf_log_at("init", -1);
    (void)pwf_app_parse(argc, argv, &command); /* what is wrong with them is said by all together */
    command.config = command.output = NULL;
    (void)pwf_app_layer(&command, NULL, &config);
    pwf_watch_limit("watchdog.start", config.watchdog.start);
    return pwf_ok();
}

int main(int argc, char **argv)
{
    pwf_mesh *launch = NULL;
    pwf_app_start();
    pwf_status status = pwf_request_listen();
    if (status.code == PWF_OK) status = watch(argc, argv);
    if (status.code == PWF_OK) status = pwf_mesh_start(&argc, &argv);
    (void)PWF_FAULT_POINT("start.mesh");
    if (status.code == PWF_OK) status = pwf_mesh_new(1, &launch);
    if (status.code == PWF_OK) {
        pwf_log_set_rank(pwf_mesh_rank(launch, PWF_WORLD));
        status = run(launch, argc, argv);
        if (status.code == PWF_STOPPED)
            PWF_INFO("STOPPED", "%s", status.text);
        else
            pwf_log_status(status);
        pwf_mesh_free(launch);
        PWF_ASSERT(status.code != PWF_OK || pwf_mem_live() == 0);
    } else {
        pwf_log_status(status);
    }
    pwf_mesh_stop();
    pwf_watch_stop();
    return (int)status.code;
}
