/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_METRICS_H
#define PWF_TRAIN_METRICS_H

#include "trainer.h"

/* Writes a row of metrics about the step just made, with the fingerprint of the state after it;
 * `title` is that of the phase. Collective; fails as pwf_guard_fingerprint and writing rows do. */
pwf_status pwf_metrics_step(pwf_trainer *t, const char *title);

/* Writes a row and a log line with the most memory that any rank held, by kind. Collective. */
pwf_status pwf_metrics_memory(const pwf_mesh *mesh, pwf_report *report, int64_t step);

#endif
