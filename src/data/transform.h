/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_TRANSFORM_H
#define PWF_DATA_TRANSFORM_H

#include "augment.h"
#include "pwf/data/dataset.h"
#include "pwf/data/image.h"

/* The group `augment` of the configuration, applied to one image of (seed, pass, index). Images
 * have one or three channels. */

typedef struct pwf_transform {
    bool crops, colours, erases; /* whether there is anything to do */
    pwf_crop_settings crop;
    pwf_filter filter;
    pwf_jitter_settings jitter;
    pwf_randaugment_settings rand;
    double erase;
} pwf_transform;

/* Which image: everything that is drawn is a function of it. */
typedef struct pwf_draw_key {
    uint32_t seed;
    int64_t pass, index;
} pwf_draw_key;

pwf_transform pwf_transform_of(const pwf_dataset_request *request);

/* A random part of the picture, resized to width x height: RGB bytes. Local; any thread. Fails with
 * PWF_RESOURCE. */
pwf_status pwf_transform_crop(const pwf_transform *t, pwf_draw_key key, const pwf_image *picture,
                              int64_t width, int64_t height, uint8_t *out);

/* The same for an image in memory, [height, width, channels], in place. */
pwf_status pwf_transform_crop_pixels(const pwf_transform *t, pwf_draw_key key, uint8_t *pixels,
                                     int64_t width, int64_t height, int64_t channels);

/* RandAugment, then colour jitter, in place. Local; any thread. Fails with PWF_RESOURCE. */
pwf_status pwf_transform_colours(const pwf_transform *t, pwf_draw_key key, uint8_t *pixels,
                                 int64_t width, int64_t height, int64_t channels);

/* Random erasing of the normalised image, in place. Local; any thread. */
void pwf_transform_erase(const pwf_transform *t, pwf_draw_key key, float *image, int64_t width,
                         int64_t height, int64_t channels);

#endif
