/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_SOURCES_H
#define PWF_SRC_DATA_SOURCES_H

#include "pwf/core/hash.h"
#include "pwf/core/status.h"
#include "pwf/data/dataset.h"
#include "pwf/data/image.h"

/* Where the images of a data set come from: held in memory as pixels, or files of their own. */

/* ---- formats that are held in memory ---- */

typedef struct pwf_pixels {
    int64_t count, height, width, channels;
    uint8_t *pixels; /* [count, height, width, channels] */
    uint8_t *labels;
} pwf_pixels;

/* Reads a part of the set that the configuration names, at most `limit` images (0: all). Local.
 * The caller frees pixels and labels, also after a failure, which is that of pwf_dataset_open. */
pwf_status pwf_pixels_read_idx(const pwf_dataset_request *request, bool train, int64_t limit,
                               pwf_pixels *out);
pwf_status pwf_pixels_read_cifar(const pwf_dataset_request *request, bool train, int64_t limit,
                                 pwf_pixels *out);

/* ---- a file for each image ---- */

typedef struct pwf_folder pwf_folder;

/* As pwf_images_open, for folders. */
pwf_status pwf_folder_open(const pwf_dataset_request *request, bool train, const char *all,
                           pwf_folder **out);
void pwf_folder_free(pwf_folder *folder);

/* As the functions of pwf_images. */
int64_t pwf_folder_count(const pwf_folder *folder);
int64_t pwf_folder_classes(const pwf_folder *folder);
int32_t pwf_folder_label(const pwf_folder *folder, int64_t index);
const char *pwf_folder_name(const pwf_folder *folder, int64_t index);
int64_t pwf_folder_size(const pwf_folder *folder, int64_t index);
const char *pwf_folder_class(const pwf_folder *folder, int64_t class);
pwf_status pwf_folder_hash(const pwf_folder *folder, pwf_hash *out);

/* Local; any thread. As pwf_image_read. */
pwf_status pwf_folder_read(const pwf_folder *folder, int64_t index, pwf_image *out);

#endif
