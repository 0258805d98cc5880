/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_TRAIN_H
#define PWF_TRAIN_TRAIN_H

#include "pwf/config/config.h"
#include "pwf/mesh/mesh.h"

/** A whole run: ordinary training, fixing rounds, final evaluation. src/train/phase.h lists the
 * phases; src/train/run.c has their order. */

/** Tells the watchdog which processes belong to this job, so that it can name one that is stopped.
 * Collective over the mesh. Fails with PWF_RESOURCE. */
pwf_status pwf_train_watch(const pwf_mesh *mesh);

/** Replaces parallel.precision `auto` of a new run: bf16 if every rank has instructions for
 * products of bf16 numbers and the backend uses them, else fp32. Any other value stays.
 * Collective over the mesh; all ranks pass the same configuration, and get the same. */
void pwf_train_settle_precision(const pwf_mesh *mesh, pwf_config *config);

/** Runs the job that the configuration describes in the directory config->output, which exists and
 * belongs to this job (pwf_lock_take). `checkpoint` is the file to resume from, or NULL for a new
 * run.
 * Collective over the mesh; all ranks pass the same configuration, with a settled precision. The
 * status is the same on every rank: success, PWF_STOPPED with a checkpoint to resume from (a
 * request, see core/request.h), PWF_NUMBERS when losses or gradients are not finite and all
 * remedies failed, or a failure to set up, read or write. */
pwf_status pwf_train_run(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint);

/** Sets up everything a run needs (model, data, memory, the checkpoint to resume from or NULL) and
 * reports what it would do, without training or writing.
 * Collective over the mesh. Fails as pwf_train_run does before its first step. */
pwf_status pwf_train_check(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint);

/** Prints to stdout what a run will cost: memory of a rank by kind, bytes moved in a step,
 * checkpoint size and steps, for several numbers of nodes and shards; with `calibrated` also the
 * time, from a few steps on the present mesh. Writes nothing and needs the memory of the run.
 * Collective over the mesh. Fails as pwf_train_check, or as a step. */
pwf_status pwf_train_dry_run(const pwf_mesh *mesh, const pwf_config *config, bool calibrated);

/** Needs of a run that follow from its settings alone. */
typedef struct pwf_needs {
    double rank_bytes;       /* memory of a rank, without activations, images and libraries */
    double checkpoint_bytes; /* of one checkpoint */
    int64_t checkpoints;     /* in the run directory at one time */
} pwf_needs;

/** Estimates what a run will need, without data and before any memory is allocated.
 * Local. Fails as building the model does. */
pwf_status pwf_train_needs(const pwf_config *config, pwf_needs *out);

/** Checks that a batch has enough slots for the workers of `ranks` ranks.
 * Local. Fails with PWF_LAUNCH. */
pwf_status pwf_train_check_workers(const pwf_config *config, int64_t ranks);

/** What a run does in a phase, which has the number that a checkpoint stores: "ordinary training",
 * "Bayesian training", ...; "unknown" for any other number.
 * Local. */
const char *pwf_train_phase_text(int64_t phase);

#endif
