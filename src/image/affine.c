/* SPDX-License-Identifier: BSD-3-Clause */
/* Affine maps of pictures with pixels identical to Pillow's: rotation, shear, shift, with bilinear
 * or bicubic interpolation. Called by augment.c from any thread; double precision without libm, so
 * the same bits everywhere. Source: Pillow, src/libImaging/Geometry.c. */
#include "affine.h"

#include "pwf/core/status.h"

#include <math.h>
#include <string.h>

/* Taylor polynomial to x^19, exact to rounding for |x| <= pi / 4. */
static double sine(double x)
{
    const double square = x * x;
    double sum = 0.0;
    for (int k = 19; k >= 3; k -= 2)
        sum = (1.0 + sum) * -square / (k * (k - 1));
    return x + x * sum;
}

/* Taylor polynomial to x^20, as for sine. */
static double cosine(double x)
{
    const double square = x * x;
    double sum = 0.0;
    for (int k = 20; k >= 2; k -= 2)
        sum = (1.0 + sum) * -square / (k * (k - 1));
    return 1.0 + sum;
}

/* Rotation about the centre of the picture: the translation puts the centre back in place. */
pwf_affine pwf_affine_rotation(double degrees, int64_t width, int64_t height)
{
    const double angle = -degrees * (0x1.921fb54442d18p+1 / 180.0);
    const double x = (double)width / 2.0, y = (double)height / 2.0;
    const double s = sine(angle), c = cosine(angle);
    PWF_ASSERT(fabs(degrees) <= 45.0);
    return (pwf_affine){{c, s, c * -x + s * -y + x, -s, c, -s * -x + c * -y + y}};
}

/* floor() without libm. */
static int64_t floor_of(double x)
{
    const int64_t whole = (int64_t)x;
    return (double)whole > x ? whole - 1 : whole;
}

/* Clamps a row or column to [0, count): outside the picture, the border pixels repeat. */
static int64_t inside(int64_t place, int64_t count)
{
    return place < 0 ? 0 : place < count ? place : count - 1;
}

/* Cubic curve through four values, at fraction `d` of the way from the second to the third. */
static double cubic(double v1, double v2, double v3, double v4, double d)
{
    const double p2 = -v1 + v3, p3 = 2 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
    return v2 + d * (p2 + d * (p3 + d * p4));
}

/* One output pixel from 4 x 4 pixels around (x, y); truncated, as Pillow does. */
static void take_bicubic(uint8_t *out, const uint8_t *rgb, int64_t width, int64_t height, double x,
                         double y)
{
    const int64_t left = floor_of(x), top = floor_of(y);
    const double dx = x - (double)left, dy = y - (double)top;
    int64_t column[4], row[4];
    for (int k = 0; k < 4; k++) {
        column[k] = 3 * inside(left - 1 + k, width);
        row[k] = inside(top - 1 + k, height) * 3 * width;
    }
    for (int c = 0; c < 3; c++) {
        double v[4];
        for (int k = 0; k < 4; k++) {
            const uint8_t *line = rgb + row[k] + c;
            v[k] = cubic(line[column[0]], line[column[1]], line[column[2]], line[column[3]], dx);
        }
        const double value = cubic(v[0], v[1], v[2], v[3], dy);
        out[c] = value <= 0.0 ? 0 : value >= 255.0 ? 255 : (uint8_t)value;
    }
}

/* One output pixel from 2 x 2 pixels around (x, y). */
static void take_bilinear(uint8_t *out, const uint8_t *rgb, int64_t width, int64_t height, double x,
                          double y)
{
    const int64_t left = floor_of(x), top = floor_of(y);
    const double dx = x - (double)left, dy = y - (double)top;
    const int64_t a = 3 * inside(left, width), b = 3 * inside(left + 1, width);
    const uint8_t *upper = rgb + inside(top, height) * 3 * width;
    const uint8_t *lower = rgb + inside(top + 1, height) * 3 * width;
    for (int c = 0; c < 3; c++) {
        const double v = upper[a + c] + (upper[b + c] - upper[a + c]) * dx;
        const double w = lower[a + c] + (lower[b + c] - lower[a + c]) * dx;
        out[c] = (uint8_t)(v + (w - v) * dy);
    }
}

void pwf_affine_apply(uint8_t *out, const uint8_t *rgb, int64_t width, int64_t height,
                      const pwf_affine *map, bool bicubic, const uint8_t fill[3])
{
    const double *m = map->at;
    for (int64_t row = 0; row < height; row++)
        for (int64_t column = 0; column < width; column++, out += 3) {
            /* Pillow maps the centres of pixels; the interpolation counts from their corners. */
            const double from_x = (double)column + 0.5, from_y = (double)row + 0.5;
            const double x = m[0] * from_x + m[1] * from_y + m[2];
            const double y = m[3] * from_x + m[4] * from_y + m[5];
            if (x < 0.0 || x >= (double)width || y < 0.0 || y >= (double)height)
                memcpy(out, fill, 3);
            else if (bicubic)
                take_bicubic(out, rgb, width, height, x - 0.5, y - 0.5);
            else
                take_bilinear(out, rgb, width, height, x - 0.5, y - 0.5);
        }
}
