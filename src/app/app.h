/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_APP_APP_H
#define PWF_APP_APP_H

#include "args.h"
#include "pwf/ckpt/ckpt.h"
#include "pwf/config/config.h"
#include "pwf/core/json.h"
#include "pwf/mesh/mesh.h"
#include "pwf/rundir/lock.h"

/** What the two programs share: start and end of a process, the settings from all their sources,
 * and the commands of pwf. */

typedef enum pwf_app_action {
    PWF_APP_RUN,
    PWF_APP_CHECK,
    PWF_APP_DRY_RUN,
    PWF_APP_CALIBRATE
} pwf_app_action;

/* A job of pwf_dist, resolved. */
typedef struct pwf_app_job {
    pwf_config config;
    char checkpoint[PWF_PATH]; /* to resume from; "": a fresh start */
    bool locked;               /* this job holds the lock of the run directory */
    pwf_lock *lock;            /* on rank 0; the caller releases it, also after a failure */
} pwf_app_job;

/** Prepares the process; the first call of main. Closed standard descriptors are opened on
 * /dev/null, so that no data file gets one of these numbers and, with it, messages among its bytes.
 * SIGPIPE and SIGXFSZ are ignored: a write to a closed pipe or beyond a file size limit fails
 * instead.
 * Local. */
void pwf_app_start(void);

/** Flushes the standard output.
 * Local. Fails with PWF_IO; with `help`, not if the reader has closed the pipe (`--help | head`).
 */
pwf_status pwf_app_flush(bool help);

/** Prints a JSON object to the standard output and frees it.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_app_print_json(pwf_json *object);

/** Prints name, version, libraries and instruction set to the standard output.
 * Local. */
void pwf_app_print_version(const char *program);

/** Applies all sources of settings, lowest precedence first: defaults, `stored` (YAML text of a
 * checkpoint, or NULL), --config, PWF_* variables, --set and the options short for it.
 * Local. Fails with PWF_CONFIG, PWF_MISSING or PWF_USAGE. */
pwf_status pwf_app_layer(const pwf_app_args *args, const char *stored, pwf_config *config);

/** Resolves the settings of a command on a finished network, the file that is its first operand: as
 * pwf_app_layer with the settings stored in that file; one shard unless set otherwise; `precision`
 * for its matrix products. Configures the log.
 * Collective over the mesh; rank 0 alone reads files and environment. Fails with PWF_USAGE if the
 * model is not known, with PWF_CONFIG, or as pwf_network_settings. */
pwf_status pwf_app_settle_network(const pwf_mesh *mesh, const pwf_app_args *args,
                                  pwf_precision precision, pwf_config *config);

/** Resolves the settings and the checkpoint of a job of pwf_dist. For PWF_APP_RUN the run directory
 * is created and locked before checkpoints are searched for in it.
 * Collective over the mesh; rank 0 alone reads files and environment. Fails with PWF_CONFIG,
 * PWF_DATA, PWF_MISSING, PWF_CANTCREATE, ..., the same on every rank. */
pwf_status pwf_app_resolve(const pwf_mesh *mesh, const pwf_app_args *args, pwf_app_action action,
                           pwf_app_job *job);

/** Configures format and level of the log as log.* says.
 * Local. */
void pwf_app_start_log(const pwf_config *config);

/* The commands of pwf. Results go to the standard output, which main flushes and checks. All
 * return the same status on every rank. */
extern const pwf_app_command pwf_app_inspect, pwf_app_verify, pwf_app_doctor, pwf_app_import,
    pwf_app_export, pwf_app_eval, pwf_app_predict, pwf_app_pack, pwf_app_fix_round;

/** Prints the doctor's output if MPI failed to start with `status`; returns a failure with its
 * code.
 * Local. */
pwf_status pwf_app_doctor_unstarted(const pwf_app_args *args, pwf_status status);

#endif
