/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_FACTS_H
#define PWF_RUNDIR_FACTS_H

#include <stdint.h>

/** Facts about a run that its files carry. */

/* Where a run stands, beside the state: what the trainer needs to go on. */
typedef struct pwf_position {
    int64_t phase;      /* pwf_phase of the trainer */
    int64_t round;      /* rounds finished */
    int64_t phase_step; /* steps done in the phase */
    int64_t step;       /* optimiser steps since the start */
    int64_t batches;    /* batches of the training data consumed */
} pwf_position;

enum { PWF_LOSSES_MAX = 100 };

/* The losses of the last steps of a phase, the newest last: what that of the next is held against.
 */
typedef struct pwf_losses {
    int64_t count;
    double value[PWF_LOSSES_MAX]; /* zeros behind the last */
} pwf_losses;

#endif
