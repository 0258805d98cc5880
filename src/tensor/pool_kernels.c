/* SPDX-License-Identifier: BSD-3-Clause */
/* Pooling over [B, H, W, C], channels innermost; compiled once per instruction set, called through
 * pwf_kernels. Windows are walked in row-major order for each output pixel, and gradients add up in
 * that order, so the bits are the same everywhere. */
#include "tables.h"

#include <math.h>
#include <string.h>

/* An output pixel: image, row, column. */
typedef struct pixel {
    int64_t b, p, q;
} pixel;

/* Offset of the input pixel at index `at` of the window of output pixel o; -1 outside the image. */
static inline int64_t under(const pwf_conv_shape *s, pixel o, int64_t at)
{
    return pwf_conv_under(s, o.b, o.p, o.q, at / s->kernel_width, at % s->kernel_width);
}

static inline pixel pixel_at(const pwf_conv_shape *s, int64_t index)
{
    const int64_t p = pwf_conv_out_height(s), q = pwf_conv_out_width(s);
    return (pixel){index / (p * q), index / q % p, index % q};
}

static void clear(float *dx, const pwf_conv_shape *s)
{
    memset(dx, 0, (size_t)pwf_conv_images(s) * sizeof *dx);
}

void PWF_KERNEL(pwf_max_pool_forward)(float *restrict y, int32_t *restrict where,
                                      const float *restrict x, const pwf_conv_shape *s)
{
    const int64_t area = s->kernel_height * s->kernel_width, n = s->channels;
    const int64_t pixels = s->images * pwf_conv_out_height(s) * pwf_conv_out_width(s);
    for (int64_t i = 0; i < pixels; i++, y += n, where += n) {
        for (int64_t c = 0; c < n; c++) {
            y[c] = -INFINITY;
            where[c] = -1;
        }
        const pixel o = pixel_at(s, i);
        for (int64_t at = 0; at < area; at++) {
            const int64_t from = under(s, o, at);
            if (from < 0) continue;
            const float *restrict row = x + from;
            for (int64_t c = 0; c < n; c++) {
                /* The first pixel and a NaN always replace y[c]; an equal value never does. */
                const int take = (row[c] > y[c]) | (where[c] < 0) | (row[c] != row[c]);
                y[c] = take ? row[c] : y[c];
                where[c] = take ? (int32_t)at : where[c];
            }
        }
    }
}

/* dx += dy at the pixel of the maximum. */
void PWF_KERNEL(pwf_max_pool_backward)(float *restrict dx, bool add, const float *restrict dy,
                                       const int32_t *restrict where, const pwf_conv_shape *s)
{
    const int64_t area = s->kernel_height * s->kernel_width, n = s->channels;
    const int64_t pixels = s->images * pwf_conv_out_height(s) * pwf_conv_out_width(s);
    if (!add) clear(dx, s);
    for (int64_t i = 0; i < pixels; i++, dy += n, where += n) {
        const pixel o = pixel_at(s, i);
        for (int64_t at = 0; at < area; at++) {
            const int64_t to = under(s, o, at);
            if (to < 0) continue;
            float *restrict row = dx + to;
            for (int64_t c = 0; c < n; c++)
                row[c] += where[c] == (int32_t)at ? dy[c] : 0.0f;
        }
    }
}

void PWF_KERNEL(pwf_avg_pool_forward)(float *restrict y, const float *restrict x,
                                      const pwf_conv_shape *s)
{
    const int64_t area = s->kernel_height * s->kernel_width, n = s->channels;
    const int64_t pixels = s->images * pwf_conv_out_height(s) * pwf_conv_out_width(s);
    /* Without padding every window has `area` pixels. */
    const float share = 1.0f / (float)area;
    for (int64_t i = 0; i < pixels; i++, y += n) {
        const pixel o = pixel_at(s, i);
        memset(y, 0, (size_t)n * sizeof *y);
        for (int64_t at = 0; at < area; at++) {
            const float *restrict row = x + under(s, o, at);
            for (int64_t c = 0; c < n; c++)
                y[c] += row[c];
        }
        for (int64_t c = 0; c < n; c++)
            y[c] *= share;
    }
}

/* dx += dy / area at every pixel of the window. */
void PWF_KERNEL(pwf_avg_pool_backward)(float *restrict dx, bool add, const float *restrict dy,
                                       const pwf_conv_shape *s)
{
    const int64_t area = s->kernel_height * s->kernel_width, n = s->channels;
    const int64_t pixels = s->images * pwf_conv_out_height(s) * pwf_conv_out_width(s);
    const float share = 1.0f / (float)area;
    if (!add) clear(dx, s);
    for (int64_t i = 0; i < pixels; i++, dy += n) {
        const pixel o = pixel_at(s, i);
        for (int64_t at = 0; at < area; at++) {
            float *restrict row = dx + under(s, o, at);
            for (int64_t c = 0; c < n; c++)
                row[c] += share * dy[c];
        }
    }
}
