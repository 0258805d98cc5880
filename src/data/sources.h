/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_SOURCES_H
#define PWF_SRC_DATA_SOURCES_H

#include "pwf/data/images.h"

/* Sources of images. A source is a constant pwf_source_NAME in a file source_*.c and a row of
 * PWF_DATA_SOURCES. There are two kinds: small images of one shape are held in memory; images of
 * any shape are read one at a time. */

/* Images held in memory. */
typedef struct pwf_pixels {
    int64_t count, height, width, channels;
    uint8_t *pixels; /* [count, height, width, channels] */
    uint8_t *labels; /* [count] */
} pwf_pixels;

typedef struct pwf_source {
    /* Held in memory: reads a split, at most `limit` images (0: all), and checks it against the
     * request. The caller frees pixels and labels, also after a failure. Fails as pwf_dataset_open.
     * NULL for sources that are read one image at a time; these define all functions below, and
     * sources held in memory none of them. */
    pwf_status (*load)(const pwf_dataset_request *request, bool train, int64_t limit,
                       pwf_pixels *out);

    /* Opens a split and fills in count, classes, hash and self. `close` is called after a failure
     * too, if self is not NULL. */
    pwf_status (*open)(const pwf_dataset_request *request, bool train, pwf_images *out);
    void (*close)(void *self);
    /* Like the functions pwf_images_*, with `self` of the images. Any thread. */
    pwf_images_item (*get)(const void *self, int64_t index);
    const char *(*class_name)(const void *self, int64_t class);
    pwf_status (*read)(const void *self, int64_t index, pwf_image *out);
} pwf_source;

/* The row of a format. Local; any thread. */
const pwf_source *pwf_source_get(pwf_data_format format);

/* Fails with PWF_CONFIG unless the network takes square images of this shape. Local. */
pwf_status pwf_source_check_shape(const pwf_dataset_request *request, const char *what,
                                  int64_t side, int64_t channels, int64_t classes);

/* Allocates pixels and labels of min(count, limit) images (limit 0: count). Local. Fails with
 * PWF_RESOURCE. */
pwf_status pwf_pixels_new(pwf_pixels *pixels, int64_t count, int64_t limit, int64_t side,
                          int64_t channels);

#endif
