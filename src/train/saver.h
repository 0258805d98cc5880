/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_SAVER_H
#define PWF_TRAIN_SAVER_H

#include "guard.h"
#include "meter.h"
#include "pwf/ckpt/background.h"

/* A checkpoint that is being written, or the last one. */
typedef struct pwf_saving {
    pwf_position position;
    bool keep;              /* also under the name of its round */
    bool clean;             /* no step was being skipped when it was begun */
    bool concurrent;        /* training continues while it is written */
    double begun;           /* clock */
    double blocked_seconds; /* in which training waited for it */
    int64_t steps;          /* made while it was written, and their time: */
    double steps_seconds;
    double usual_seconds; /* of a step before it; 0: unknown */
} pwf_saving;

/* Writes the checkpoints of a run and knows the newest. With checkpoint.async a thread of each rank
 * writes while training continues: after each step that was reduced, pwf_saver_advance moves all
 * ranks together to the next stage of the commit. All pointers but `background` are borrowed; with
 * these set and the rest zero, a saver needs no freeing before pwf_saver_start. */
typedef struct pwf_saver {
    const pwf_mesh *mesh;
    const pwf_config *config;
    pwf_snapshot *now; /* the live state and position */
    pwf_guard *guard;
    const pwf_meter *meter;
    pwf_report *report;         /* on rank 0; else NULL. Borrowed */
    pwf_background *background; /* NULL without checkpoint.async */
    int claim;                  /* largest pwf_background_claim of all ranks */
    pwf_saving saving;
    bool has_newest;       /* the run directory contains a checkpoint: */
    pwf_position position; /* that of the newest */
    char newest[PWF_PATH]; /* its name, or that of the checkpoint resumed from; "": none */
    int failures;          /* in a row */
    double ended;          /* clock after the last attempt to save */
    double lost_seconds;   /* of training, because of the last checkpoint; 0: none yet */
    double whole_seconds;  /* from begin to end of the last checkpoint */
} pwf_saver;

/* Starts the thread for checkpoint.async. Collective; fails with PWF_RESOURCE. */
pwf_status pwf_saver_start(pwf_saver *saver);

/* Waits for the thread and ends it. Local. */
void pwf_saver_free(pwf_saver *saver);

/* Writes a checkpoint, or begins to, once an earlier one is complete. `keep` gives it a second
 * name, that of its round. A failure is a warning, since the previous checkpoint is still there;
 * the third in a row ends the run. Collective; fails with PWF_IO, PWF_RESOURCE or PWF_NUMBERS. */
pwf_status pwf_saver_save(pwf_saver *saver, bool keep);

/* The same, unless the newest checkpoint, or the one under way, is of this position. */
pwf_status pwf_saver_save_once(pwf_saver *saver);

/* Writes the last checkpoint of a job: on success there is one of this position. A failure is
 * retried at once. Collective; fails as pwf_saver_save. */
pwf_status pwf_saver_save_now(pwf_saver *saver);

/* Writes model.h5; a failure is retried at once. Collective; fails as pwf_saver_save. */
pwf_status pwf_saver_save_model(pwf_saver *saver);

/* pwf_saver_advance advances the checkpoint under way if all ranks were ready at the last
 * reduction; pwf_saver_settle waits for its end. Collective; both fail as pwf_saver_save. */
pwf_status pwf_saver_advance(pwf_saver *saver);
pwf_status pwf_saver_settle(pwf_saver *saver);

/* Whether a checkpoint is under way; the same on all ranks. Local. */
bool pwf_saver_is_busy(const pwf_saver *saver);

/* What this rank contributes to the reduction that sets `claim`. Local. */
int pwf_saver_claim(const pwf_saver *saver);

/* Whether a checkpoint is due by the clock at time `now`; rank 0 decides for all. Local. */
bool pwf_saver_is_due(const pwf_saver *saver, double now);

/* Counts a step that was made while a checkpoint is written. Local. */
void pwf_saver_count_step(pwf_saver *saver, double seconds);

/* Gives the newest checkpoint the name of its round as a second name; a failure is a warning.
 * Collective. */
void pwf_saver_keep_round(pwf_saver *saver);

/* ---- exports.c: files of the network for other programs */

/* These functions export NAME.h5 in the run directory as NAME.safetensors and NAME.pwf, if
 * fixing.export asks for it. A failure is a warning. Collective over the mesh; rank 0 writes. */

/* Exports the checkpoint of a round, replacing earlier files. */
void pwf_exports_round(const pwf_mesh *mesh, const pwf_config *config, int64_t round);

/* Writes the exports that are missing: of all finished rounds, and of a finished run. */
void pwf_exports_missing(const pwf_mesh *mesh, const pwf_config *config,
                         const pwf_position *position);

/* Exports the final model, replacing earlier files, and writes a row of metrics with the sizes of
 * its .pwf form, even if no .pwf file is written. `report` is NULL except on rank 0. Fails as
 * reading the model and writing the row do. */
pwf_status pwf_exports_model(const pwf_mesh *mesh, const pwf_config *config, pwf_report *report,
                             int64_t step);

#endif
