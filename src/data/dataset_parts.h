/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_DATASET_PARTS_H
#define PWF_SRC_DATA_DATASET_PARTS_H

#include "pwf/data/dataset.h"
#include "pwf/image/transform.h"

/* The two halves of pwf_dataset_load, which the loader runs on different threads. */

/* Loads and augments an image, before normalisation. A damaged file is a failure here, regardless
 * of data.skip_bad, and is not counted. Local; any thread. */
pwf_status pwf_dataset_bytes(const pwf_dataset *dataset, pwf_image_key key, uint8_t *out,
                             int32_t *label);

/* Normalises and randomly erases the bytes of an image, [H, W, C]. Local; any thread. */
void pwf_dataset_finish(const pwf_dataset *dataset, pwf_image_key key, const uint8_t *bytes,
                        float *image);

/* Bytes of an image. Local; any thread. */
int64_t pwf_dataset_image_bytes(const pwf_dataset *dataset);

#endif
