/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_DATASET_ROOM_H
#define PWF_SRC_DATA_DATASET_ROOM_H

#include "pwf/data/dataset.h"
#include "sources.h"

/* What the loader takes from a data set. */

/* An image before normalisation, augmented: what pwf_dataset_load normalises, but a bad file is a
 * failure here whatever data.skip_bad says, and is not counted. Local; any thread. */
pwf_status pwf_dataset_bytes(const pwf_dataset *dataset, uint32_t seed, int64_t pass, int64_t index,
                             uint8_t *out, int32_t *label);

/* Bytes of an image, [H, W, C], and what normalisation and random erasing make of them. Local; any
 * thread. */
int64_t pwf_dataset_image_bytes(const pwf_dataset *dataset);
void pwf_dataset_finish(const pwf_dataset *dataset, uint32_t seed, int64_t pass, int64_t index,
                        const uint8_t *bytes, float *image);

#endif
