/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_AUGMENT_H
#define PWF_DATA_AUGMENT_H

#include "draws.h"

#include <stdbool.h>

/** What is done to training images at random beyond crop and mirror; all of it is off by default.
 * Pictures are RGB bytes, [height, width, 3]; `scratch` is as large as the picture. Each kind has
 * numbers of its own, so that switching one on shifts no other.
 * All of them: Local; any thread. Exact: the same bits everywhere. */

/* ---- RandomResizedCrop ---- */

typedef struct pwf_crop_settings {
    double scale[2]; /* share of the area, from and to */
    double ratio[2]; /* width over height, from and to */
} pwf_crop_settings;

typedef struct pwf_box {
    int64_t left, top, columns, rows;
} pwf_box;

/* A part of a picture of this size: ten tries, then the largest one at the centre whose ratio is
 * allowed. Source: torchvision, RandomResizedCrop.get_params. */
pwf_box pwf_crop_draw(const pwf_crop_settings *settings, pwf_draws *draws, int64_t width,
                      int64_t height);

/* ---- colour jitter ---- */

/* Factors are drawn from max(0, 1 - x) to 1 + x, the hue's turn from -x to x; 0 switches one off.
 */
typedef struct pwf_jitter_settings {
    double brightness, contrast, saturation, hue;
} pwf_jitter_settings;

/* In an order that is drawn as well. Source: torchvision, ColorJitter. */
void pwf_jitter(const pwf_jitter_settings *settings, pwf_draws *draws, uint8_t *rgb,
                int64_t pixels);

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

typedef struct pwf_randaugment_settings {
    int64_t layers; /* operations after each other; 0: off */
    double magnitude, std, probability;
    bool increasing; /* every operation changes more with a larger magnitude */
    bool bicubic;
    uint8_t fill[3];
} pwf_randaugment_settings;

/* What a magnitude, 0 to 10, means to an operation: degrees, a factor, a threshold ...; `negative`
 * turns those the other way that have one. Source: timm, data/auto_augment.py. */
double pwf_operation_argument(pwf_operation operation, double magnitude, bool negative,
                              bool increasing);

void pwf_operation_apply(pwf_operation operation, double argument,
                         const pwf_randaugment_settings *settings, uint8_t *rgb, int64_t width,
                         int64_t height, uint8_t *scratch);

/* Each layer takes one of the operations, applies it with the probability, and at a magnitude drawn
 * from a normal distribution, kept within 0 to 10. Source: timm's rand-m9-mstd0.5-inc1. */
void pwf_randaugment(const pwf_randaugment_settings *settings, const pwf_draws *draws, uint8_t *rgb,
                     int64_t width, int64_t height, uint8_t *scratch);

/* ---- random erasing ---- */

/* With `probability`, puts normal noise in place of a part of a normalised image,
 * [height, width, channels]: 2 to 33 % of the area, ratio 0.3 to 1 / 0.3, ten tries. Source: timm,
 * RandomErasing, mode pixel. */
void pwf_erase(double probability, pwf_draws *draws, float *image, int64_t width, int64_t height,
               int64_t channels);

#endif
