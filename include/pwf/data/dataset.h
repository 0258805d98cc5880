/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_DATASET_H
#define PWF_DATA_DATASET_H

#include "pwf/core/hash.h"
#include "pwf/core/status.h"
#include "pwf/data/config.h"
#include "pwf/image/config.h"

#include <stdbool.h>

/** Labelled images. An image as training sees it is a pure function of (seed, pass, index). */

typedef struct pwf_dataset pwf_dataset;

/** Whether a source holds all its images in memory, with the pixels the network takes; others read
 * and decode each image when it is loaded.
 * Local; any thread. */
bool pwf_data_is_held(pwf_data_format format);

typedef enum pwf_data_split { PWF_TRAIN, PWF_TEST } pwf_data_split;

/* What a data set is opened for. The pointers are used only while it is opened. */
typedef struct pwf_dataset_request {
    const pwf_data_config *data;
    const pwf_augment_config *augment;
    int64_t channels, classes, side; /* of the network; classes 0: any number */
    uint32_t seed;                   /* draws the images of data.validation */
    const char *folder;              /* if not NULL: opened instead of data.path, see below */
} pwf_dataset_request;

/** Opens one split of the data set that the configuration names and checks it against the model's
 * channels, classes and image size. A source held in memory is read and checked completely; other
 * sources only list their images and decode each when it is loaded. Keeps data.train_limit or
 * data.test_limit images; data.validation splits the training images. With request.folder, opens
 * instead all images in that folder and its subfolders, as test images without classes (label 0),
 * independent of data.format, the limits and data.validation. They are ordered by name, those of a
 * folder before those of its subfolders. A damaged file is then a failure, regardless of
 * data.skip_bad.
 * Local; every rank opens it. The caller owns it. Fails with PWF_MISSING (naming the files that
 * were tried), PWF_DENIED, PWF_DATA (naming file and position), PWF_IO, PWF_CONFIG (data.mean or
 * data.std) or PWF_RESOURCE. */
pwf_status pwf_dataset_open(pwf_dataset_request request, pwf_data_split split, pwf_dataset **out);
void pwf_dataset_free(pwf_dataset *dataset);

/** Number of images, and a hash: of pixels, shape and labels if they are held in memory, else of
 * the sorted list of names, file sizes and classes.
 * Local. */
int64_t pwf_dataset_count(const pwf_dataset *dataset);
pwf_hash pwf_dataset_hash(const pwf_dataset *dataset);

/** Writes image `index`, normalised by data.mean and data.std, to `image` [H, W, C], and its label.
 * Training images are augmented by the draw (seed, pass). Held in memory: a random crop after
 * padding by data.pad black pixels (byte 0, after normalisation -mean / std). Otherwise: resized
 * to a square of data.resize and cropped at random; test images by data.eval_transform. Then
 * mirrored with probability 1/2 if data.flip, then changed by the group `augment`, whose
 * augment.crop replaces the other crops. With data.skip_bad, the next valid file replaces a
 * damaged one.
 * Local; any thread. Fails with PWF_DATA or as pwf_data_read_image. Exact: the same bits for the
 * same version of the decoders. */
pwf_status pwf_dataset_load(const pwf_dataset *dataset, uint32_t seed, int64_t pass, int64_t index,
                            float *image, int32_t *label);

/** Whether each load decodes a file, so that decoding ahead is worthwhile. pwf_dataset_name gives
 * the name of the file below data.path, "" if images have none.
 * Local. */
bool pwf_dataset_is_decoded(const pwf_dataset *dataset);
const char *pwf_dataset_name(const pwf_dataset *dataset, int64_t index);

/** pwf_dataset_skipped gives the indices of the damaged images skipped so far, in the order in
 * which they were found; pwf_dataset_skip adds one that another rank found.
 * Local; not while images are loaded. pwf_dataset_skip fails with PWF_DATA beyond data.skip_bad. */
int64_t pwf_dataset_skipped(const pwf_dataset *dataset, const int64_t **index);
pwf_status pwf_dataset_skip(const pwf_dataset *dataset, int64_t index);

/* The order of the images: each pass over the data is a permutation drawn from (seed, pass); a last
 * short batch is dropped. */
typedef struct pwf_order pwf_order;

/** Creates the order, positioned at batch 0.
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
