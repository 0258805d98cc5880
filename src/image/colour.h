/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_COLOUR_H
#define PWF_SRC_IMAGE_COLOUR_H

#include <stdint.h>

/** Pillow's operations on the colours of a picture: RGB bytes, [pixels, 3], changed in place. A
 * grey picture has three equal channels, and the result is that of Pillow for one channel.
 * All functions: Local; any thread. Exact: Pillow's values, on every instruction set. Sources:
 * Pillow, ImageOps.py, ImageEnhance.py, src/libImaging/Blend.c and Convert.c. */

/* Stretch each channel to 0 .. 255; flatten the histogram of each channel. */
void pwf_colour_autocontrast(uint8_t *rgb, int64_t pixels);
void pwf_colour_equalize(uint8_t *rgb, int64_t pixels);

/* Replaces values v >= `threshold` by 255 - v: 0 inverts all, 256 none. */
void pwf_colour_solarize(uint8_t *rgb, int64_t pixels, int threshold);

/* Adds `add` to values below 128; results are at most 255. */
void pwf_colour_solarize_add(uint8_t *rgb, int64_t pixels, int add);

/* Keeps the upper `bits` bits, 0 to 8. */
void pwf_colour_posterize(uint8_t *rgb, int64_t pixels, int bits);

/* Blend with black, with the mean grey, with the grey picture: factor 1 changes nothing, 0 gives
 * black or grey, and factors above 1 extrapolate. */
void pwf_colour_brightness(uint8_t *rgb, int64_t pixels, float factor);
void pwf_colour_contrast(uint8_t *rgb, int64_t pixels, float factor);
void pwf_colour_saturation(uint8_t *rgb, int64_t pixels, float factor);

/* Turns the hue by `turn` of a circle, -0.5 to 0.5, through Pillow's HSV of 8 bits each.
 * Source of the turn: torchvision, functional_pil.adjust_hue. */
void pwf_colour_hue(uint8_t *rgb, int64_t pixels, double turn);

/* As brightness, but blends with the picture smoothed over 3 x 3 pixels. `scratch` has the size of
 * the picture. Source: ImageFilter.SMOOTH, src/libImaging/Filter.c. */
void pwf_colour_sharpness(uint8_t *rgb, int64_t width, int64_t height, float factor,
                          uint8_t *scratch);

#endif
