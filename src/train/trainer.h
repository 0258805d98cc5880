/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_TRAINER_H
#define PWF_TRAIN_TRAINER_H

#include "guard.h"
#include "meter.h"
#include "phase.h"
#include "plan.h"
#include "pwf/core/request.h"
#include "saver.h"
#include "tracing.h"

/* What has been asked of the run, from outside or by its settings. */
typedef struct pwf_requests {
    pwf_request pending; /* known to all ranks and not yet answered */
    pwf_request stopped; /* the one the run has stopped for */
    double looked;       /* clock when rank 0 last looked for the file `stop` */
} pwf_requests;

/* A whole run. The functions declared here see all of it; the other files of this room only the
 * members that they need. */
typedef struct pwf_trainer {
    const pwf_mesh *mesh;
    const pwf_config *config;
    pwf_precision precision; /* of matrix-product inputs in training; measures are fp32 */
    pwf_plan plan;
    pwf_engine *engine; /* network, state, workers, images */
    pwf_snapshot now;   /* what a checkpoint holds: the engine's state, position, losses */
    pwf_batch batch;
    pwf_guard guard;
    pwf_meter meter;
    pwf_saver saver;
    pwf_tracing tracing;
    pwf_requests requests;
    pwf_report *report; /* on rank 0 of a run; also lent to feed, meter and saver */
} pwf_trainer;

/* Sets up a run at its first position, without report and checkpoints. Collective over the mesh;
 * mesh and configuration must outlive it. Fails with PWF_LAUNCH (more workers than slots) or as
 * pwf_engine_new. */
pwf_status pwf_trainer_new(const pwf_mesh *mesh, const pwf_config *config, pwf_trainer **out);
void pwf_trainer_free(pwf_trainer *t);

/* ---- step.c */

/* Performs one optimiser step of the phase that the position names and advances the position. A
 * step with non-finite numbers or a loss spike is repeated, since a flipped bit does not recur; if
 * it fails again, it is skipped without an update. Collective; fails with PWF_NUMBERS when too many
 * steps in a row are bad, or ranks or memory differ; and as loading images does. */
pwf_status pwf_step_run(pwf_trainer *t);

/* ---- agree.c */

/* Agrees on a status as pwf_mesh_agree does. The same reduction gives all ranks what has been asked
 * of the run (requests.pending), how far the checkpoint under way is (saver.claim), whether memory
 * changed on some rank (guard.changed), and whether their replicated state is equal. Collective;
 * fails as pwf_guard_compare if it is not. */
pwf_status pwf_trainer_agree(pwf_trainer *t, pwf_status local);

/* The same; fails with PWF_STOPPED if the run is to stop, for work that a resume repeats.
 * Collective. */
pwf_status pwf_trainer_agree_or_stop(pwf_trainer *t, pwf_status local);

/* Removes the file `stop` of the run directory once the request has been answered; a failure is a
 * warning. Local, on rank 0. */
void pwf_trainer_remove_stop_file(const pwf_config *config);

/* ---- fix.c */

/* Performs the next fixing round on the sharded state and writes its rows. The position is left
 * alone. Collective; fails as pwf_cluster_round and writing rows do. */
pwf_status pwf_fix_run(pwf_trainer *t);

/* ---- measure.c */

/* Measures the present state and writes a row of metrics; `final` is the evaluation at the end.
 * Collective; fails as pwf_engine_evaluate, or with PWF_STOPPED. */
pwf_status pwf_measure_run(pwf_trainer *t, bool final);

/* Re-estimates BatchNorm's running statistics with the mean weights, from train.norm_batches
 * batches. Collective; fails as pwf_slots_run, or with PWF_STOPPED. */
pwf_status pwf_measure_statistics(pwf_trainer *t);

/* ---- metrics.c */

/* Writes a row of metrics about the step just made, with the fingerprint of the state after it;
 * `title` is that of the phase. Collective; fails as pwf_guard_fingerprint and writing rows do. */
pwf_status pwf_metrics_step(pwf_trainer *t, const char *title);

/* Writes a row and a log line with the most memory that any rank held, by kind. Collective. */
pwf_status pwf_metrics_memory(const pwf_mesh *mesh, pwf_report *report, int64_t step);

/* ---- resume.c */

/* Logs model, data, mesh and kernels; then reads the checkpoint to resume from, or for NULL the
 * start weights that model.init names. t->now then also contains the lengths that the files of the
 * run directory had. Collective; fails as pwf_ckpt_read and pwf_ckpt_read_start. */
pwf_status pwf_trainer_resume(pwf_trainer *t, const char *checkpoint);

/* Completes what a run that died during a save left undone, and removes partial files, including
 * those of a run that died before its first checkpoint.
 * Collective; failures are warnings. */
void pwf_trainer_tidy(pwf_trainer *t);

/* ---- rollback.c */

/* Returns to the newest checkpoint after the failure `why`, but continues with later batches,
 * unless memory changed by itself, when the batches are not suspect. Two rollbacks in a row are
 * allowed. Collective; fails with `why`, or as reading a checkpoint does. */
pwf_status pwf_trainer_roll_back(pwf_trainer *t, const pwf_status *why);

#endif
