/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_AGREE_H
#define PWF_TRAIN_AGREE_H

#include "trainer.h"

/* Agrees on a status as pwf_mesh_agree does. The same reduction tells all ranks what has been asked
 * of the run (requests.pending), how far the checkpoint under way is (saver.claim), whether memory
 * changed on some rank (guard.changed), and whether all hold the same in common. Collective; fails
 * as pwf_guard_compare if they do not. */
pwf_status pwf_trainer_agree(pwf_trainer *t, pwf_status local);

/* The same; fails with PWF_STOPPED if the run is to stop, for work that a resume repeats.
 * Collective. */
pwf_status pwf_trainer_agree_or_stop(pwf_trainer *t, pwf_status local);

/* Removes the file `stop` of the run directory once the request has been answered; a failure is a
 * warning. Local, on rank 0. */
void pwf_trainer_remove_stop_file(const pwf_config *config);

#endif
