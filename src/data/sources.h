/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_SOURCES_H
#define PWF_SRC_DATA_SOURCES_H

#include "pwf/config/config.h"
#include "pwf/core/hash.h"
#include "pwf/core/status.h"
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
pwf_status pwf_pixels_read_idx(const pwf_config *config, bool train, int64_t limit,
                               pwf_pixels *out);

/* ---- a file for each image ---- */

typedef struct pwf_folder pwf_folder;

/* Lists data.path/train or data.path/val: class folders in byte order of their names, files in
 * byte order within; or, for val with data.val_list, one folder of files and a list of classes.
 * Local. The caller owns it. Fails as pwf_dataset_open. */
pwf_status pwf_folder_open(const pwf_config *config, bool train, pwf_folder **out);

/* Lists all images in a folder and, behind them, those in its folders, in byte order of the names;
 * their class is 0. Local. The caller owns it. Fails as pwf_dataset_open_folder. */
pwf_status pwf_folder_open_all(const pwf_config *config, const char *path, pwf_folder **out);
void pwf_folder_free(pwf_folder *folder);

/* Number of files; class and name under data.path of one; a hash of all names, sizes and classes in
 * order. Local; any thread. */
int64_t pwf_folder_count(const pwf_folder *folder);
int32_t pwf_folder_label(const pwf_folder *folder, int64_t index);
const char *pwf_folder_name(const pwf_folder *folder, int64_t index);
pwf_status pwf_folder_hash(const pwf_folder *folder, pwf_hash *out);

/* Local; any thread. As pwf_image_read. */
pwf_status pwf_folder_read(const pwf_folder *folder, int64_t index, pwf_image *out);

#endif
