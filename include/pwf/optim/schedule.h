/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_SCHEDULE_H
#define PWF_OPTIM_SCHEDULE_H

#include "pwf/optim/config.h"

#include <stdint.h>

/** Learning rates over the steps of a phase. */

typedef struct pwf_schedule {
    double lr; /* base rate, which the schedule multiplies by a factor */
    pwf_schedule_kind kind;
    int64_t warmup;     /* steps of linear warm-up to lr */
    int64_t step_every; /* PWF_SCHEDULE_STEP: steps between two drops */
    double step_factor; /* factor applied at each drop */
} pwf_schedule;

/** The learning rate of step `step` (from 0) of `steps`. During warm-up lr (step + 1) / (warmup +
 * 1); after it, with s the completed share of the remaining steps: constant lr; linear lr (1 - s);
 * cosine lr (1 + cos(pi s)) / 2; step lr factor^(steps since warm-up / step_every).
 * Local. Without libm: the same bits on every machine. */
double pwf_schedule_lr(const pwf_schedule *settings, int64_t step, int64_t steps);

/** cos(pi x) for x in [0, 1], within 2e-16.
 * Local. */
double pwf_schedule_cos_pi(double x);

#endif
