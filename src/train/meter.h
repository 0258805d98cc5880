/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_METER_H
#define PWF_TRAIN_METER_H

#include "pwf/mesh/mesh.h"
#include "pwf/report/report.h"

#include <stdbool.h>
#include <stdint.h>

/* Measures time: rates, shares for the rows of metrics, slow ranks, progress. Never affects the
 * state. A fresh meter is all zeros, except `started` and `batch_images`. */
typedef struct pwf_meter {
    pwf_report *report;             /* on rank 0 of a run; else NULL. Borrowed */
    int64_t batch_images;           /* images per step */
    double started;                 /* clock when this process began to set up the run */
    double earlier_seconds;         /* run time of earlier processes */
    int64_t steps;                  /* steps of this process with or without an update */
    double step_seconds;            /* of the last steps, smoothed; 0: unknown */
    double row_seconds;             /* of the steps since the last row */
    double row_communication;       /* of these, in calls that wait for other ranks */
    double waited;                  /* for images, up to the last row */
    double slot_seconds;            /* own work per slot since the last comparison of ranks */
    int slow;                       /* comparisons in a row in which this rank was slow */
    double loss;                    /* of the last update */
    double units_done, units_total; /* work of the run, in training steps */
    double shown;                   /* clock at the last progress line of a log */
} pwf_meter;

/* Shares of the time of the steps since the last row, the largest of any rank. */
typedef struct pwf_shares {
    double images;        /* of the workers' time: waiting for images or decoding them */
    double communication; /* in calls that wait for other ranks */
} pwf_shares;

/* Run time so far, earlier processes included, in seconds. Local. */
double pwf_meter_seconds(const pwf_meter *meter);

/* Counts a step, with an update or without. Local. */
void pwf_meter_count_step(pwf_meter *meter);

/* Adds the times of the step just counted, which made an update. Local. */
void pwf_meter_add_step(pwf_meter *meter, double seconds, double communication, double loss);

/* Shares since the last call. `waited` is what this rank's `threads` threads together have waited
 * for images since the start. Collective over the mesh; the same result on every rank. */
pwf_shares pwf_meter_take_shares(pwf_meter *meter, const pwf_mesh *mesh, int threads,
                                 double waited);

/* Compares the ranks' work per slot since the last call; a rank that needs more than 1.5 times the
 * median three times in a row warns. Collective over the mesh, at most 256 ranks. */
void pwf_meter_compare_ranks(pwf_meter *meter, const pwf_mesh *mesh);

/* Shows progress: `done` of `total` under the name `title`. With `log_now` also writes a log line.
 * Local; does nothing without a report. */
void pwf_meter_show(pwf_meter *meter, const char *title, int64_t done, int64_t total, bool log_now);

/* The same for work that is not made of steps, such as an evaluation, after `units` more units of
 * it; writes a log line every 30 seconds. Local. */
void pwf_meter_show_work(pwf_meter *meter, const char *title, int64_t done, int64_t total,
                         double units);

#endif
