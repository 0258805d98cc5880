/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_TRAINER_H
#define PWF_TRAIN_TRAINER_H

#include "guard.h"
#include "meter.h"
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

/* A whole run. Only the run, the step and the fixing round see all of it; other files take the
 * narrowest of its members that they need. */
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

#endif
