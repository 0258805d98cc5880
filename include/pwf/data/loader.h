/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_LOADER_H
#define PWF_DATA_LOADER_H

#include "pwf/data/dataset.h"

/** Threads that decode images ahead of the steps that use them: the images of pwf_order and
 * pwf_dataset_load, only sooner. At most three batches of this rank's share are held. */

typedef struct pwf_loader pwf_loader;

/** Starts `threads` threads for positions [first, first + share) of each batch of `batch` images of
 * the training part.
 * Local. The caller owns it and keeps the data set until it is freed. Fails with PWF_RESOURCE. */
pwf_status pwf_loader_new(const pwf_dataset *dataset, int64_t batch, int64_t first, int64_t share,
                          uint32_t seed, int threads, pwf_loader **out);
void pwf_loader_free(pwf_loader *loader);

/** Moves to a batch, counted from the start of training; from then on its images can be taken, and
 * the two after it are decoded. The one after the present costs nothing; any other begins anew.
 * Local; one thread, while no image is taken. */
void pwf_loader_seek(pwf_loader *loader, int64_t batch);

/** Gives the image at `position` of the batch, waiting for it if need be.
 * Local; any thread. Fails and is exact as pwf_dataset_load. */
pwf_status pwf_loader_take(pwf_loader *loader, int64_t position, float *image, int32_t *label);

/** Seconds that takers have waited so far, added over threads.
 * Local; any thread. */
double pwf_loader_waited(pwf_loader *loader);

#endif
