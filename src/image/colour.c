/* SPDX-License-Identifier: BSD-3-Clause */
/* Colour operations of Pillow on RGB bytes, pixel by pixel or through tables of 256 entries. Called
 * by augment.c from any thread; integer and floating-point arithmetic in Pillow's order, so the
 * values are exactly Pillow's. */
#include "colour.h"

#include <string.h>

typedef struct histogram {
    int64_t count[3][256];
} histogram;

/* Counts each value of each channel. */
static histogram count_values(const uint8_t *rgb, int64_t pixels)
{
    histogram h = {0};
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            h.count[c][rgb[3 * i + c]]++;
    return h;
}

/* Replaces every value, with one table per channel. */
static void look_up(uint8_t *rgb, int64_t pixels, uint8_t table[3][256])
{
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = table[c][rgb[3 * i + c]];
}

/* Replaces every value, with one table for all channels. */
static void look_up_all(uint8_t *rgb, int64_t pixels, const uint8_t table[256])
{
    for (int64_t i = 0; i < 3 * pixels; i++)
        rgb[i] = table[rgb[i]];
}

/* Clamped to 0 .. 255. */
static uint8_t byte_of(int64_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void pwf_colour_autocontrast(uint8_t *rgb, int64_t pixels)
{
    const histogram h = count_values(rgb, pixels);
    uint8_t table[3][256];
    for (int c = 0; c < 3; c++) {
        int low = 0, high = 255;
        while (low < 255 && h.count[c][low] == 0)
            low++;
        while (high > 0 && h.count[c][high] == 0)
            high--;
        const double scale = high > low ? 255.0 / (high - low) : 1.0;
        const double offset = high > low ? -low * scale : 0.0;
        for (int v = 0; v < 256; v++)
            table[c][v] = byte_of((int64_t)(v * scale + offset));
    }
    look_up(rgb, pixels, table);
}

void pwf_colour_equalize(uint8_t *rgb, int64_t pixels)
{
    const histogram h = count_values(rgb, pixels);
    uint8_t table[3][256];
    for (int c = 0; c < 3; c++) {
        int last = 255;
        while (last > 0 && h.count[c][last] == 0)
            last--;
        const int64_t step = (pixels - h.count[c][last]) / 255;
        int64_t n = step / 2;
        for (int v = 0; v < 256; v++) {
            table[c][v] = step > 0 ? byte_of(n / step) : (uint8_t)v;
            n += h.count[c][v];
        }
    }
    look_up(rgb, pixels, table);
}

void pwf_colour_solarize(uint8_t *rgb, int64_t pixels, int threshold)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v < threshold ? v : 255 - v);
    look_up_all(rgb, pixels, table);
}

void pwf_colour_solarize_add(uint8_t *rgb, int64_t pixels, int add)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = v < 128 ? byte_of(v + add) : (uint8_t)v;
    look_up_all(rgb, pixels, table);
}

void pwf_colour_posterize(uint8_t *rgb, int64_t pixels, int bits)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v & ~((1 << (8 - bits)) - 1));
    look_up_all(rgb, pixels, table);
}

/* Pillow's blend, in single precision: truncated, not rounded. */
static uint8_t blend(int from, int to, float factor)
{
    const float value = (float)from + factor * (float)(to - from);
    return value <= 0.0f ? 0 : value >= 255.0f ? 255 : (uint8_t)value;
}

/* Blends every channel with one constant. */
static void blend_from(uint8_t *rgb, int64_t pixels, int from, float factor)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = blend(from, v, factor);
    look_up_all(rgb, pixels, table);
}

/* Pillow's luma: ITU-R 601 weights in 16-bit fixed point, rounded. */
static int grey_of(const uint8_t *rgb)
{
    return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

void pwf_colour_brightness(uint8_t *rgb, int64_t pixels, float factor)
{
    blend_from(rgb, pixels, 0, factor);
}

void pwf_colour_contrast(uint8_t *rgb, int64_t pixels, float factor)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < pixels; i++)
        sum += grey_of(rgb + 3 * i);
    blend_from(rgb, pixels, (int)((double)sum / (double)pixels + 0.5), factor);
}

