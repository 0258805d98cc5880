/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_AUGMENT_H
#define PWF_SRC_IMAGE_AUGMENT_H

#include "pwf/image/transform.h"

#include <stdbool.h>

/** The individual random changes of training images; all of them are off by default. Images are RGB
 * bytes, [height, width, 3]; `scratch` has the size of the image. Each kind of change draws from
 * its own stream. All functions: Local; any thread. Exact: the same bits everywhere. */

/* Draws the part of an image that augment.crop takes: ten tries within crop_scale and crop_ratio,
 * then the largest part at the centre whose ratio is allowed. Source: torchvision,
 * RandomResizedCrop.get_params. */
pwf_image_window pwf_crop_draw(const pwf_augment_config *config, pwf_image_key key, int64_t width,
                               int64_t height);

/* Colour jitter in random order: factors from max(0, 1 - x) to 1 + x, and a turn of the hue from -x
 * to x; 0 switches one off. Source: torchvision, ColorJitter. */
void pwf_jitter(const pwf_augment_config *config, pwf_image_key key, uint8_t *rgb, int64_t pixels);

/* ---- RandAugment ---- */

typedef enum pwf_operation {
    PWF_OP_AUTOCONTRAST,
    PWF_OP_EQUALIZE,
    PWF_OP_INVERT,
    PWF_OP_ROTATE,
    PWF_OP_POSTERIZE,
    PWF_OP_SOLARIZE,
    PWF_OP_SOLARIZE_ADD,
    PWF_OP_COLOR,
    PWF_OP_CONTRAST,
    PWF_OP_BRIGHTNESS,
    PWF_OP_SHARPNESS,
    PWF_OP_SHEAR_X,
    PWF_OP_SHEAR_Y,
    PWF_OP_TRANSLATE_X,
    PWF_OP_TRANSLATE_Y,
    PWF_OP_COUNT
} pwf_operation;

/* The argument of an operation at a magnitude of 0 to 10: degrees, a factor, a threshold ...;
 * `negative` reverses the direction of operations that have one. Source: timm,
 * data/auto_augment.py. */
double pwf_operation_argument(pwf_operation operation, double magnitude, bool negative,
                              bool increasing);

void pwf_operation_apply(pwf_operation operation, double argument, const pwf_image_transform *t,
                         uint8_t *rgb, int64_t width, int64_t height, uint8_t *scratch);

/* Each layer applies one of the operations with probability rand_prob, at a magnitude drawn from a
 * normal distribution and clipped to 0 to 10. Source: timm's rand-m9-mstd0.5-inc1. */
void pwf_randaugment(const pwf_image_transform *t, pwf_image_key key, uint8_t *rgb, int64_t width,
                     int64_t height, uint8_t *scratch);

#endif
