/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_PHASE_H
#define PWF_TRAIN_PHASE_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/config/config.h"

#include <stdbool.h>
#include <stddef.h>

/* The phases of a run:
 *
 *   BASELINE -> START -> (TRAIN -> FIX -> EVALUATE) per round -> FINISH -> DONE
 *
 * pwf_position names the phase and is part of every checkpoint, so the numbers are fixed. */
typedef enum pwf_phase {
    PWF_PHASE_BASELINE, /* ordinary training, no posterior */
    PWF_PHASE_START,    /* start values of sigma; evaluation before the first round */
    PWF_PHASE_TRAIN,    /* Bayesian training before a round */
    PWF_PHASE_FIX,      /* the round */
    PWF_PHASE_EVALUATE, /* measures after the round, checkpoint of the round */
    PWF_PHASE_FINISH,   /* BatchNorm statistics, last evaluation, model file */
    PWF_PHASE_DONE
} pwf_phase;

enum { PWF_PHASE_TITLE = 64 }; /* bytes of a title */

/* How a title counts rounds. */
typedef enum pwf_round_number { PWF_NO_ROUND, PWF_ROUND_DONE, PWF_ROUND_NEXT } pwf_round_number;

typedef struct pwf_phase_row {
    const char *name; /* in log lines, traces and titles */
    const char *text; /* for people */
    const char *key;  /* setting with the watchdog's limit */
    size_t limit;     /* offset of its value in pwf_config */
    pwf_round_number round;
    bool steps; /* consists of optimiser steps */
} pwf_phase_row;

extern const pwf_phase_row pwf_phases[]; /* by pwf_phase */

/* The name with the round, for progress and metrics, for example "fix 2/10". Local. */
void pwf_phase_title(const pwf_position *position, int rounds, char title[PWF_PHASE_TITLE]);

/* Tells the log and the watchdog that the phase of a position begins or continues. Local. */
void pwf_phase_announce(const pwf_config *config, const pwf_position *position);

/* The same for work that is not a phase of its own, such as writing a checkpoint: `key` names the
 * setting that holds `limit`, in seconds. Local. */
void pwf_phase_announce_work(const char *name, int64_t step, const char *key, double limit);

#endif
