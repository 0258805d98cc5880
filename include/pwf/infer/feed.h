/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_INFER_FEED_H
#define PWF_INFER_FEED_H

#include "pwf/config/config.h"
#include "pwf/data/dataset.h"
#include "pwf/data/loader.h"
#include "pwf/mesh/mesh.h"
#include "pwf/report/report.h"

/** The images a rank works on: the data sets, the order of the training images, the loader that
 * decodes ahead, and the files skipped because they are damaged. */

enum { PWF_SLOTS_MAX = 256 }; /* slots of a batch, and therefore ranks of a job */

typedef struct pwf_feed {
    const pwf_mesh *mesh;
    const pwf_config *config;
    pwf_dataset *train, *test; /* NULL: not opened */
    pwf_order *order;          /* of the training images */
    pwf_loader *loader;        /* for this rank's share of each batch; NULL: workers decode */
    int64_t skipped[2];        /* damaged files known to all ranks, by pwf_data_split */
    pwf_report *report; /* on rank 0 of a run, for a row per skipped file; else NULL. Borrowed */
} pwf_feed;

/** Opens the test images that the configuration names, with `training` also the training images, at
 * batch 0. `feed` has its mesh and configuration and is otherwise all zeros.
 * Local. Fails as pwf_dataset_open and pwf_order_new. Release with pwf_feed_close in any case. */
pwf_status pwf_feed_open(pwf_feed *feed, bool training);

/** Frees everything the feed owns.
 * Local. */
void pwf_feed_close(pwf_feed *feed);

/** Checks that all ranks have opened the same images: hosts may have different files under one
 * path.
 * Collective over the mesh. Fails with PWF_DATA. */
pwf_status pwf_feed_compare(const pwf_feed *feed);

/** Hash of all images, training and test, as stored in checkpoints.
 * Local. */
pwf_hash pwf_feed_hash(const pwf_feed *feed);

/** Starts the loader if data.threads > 0 and the images are decoded from files.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_feed_start_loader(pwf_feed *feed);

/** First slot of a rank; slots [first(rank), first(rank + 1)) of each batch belong to it.
 * Local. */
int64_t pwf_feed_first_slot(const pwf_feed *feed, int rank);

/** Moves to a batch of training images, counted from the start of the run.
 * Local. */
void pwf_feed_seek(pwf_feed *feed, int64_t batch);

/** Loads the training image at `position` of the current batch into `image` [H, W, C].
 * Local; any thread. Fails and is exact as pwf_dataset_load. */
pwf_status pwf_feed_load(const pwf_feed *feed, int64_t position, float *image, int32_t *label);

/** Makes the damaged files that any rank has found since the last call known to all ranks, as
 * data.skip_bad allows, so that a run stops at the same step on every mesh. `step` is for the rows
 * of metrics.
 * Collective over the mesh. Fails with PWF_DATA if there are more than data.skip_bad. */
pwf_status pwf_feed_agree_skips(pwf_feed *feed, pwf_data_split split, int64_t step);

#endif
