/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_IMAGE_CONFIG_H
#define PWF_IMAGE_CONFIG_H

#include "pwf/core/list.h"

/** The group `augment` of the configuration. docs/reference/options.md describes each key. */

/* Interpolation of pwf_image_resize and of augmentation. */
typedef enum pwf_image_filter { PWF_BILINEAR, PWF_BICUBIC } pwf_image_filter;

typedef struct pwf_augment_config {
    bool crop;
    pwf_real_list crop_scale, crop_ratio; /* share of the area; width / height: each from, to */
    pwf_image_filter interpolation;
    double brightness, contrast, saturation, hue; /* largest relative change; 0: off */
    int64_t rand_layers;                          /* operations per image; 0: no RandAugment */
    double rand_magnitude, rand_std, rand_prob;
    bool rand_increasing; /* a larger magnitude changes the image more, for every operation */
    double erase;         /* probability */
    double mixup, cutmix; /* alpha of the Beta distribution; 0: off */
    double mix_prob, mix_switch;
} pwf_augment_config;

#endif
