/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_LOADER_H
#define PWF_DATA_LOADER_H

#include "pwf/data/dataset.h"

/** Threads that decode images ahead of the steps that use them. The images are those of
 * pwf_dataset_load in the order of pwf_order. At most three batches of this rank's share are held.
 */

typedef struct pwf_loader pwf_loader;

/** Starts `threads` threads for positions [first, first + share) of each batch of `batch` images of
 * the training split.
 * Local. The caller owns it and keeps the data set until it is freed. Fails with PWF_RESOURCE. */
pwf_status pwf_loader_new(const pwf_dataset *dataset, int64_t batch, int64_t first, int64_t share,
                          uint32_t seed, int threads, pwf_loader **out);
void pwf_loader_free(pwf_loader *loader);

/** Moves to a batch, counted from the start of training. Its images can then be taken, and those of
 * the two batches after it are decoded. Moving to the next batch costs nothing; moving to any other
 * discards what is decoded.
 * Local; one thread, while no image is taken. */
void pwf_loader_seek(pwf_loader *loader, int64_t batch);

/** Copies the image at `position` of the batch; waits until it is decoded.
 * Local; any thread. Fails and is exact as pwf_dataset_load. */
pwf_status pwf_loader_take(pwf_loader *loader, int64_t position, float *image, int32_t *label);

/** Seconds that callers of pwf_loader_take have waited, summed over threads.
 * Local; any thread. */
double pwf_loader_waited(pwf_loader *loader);

#endif
