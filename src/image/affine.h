/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_AFFINE_H
#define PWF_SRC_IMAGE_AFFINE_H

#include <stdbool.h>
#include <stdint.h>

/** Pillow's affine maps of RGB pictures, [height, width, 3], with bilinear or bicubic interpolation
 * in double precision. The map takes a position in the result to one in the picture; positions
 * outside the picture give `fill`. Source: Pillow, src/libImaging/Geometry.c,
 * Image.rotate. */

typedef struct pwf_affine {
    double at[6]; /* x' = at[0] x + at[1] y + at[2], y' = at[3] x + at[4] y + at[5] */
} pwf_affine;

/* The map of Image.rotate, counter-clockwise around the centre; |degrees| <= 45.
 * Local; any thread. Within two units in the last place of Pillow's map, which uses libm. */
pwf_affine pwf_affine_rotation(double degrees, int64_t width, int64_t height);

/* Writes the mapped picture to `out`, which does not overlap `rgb`.
 * Local; any thread. Exact: Pillow's values for the same map, on every instruction set. */
void pwf_affine_apply(uint8_t *out, const uint8_t *rgb, int64_t width, int64_t height,
                      const pwf_affine *map, bool bicubic, const uint8_t fill[3]);

#endif
