/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_FIX_H
#define PWF_TRAIN_FIX_H

#include "trainer.h"

/* Performs the next fixing round on the sharded state and writes its rows. The position is left
 * alone. Collective; fails as pwf_cluster_round and writing rows do. */
pwf_status pwf_fix_run(pwf_trainer *t);

#endif
