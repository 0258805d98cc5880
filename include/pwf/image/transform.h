/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_IMAGE_TRANSFORM_H
#define PWF_IMAGE_TRANSFORM_H

#include "pwf/image/image.h"

/** The random changes of the group `augment`, applied to one training image of one or three
 * channels. Each kind of change draws from its own random stream, a function of the image's key, so
 * switching one on does not change the others. */

/* All zero: changes nothing. */
typedef struct pwf_image_transform {
    pwf_augment_config config;
    uint8_t fill[3]; /* colour of pixels that RandAugment uncovers */
} pwf_image_transform;

/* Everything that is drawn for an image is a function of its key. */
typedef struct pwf_image_key {
    uint32_t seed;
    int64_t pass, index; /* both below 2^32 */
} pwf_image_key;

/** Returns the transform of a configuration. Uncovered pixels get the colour `mean` (data.mean), as
 * in timm.
 * Local. */
pwf_image_transform pwf_image_transform_of(const pwf_augment_config *config,
                                           const pwf_real_list *mean);

/** Resizes a random part of the image to width x height: RGB bytes. pwf_image_crop_pixels does the
 * same in place to an image in memory, [height, width, channels].
 * Local; any thread. Fails with PWF_RESOURCE. Exact: the same bits everywhere. */
pwf_status pwf_image_crop(const pwf_image_transform *t, pwf_image_key key, const pwf_image *image,
                          int64_t width, int64_t height, uint8_t *out);
pwf_status pwf_image_crop_pixels(const pwf_image_transform *t, pwf_image_key key, uint8_t *pixels,
                                 int64_t width, int64_t height, int64_t channels);

/** Applies RandAugment, then colour jitter, in place to [height, width, channels].
 * Local; any thread. Fails with PWF_RESOURCE. Exact: the same bits everywhere. */
pwf_status pwf_image_vary_colours(const pwf_image_transform *t, pwf_image_key key, uint8_t *pixels,
                                  int64_t width, int64_t height, int64_t channels);

/** Random erasing: with probability augment.erase, replaces a part of a normalised image, [height,
 * width, channels], with normal noise: 2 to 33 % of the area, ratio 0.3 to 1 / 0.3, ten tries.
 * Local; any thread. Exact: the same bits everywhere. Source: timm, RandomErasing, mode pixel. */
void pwf_image_erase(const pwf_image_transform *t, pwf_image_key key, float *image, int64_t width,
                     int64_t height, int64_t channels);

#endif
