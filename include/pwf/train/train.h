/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_TRAIN_H
#define PWF_TRAIN_TRAIN_H

#include "pwf/ckpt/network.h"
#include "pwf/config/config.h"
#include "pwf/report/report.h"

/** A whole run: ordinary training, fixing rounds, final evaluation; src/train/run.c reads from top
 * to bottom. */

/** Tells the watchdog which processes belong to this job, so that it can name one that is stopped.
 * Collective over the mesh. Fails with PWF_RESOURCE. */
pwf_status pwf_train_watch(const pwf_mesh *mesh);

/** Settles parallel.precision auto of a run that begins: bf16 if every rank has instructions for
 * products of bf16 numbers and the backend uses them, else fp32. Any other value stays.
 * Collective over the mesh; all ranks pass the same configuration, and get the same. */
void pwf_train_settle_precision(const pwf_mesh *mesh, pwf_config *config);

/** Runs the job the configuration describes, in the directory config->output, which exists and is
 * this job's own (pwf_lock_take).
 * Collective over the mesh; all ranks pass the same configuration, with a settled precision.
 * `checkpoint` is the file to go on from, or NULL for a fresh start. The status is the same on
 * every rank: success, PWF_STOPPED with a good checkpoint (a request, see core/request.h),
 * PWF_NUMBERS when a loss or gradient is not finite, or what setting up, reading and writing can
 * bring. */
pwf_status pwf_train_run(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint);

/** Sets up everything a run needs (model, data, memory, the checkpoint to go on from or NULL) and
 * prints what it would do, without training or writing.
 * Collective over the mesh. Fails as pwf_train_run does before its first step. */
pwf_status pwf_train_check(const pwf_mesh *mesh, const pwf_config *config, const char *checkpoint);

/** Prints what a run will cost to stdout: memory of a rank by kind, bytes moved in a step,
 * checkpoint size and steps, for numbers of nodes and shards; with `calibrated` also the time, from
 * a few steps on the mesh at hand. Writes nothing and needs the memory of the run.
 * Collective over the mesh. Fails as pwf_train_check, or as a step. */
pwf_status pwf_train_dry_run(const pwf_mesh *mesh, const pwf_config *config, bool calibrated);

/* What is known of a run from its settings alone. */
typedef struct pwf_needs {
    double rank_bytes; /* the least memory of a rank: without activations, images and libraries */
    double checkpoint_bytes;
    int64_t checkpoints; /* that lie in the run directory at one time */
} pwf_needs;

/** What a run will need, without data and before any memory is taken.
 * Local. Fails as building the model does. */
pwf_status pwf_train_needs(const pwf_config *config, pwf_needs *out);

/** Whether the slots of a batch are enough for that many ranks.
 * Local. Fails with PWF_LAUNCH. */
pwf_status pwf_train_check_workers(const pwf_config *config, int64_t ranks);

/** What a run does in a phase, as the position in a checkpoint numbers them: "ordinary training",
 * "Bayesian training", ...; "unknown" for any other number.
 * Local. */
const char *pwf_train_phase_text(int64_t phase);

/* What an evaluation of a file found. */
typedef struct pwf_evaluation {
    pwf_network network;
    int64_t images;           /* of the test data */
    pwf_report_eval measures; /* unique and entropy on rank 0 alone */
} pwf_evaluation;

/** Measures the network of a file of any form on the test data of the configuration, with
 * `ensemble` also the mean of eval.samples draws from its posterior. parallel.precision is that of
 * the products here.
 * Collective over the mesh. Exact: what the trainer measured in the state that a checkpoint holds.
 * Fails with PWF_DATA (no posterior to draw from), PWF_NUMBERS, or as opening the data, building
 * the model and reading the file do. */
pwf_status pwf_train_evaluate(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                              bool ensemble, pwf_evaluation *out);

/* What a network says to images. */
typedef struct pwf_prediction {
    int64_t images, classes;
    float *logits;      /* [images, classes] */
    const char **names; /* [images]: files in the folder; NULL if the images were none */
    char *text;         /* of the names */
} pwf_prediction;

/** The logits of the network of a file for images, in pieces of eval.batch: those of an HDF5 file
 * with normalised values in the dataset `images` (predict_file.h), or all image files in a folder
 * and the folders in it, transformed as test images are (data.*).
 * Collective over the mesh; all ranks get all logits. Exact: the same bits for any number of ranks
 * and threads. The caller frees it with pwf_train_predict_free. Fails with PWF_DATA when the images
 * do not fit the model, are not finite or cannot be decoded, with PWF_NUMBERS when a logit is not,
 * or as building the model and reading the files do; nothing is then held. */
pwf_status pwf_train_predict(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                             const char *images, pwf_prediction *out);
void pwf_train_predict_free(pwf_prediction *prediction);

#endif
