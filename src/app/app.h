/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_APP_APP_H
#define PWF_APP_APP_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/config/config.h"
#include "pwf/mesh/mesh.h"
#include "pwf/rundir/lock.h"

/* What the main programs share: the command line of pwf_dist, its settings from all sources, and
 * the commands of pwf. */

typedef enum pwf_app_action {
    PWF_APP_RUN,
    PWF_APP_CHECK,
    PWF_APP_DRY_RUN,
    PWF_APP_CALIBRATE,
    PWF_APP_HELP,
    PWF_APP_VERSION
} pwf_app_action;

enum { PWF_APP_SETS_MAX = 200 };

typedef struct pwf_app_command {
    pwf_app_action action;
    const char *config; /* file, or NULL */
    const char *output; /* directory, or NULL */
    bool resume;
    const char *checkpoint; /* a named file, or NULL for the newest */
    const char *set[PWF_APP_SETS_MAX];
    int sets;
} pwf_app_command;

/* What is to be run: all settings, and the checkpoint to go on from ("" for a fresh start). */
typedef struct pwf_app_job {
    pwf_config config;
    char checkpoint[PWF_PATH];
    bool locked;    /* the run directory is taken for this job */
    pwf_lock *lock; /* on rank 0; the caller releases it, whatever pwf_app_resolve returns */
} pwf_app_job;

/** Makes a process fit to work, first of all: standard descriptors that came closed lead to
 * /dev/null, so that no file gets their number and then messages among its bytes; a reader that
 * goes away, or a file at its limit, is an error of write(2), not a signal; messages go to stderr.
 * Local. */
void pwf_app_start(void);

/** Reads the command line of pwf_dist.
 * Local; `command` points into argv. Fails with PWF_USAGE. */
pwf_status pwf_app_parse(int argc, char **argv, pwf_app_command *command);

/** Settles the settings (option > environment > YAML > checkpoint > default) and the checkpoint.
 * A run gets its directory, made and locked, before anything is looked for in it.
 * Collective over the mesh; files and environment are read on rank 0 alone, so that all ranks have
 * the same. Fails with PWF_CONFIG, PWF_DATA, PWF_MISSING, PWF_CANTCREATE, ..., the same everywhere.
 */
pwf_status pwf_app_resolve(const pwf_mesh *mesh, const pwf_app_command *command, pwf_app_job *job);

/** All sources of settings in the order of their rank: defaults, `stored` (YAML, or NULL), the file
 * of the command, the environment, its --set options, its --output.
 * Local. Fails with PWF_CONFIG, PWF_MISSING or PWF_USAGE. */
pwf_status pwf_app_layer(const pwf_app_command *command, const char *stored, pwf_config *config);

/** Whether two names are of one file or folder.
 * Local. */
bool pwf_app_same_file(const char *a, const char *b);

/** Starts the log of the settings.
 * Local. */
void pwf_app_start_log(const pwf_config *config);

/** Prints name, version, libraries and instruction set to stdout.
 * Local. */
void pwf_app_print_version(const char *program);

/** Brings what was printed to the standard output.
 * Local. Fails with PWF_IO. */
pwf_status pwf_app_flush(void);

/** The commands of pwf; argv[0] is the command's name. Results go to stdout, which the caller
 * flushes and checks.
 * inspect: Local, without MPI. Fails with PWF_USAGE, or as pwf_ckpt_inspect. */
pwf_status pwf_app_inspect(int argc, char **argv);

/** verify: Local, without MPI. Fails with PWF_USAGE, or as pwf_ckpt_verify with the first file that
 * is not good. */
pwf_status pwf_app_verify(int argc, char **argv);

/** doctor: Collective over the mesh, all ranks. Fails with PWF_USAGE, or as a run that
 * is started in the same way would. */
pwf_status pwf_app_doctor(const pwf_mesh *mesh, int argc, char **argv);

/** doctor when MPI could not be started, with the status of that; ends with the same code.
 * Local. */
pwf_status pwf_app_doctor_unstarted(int argc, char **argv, pwf_status status);

/** export: Local, without MPI. Fails with PWF_USAGE, or as loading and writing do. */
pwf_status pwf_app_export(int argc, char **argv);

/** import: Collective over the mesh, all ranks, of which there must be one. Fails with
 * PWF_USAGE, or as reading, matching and writing do. */
pwf_status pwf_app_import(const pwf_mesh *mesh, int argc, char **argv);

/** eval: Collective over the mesh, all ranks. Fails with PWF_USAGE, or as settling and
 * pwf_train_evaluate do, the same on every rank. */
pwf_status pwf_app_eval(const pwf_mesh *mesh, int argc, char **argv);

/** predict: Collective over the mesh, all ranks. Fails with PWF_USAGE, or as settling,
 * pwf_train_predict and writing do, the same on every rank. */
pwf_status pwf_app_predict(const pwf_mesh *mesh, int argc, char **argv);

/** pack: Collective over the mesh, all ranks. Fails with PWF_USAGE, or as
 * pwf_pack_images, the same on every rank. */
pwf_status pwf_app_pack(const pwf_mesh *mesh, int argc, char **argv);

/** fix-round: Collective over the mesh, all ranks. Fails with PWF_USAGE, or as reading,
 * the round and writing do, the same on every rank. */
pwf_status pwf_app_fix_round(const pwf_mesh *mesh, int argc, char **argv);

#endif
