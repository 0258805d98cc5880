/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_MEASURE_H
#define PWF_TRAIN_MEASURE_H

#include "trainer.h"

/* Measures the present state and writes a row of metrics; `final` is the evaluation at the end.
 * Collective; fails as pwf_engine_evaluate, or with PWF_STOPPED. */
pwf_status pwf_measure_run(pwf_trainer *t, bool final);

/* Re-estimates BatchNorm's running statistics with the mean weights, from train.norm_batches
 * batches. Collective; fails as pwf_slots_run, or with PWF_STOPPED. */
pwf_status pwf_measure_statistics(pwf_trainer *t);

#endif
