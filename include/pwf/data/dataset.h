/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_DATASET_H
#define PWF_DATA_DATASET_H

#include "pwf/config/config.h"
#include "pwf/core/hash.h"
#include "pwf/core/status.h"

/** Labelled images. An image as training sees it is a pure function of (seed, pass, index). */

typedef struct pwf_dataset pwf_dataset;

typedef enum pwf_split { PWF_TRAIN, PWF_TEST } pwf_split;

/** Opens one part of the data set that the configuration names and checks it against the model's
 * channels, classes and image size. The whole files are read and checked; the first
 * data.train_limit or data.test_limit images are kept.
 * Local; every rank opens it. The caller owns it. Fails with PWF_MISSING (no file; says which names
 * were tried and which package has them), PWF_DENIED, PWF_DATA (names file and place), PWF_IO,
 * PWF_CONFIG (data.mean or data.std) or PWF_RESOURCE. */
pwf_status pwf_dataset_open(const pwf_config *config, pwf_split split, pwf_dataset **out);
void pwf_dataset_free(pwf_dataset *dataset);

/** Number of images, and a hash of all of them with their shape and labels.
 * Local. */
int64_t pwf_dataset_count(const pwf_dataset *dataset);
pwf_hash pwf_dataset_hash(const pwf_dataset *dataset);

/** Decodes image `index`, normalised by data.mean and data.std, into `image` [H, W, C] and its
 * label; for the training part augmented by draw (seed, pass): a random crop after data.pad pixels
 * of black (byte 0, which normalisation makes -mean / std) on every side, then with data.flip a
 * mirror image in half of the cases.
 * Local; any thread. Fails with PWF_DATA. Exact: the same bits everywhere. */
pwf_status pwf_dataset_load(const pwf_dataset *dataset, uint32_t seed, int64_t pass, int64_t index,
                            float *image, int32_t *label);

/* The order of the images: each pass over the data is a permutation drawn from (seed, pass); a last
 * short batch is dropped. */
typedef struct pwf_order pwf_order;

/** Makes the order, standing at batch 0.
 * Local. The caller owns it. Fails with PWF_CONFIG (a batch larger than the data) or
 * PWF_RESOURCE. */
pwf_status pwf_order_new(int64_t images, int64_t batch, uint32_t seed, pwf_order **out);
void pwf_order_free(pwf_order *order);

/** Moves to a batch, counted from the start of training; afterwards pwf_order_image gives its
 * images, from any thread. The permutation is drawn when the pass changes.
 * Local; one thread. Exact: a pure function of (images, batch, seed, batch_number). */
void pwf_order_seek(pwf_order *order, int64_t batch_number);
int64_t pwf_order_image(const pwf_order *order, int64_t position); /* in [0, batch) */
int64_t pwf_order_pass(const pwf_order *order);

#endif