void pwf_colour_saturation(uint8_t *rgb, int64_t pixels, float factor)
{
    for (int64_t i = 0; i < pixels; i++) {
        const int grey = grey_of(rgb + 3 * i);
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = blend(grey, rgb[3 * i + c], factor);
    }
}

/* ---- hue ------------------------------------------------------------------------------------- */

/* Pillow's HSV in 8 bits, with its mixture of single and double precision. */
static void to_hsv(const uint8_t *rgb, uint8_t hsv[3])
{
    const int r = rgb[0], g = rgb[1], b = rgb[2];
    const int most = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const int least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    hsv[0] = hsv[1] = 0;
    hsv[2] = (uint8_t)most;
    if (least == most) return;
    const float range = (float)(most - least), s = range / (float)most;
    const float rc = (float)(most - r) / range, gc = (float)(most - g) / range;
    const float bc = (float)(most - b) / range;
    float h = 0.0f;
    if (r == most)
        h = bc - gc;
    else if (g == most)
        h = (float)(2.0 + (double)rc - (double)bc);
    else
        h = (float)(4.0 + (double)gc - (double)rc);
    double turn = (double)h / 6.0 + 1.0;
    if (turn >= 1.0) turn -= 1.0;
    h = (float)turn;
    hsv[0] = byte_of((int64_t)((double)h * 255.0));
    hsv[1] = byte_of((int64_t)((double)s * 255.0));
}

static uint8_t rounded(double value) /* value >= 0 */
{
    return byte_of((int64_t)(value + 0.5));
}

/* The inverse of to_hsv, rounded as Pillow does. */
static void from_hsv(const uint8_t hsv[3], uint8_t *rgb)
{
    const double v = hsv[2], scaled = hsv[0] * 6.0 / 255.0;
    const int sector = (int)scaled;
    const float f = (float)(scaled - sector), s = (float)(hsv[1] / 255.0);
    const uint8_t p = rounded(v * (1.0 - (double)s)), q = rounded(v * (1.0 - (double)(s * f)));
    const uint8_t t = rounded(v * (1.0 - (double)s * (1.0 - (double)f))), top = hsv[2];
    const uint8_t of_sector[6][3] = {{top, t, p}, {q, top, p}, {p, top, t},
                                     {p, q, top}, {t, p, top}, {top, p, q}};
    if (hsv[1] == 0)
        memset(rgb, top, 3);
    else
        memcpy(rgb, of_sector[sector % 6], 3);
}

void pwf_colour_hue(uint8_t *rgb, int64_t pixels, double turn)
{
    const int shift = (int)(turn * 255.0);
    for (int64_t i = 0; i < pixels; i++) {
        uint8_t hsv[3];
        to_hsv(rgb + 3 * i, hsv);
        hsv[0] = (uint8_t)(hsv[0] + shift); /* wraps around the circle */
        from_hsv(hsv, rgb + 3 * i);
    }
}

/* ---- sharpness ------------------------------------------------------------------------------- */

/* The smoothing weights are 1/13, and 5/13 in the middle. No sum lies halfway between two integers,
 * so integer arithmetic gives what Pillow computes in single precision. Border pixels are not
 * changed. */
void pwf_colour_sharpness(uint8_t *rgb, int64_t width, int64_t height, float factor,
                          uint8_t *scratch)
{
    const int64_t line = 3 * width;
    if (width < 3 || height < 3) return;
    memcpy(scratch, rgb, (size_t)(line * height));
    for (int64_t y = 1; y < height - 1; y++)
        for (int64_t i = 3; i < line - 3; i++) {
            const uint8_t *at = scratch + y * line + i;
            int sum = 4 * at[0];
            for (int64_t row = -1; row <= 1; row++)
                for (int64_t column = -1; column <= 1; column++)
                    sum += at[row * line + 3 * column];
            rgb[y * line + i] = blend((2 * sum + 13) / 26, at[0], factor);
        }
}
