/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_ROLLBACK_H
#define PWF_TRAIN_ROLLBACK_H

#include "trainer.h"

/* Returns to the newest checkpoint after the failure `why`, but continues with later batches,
 * unless memory changed by itself, which does not speak against the batches. Two rollbacks in a row
 * are allowed. Collective; fails with `why`, or as reading a checkpoint does. */
pwf_status pwf_trainer_roll_back(pwf_trainer *t, const pwf_status *why);

#endif
