/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_LOSSES_H
#define PWF_TRAIN_LOSSES_H

#include "pwf/ckpt/ckpt.h"

#include <stdbool.h>

/* Whether a loss is a spike with respect to the last losses of the phase: above `factor` times the
 * largest of them; or above twice the largest and 8 robust standard deviations above their median.
 * It never is with factor 0, in the first 20 steps of a phase, or below the loss of guessing among
 * `classes` classes. `batch` is the number of images behind a loss. Local. */
bool pwf_losses_spike(const pwf_losses *past, double loss, double factor, int64_t classes,
                      int64_t batch);

/* Appends a loss, dropping the oldest of PWF_LOSSES_MAX. Local. */
void pwf_losses_add(pwf_losses *past, double loss);

#endif
