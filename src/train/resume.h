/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_RESUME_H
#define PWF_TRAIN_RESUME_H

#include "trainer.h"

/* Logs model, data, mesh and kernels of a run. Local. */
void pwf_trainer_describe(const pwf_trainer *t);

/* Reads the checkpoint to resume from, or for NULL the start weights that model.init names.
 * t->now then also tells how long the files of the run directory were. Collective; fails as
 * pwf_ckpt_read and pwf_ckpt_read_start. */
pwf_status pwf_trainer_resume(pwf_trainer *t, const char *checkpoint);

/* Completes what a run that died during a save left undone, and removes partial files, also those
 * of a run that died before its first checkpoint.
 * Collective; failures are warnings. */
void pwf_trainer_tidy(pwf_trainer *t);

#endif
