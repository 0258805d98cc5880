/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_STEP_H
#define PWF_TRAIN_STEP_H

#include "trainer.h"

/* Performs one optimiser step of the phase that the position names and advances the position. A
 * step with numbers that are not finite is repeated, since a flipped bit does not repeat, and then
 * skipped without an update. Collective; fails with PWF_NUMBERS when too many steps in a row are
 * bad, or ranks or memory differ; and as loading images does. */
pwf_status pwf_step_run(pwf_trainer *t);

#endif
