/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_EXPORTS_H
#define PWF_TRAIN_EXPORTS_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/config/config.h"
#include "pwf/report/report.h"

/* Writes NAME.safetensors and NAME.pwf of NAME.h5 in the run directory, as fixing.export asks. A
 * failure is a warning. All are collective over the mesh; rank 0 writes. */

/* Those of the checkpoint of a round, replacing older ones. */
void pwf_exports_round(const pwf_mesh *mesh, const pwf_config *config, int64_t round);

/* Those of all finished rounds, and of a finished run, that are missing. */
void pwf_exports_missing(const pwf_mesh *mesh, const pwf_config *config,
                         const pwf_position *position);

/* Those of the final model, replacing older ones, and a row of metrics with the sizes of its .pwf
 * form, whether or not that is written. `report` is NULL except on rank 0. Fails as reading the
 * model and writing the row do. */
pwf_status pwf_exports_model(const pwf_mesh *mesh, const pwf_config *config, pwf_report *report,
                             int64_t step);

#endif
