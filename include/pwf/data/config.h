/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_CONFIG_H
#define PWF_DATA_CONFIG_H

#include "pwf/core/list.h"

/** The groups `data` and `augment` of the configuration. docs/reference/options.md describes each
 * key. */

typedef enum pwf_data_format {
    PWF_DATA_IDX,
    PWF_DATA_IMAGEFOLDER,
    PWF_DATA_HDF5,
    PWF_DATA_CIFAR10,
    PWF_DATA_CIFAR100
} pwf_data_format;

typedef enum pwf_eval_transform { PWF_EVAL_PAPER, PWF_EVAL_TIMM } pwf_eval_transform;

typedef struct pwf_data_config {
    pwf_data_format format;
    char path[PWF_TEXT];
    pwf_real_list mean, std; /* of pixels in [0, 1]; one value, or one per channel */
    bool flip;
    int64_t pad;                     /* pixels on each side */
    int64_t train_limit, test_limit; /* images; 0: all */
    double validation;               /* share of the training images */
    char val_list[PWF_TEXT], val_classes[PWF_TEXT];
    int64_t resize; /* pixels */
    pwf_eval_transform eval_transform;
    double crop_pct;
    int64_t skip_bad; /* files */
    int64_t threads;
} pwf_data_config;

/* Interpolation of pwf_image_resize and of augmentation. */
typedef enum pwf_filter { PWF_BILINEAR, PWF_BICUBIC } pwf_filter;

typedef struct pwf_augment_config {
    bool crop;
    pwf_real_list crop_scale, crop_ratio; /* from, to */
    pwf_filter interpolation;
    double brightness, contrast, saturation, hue; /* largest relative change; 0: off */
    int64_t rand_layers;                          /* 0: no RandAugment */
    double rand_magnitude, rand_std, rand_prob;
    bool rand_increasing;
    double erase;         /* probability */
    double mixup, cutmix; /* alpha of the Beta distribution; 0: off */
    double mix_prob, mix_switch;
} pwf_augment_config;

#endif
