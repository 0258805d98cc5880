/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_IMAGES_H
#define PWF_DATA_IMAGES_H

#include "pwf/core/hash.h"
#include "pwf/data/dataset.h"
#include "pwf/image/image.h"

/** The images of one split of a data set, read one at a time: from folders with one file per image,
 * or from an image archive. */

typedef struct pwf_images {
    int64_t count, classes;
    pwf_hash hash; /* of all names, file sizes and labels in order; an archive stores that of the
                      folders it was made from */
    const struct pwf_source *source;
    void *self; /* of the source */
} pwf_images;

/* The facts about an image that are known without reading it. */
typedef struct pwf_images_item {
    const char *name; /* below data.path; valid until the images are closed */
    int64_t size;     /* bytes as stored */
    int32_t label;
} pwf_images_item;

/** Lists data.path/train or data.path/val (data.format imagefolder; class folders in byte order of
 * their names, files in byte order within; or, for val with data.val_list, one folder of files and
 * a list of classes), or opens data.path/train.h5 or data.path/val.h5 (hdf5). model.classes is
 * their number of classes, or 0: any. With request.folder (imagefolder), lists all images in that
 * folder and then those in its subfolders, in byte order of the names; their class is 0 and has no
 * name.
 * Local. The caller closes *out, also after a failure. Fails with PWF_MISSING, PWF_DENIED,
 * PWF_DATA, PWF_IO, PWF_RESOURCE, or PWF_CONFIG if model.channels is not 3 or stored pixels do not
 * have the size and form that data.resize, data.eval_transform and augment.crop require. */
pwf_status pwf_images_open(pwf_dataset_request request, bool train, pwf_images *out);
void pwf_images_close(pwf_images *images);

/** An image of the list, and the name of a class.
 * Local; any thread. */
pwf_images_item pwf_images_get(const pwf_images *images, int64_t index);
const char *pwf_images_class(const pwf_images *images, int64_t class);

/** Reads and decodes an image. `out` is as from pwf_image_decode.
 * Local; any thread. Fails as pwf_data_read_image. */
pwf_status pwf_images_read(const pwf_images *images, int64_t index, pwf_image *out);

#endif
