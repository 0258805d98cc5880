/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops of the plain back end, and the changes of layout and rounding that all back ends use;
 * compiled once per instruction set, called through pwf_conv_kernels. The innermost loop runs over
 * contiguous channels or filters. Multiplication and addition stay two operations: the base set has
 * no fma, and the plain back end must be usable there. */
#include "conv_backend.h"
#include "functions.h"
#include "tables.h"

#include <string.h>

/* Weights [K, C/groups, R, S] to the order of strides `order`. */
static void weights_to(float *restrict out, const float *restrict weight, const pwf_conv_shape *s,
                       pwf_weight_order order)
{
    const int64_t kernels = s->filters / s->groups, channels = s->channels / s->groups;
    const int64_t area = s->kernel_height * s->kernel_width;
    for (int64_t g = 0; g < s->groups; g++) {
        float *base = out + g * kernels * channels * area;
        for (int64_t k = 0; k < kernels; k++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t q = 0; q < s->kernel_width; q++)
                        base[k * order.k + c * order.c + r * order.r + q * order.s] = *weight++;
    }
}

/* The inverse of weights_to, adding. */
static void weights_add(float *restrict dweight, const float *restrict in, const pwf_conv_shape *s,
                        pwf_weight_order order)
{
    const int64_t kernels = s->filters / s->groups, channels = s->channels / s->groups;
    const int64_t area = s->kernel_height * s->kernel_width;
    for (int64_t g = 0; g < s->groups; g++) {
        const float *base = in + g * kernels * channels * area;
        for (int64_t k = 0; k < kernels; k++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t q = 0; q < s->kernel_width; q++)
                        *dweight++ += base[k * order.k + c * order.c + r * order.r + q * order.s];
    }
}

/* The extents that the loops below run over. */
typedef struct walk {
    const pwf_conv_shape *s;
    int64_t p, q, c, k; /* output size; channels and filters of a group */
} walk;

static walk walk_of(const pwf_conv_shape *s)
{
    return (walk){
        s,
        pwf_conv_extent(s->height, s->kernel_height, s->stride, s->padding.top + s->padding.bottom),
        pwf_conv_extent(s->width, s->kernel_width, s->stride, s->padding.left + s->padding.right),
        s->channels / s->groups, s->filters / s->groups};
}

/* Offset of the input pixel of image b under output pixel (p, q) at kernel position (r, t); -1
 * outside the image. */
static inline int64_t under(const pwf_conv_shape *s, int64_t b, int64_t p, int64_t q, int64_t r,
                            int64_t t)
{
    const int64_t h = p * s->stride - s->padding.top + r, w = q * s->stride - s->padding.left + t;
    if (h < 0 || h >= s->height || w < 0 || w >= s->width) return -1;
    return ((b * s->height + h) * s->width + w) * s->channels;
}

/* y[n] += a * x[n]: all the arithmetic of the plain back end. */
static inline void axpy(float *restrict y, float a, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

/* y[b,p,q,k] = bias[k] + sum over r, s, c in this order of x * w. */
static void forward(float *y, const float *x, const float *arranged, const float *bias,
                    const pwf_conv_shape *s)
{
    const walk d = walk_of(s);
    const int64_t area = s->kernel_height * s->kernel_width;
    for (int64_t pixel = 0; pixel < s->images * d.p * d.q; pixel++) {
        const int64_t b = pixel / (d.p * d.q), p = pixel / d.q % d.p, q = pixel % d.q;
        float *out = y + pixel * s->filters;
        for (int64_t k = 0; k < s->filters; k++)
            out[k] = bias ? bias[k] : 0.0f;
        for (int64_t rs = 0; rs < area; rs++) {
            const int64_t at = under(s, b, p, q, rs / s->kernel_width, rs % s->kernel_width);
            if (at < 0) continue;
            for (int64_t c = 0; c < s->channels; c++) {
                const int64_t g = c / d.c;
                axpy(out + g * d.k, x[at + c], arranged + ((g * area + rs) * d.c + c % d.c) * d.k,
                     d.k);
            }
        }
    }
}

/* dx += dy w for each output pixel, kernel position and filter in this order. */
static void backward_data(float *dx, const float *dy, const float *arranged,
                          const pwf_conv_shape *s)
{
    const walk d = walk_of(s);
    const int64_t area = s->kernel_height * s->kernel_width;
    memset(dx, 0, (size_t)(s->images * s->height * s->width * s->channels) * sizeof *dx);
    for (int64_t pixel = 0; pixel < s->images * d.p * d.q; pixel++) {
        const int64_t b = pixel / (d.p * d.q), p = pixel / d.q % d.p, q = pixel % d.q;
        for (int64_t rs = 0; rs < area; rs++) {
            const int64_t at = under(s, b, p, q, rs / s->kernel_width, rs % s->kernel_width);
            if (at < 0) continue;
            for (int64_t k = 0; k < s->filters; k++) {
                const int64_t g = k / d.k;
                axpy(dx + at + g * d.c, dy[pixel * s->filters + k],
                     arranged + ((g * area + rs) * d.k + k % d.k) * d.c, d.c);
            }
        }
    }
}

/* darranged = sum over output pixels in index order of x dy. */
static void backward_weights(float *darranged, const float *dy, const float *x,
                             const pwf_conv_shape *s)
{
    const walk d = walk_of(s);
    const int64_t area = s->kernel_height * s->kernel_width;
    memset(darranged, 0, (size_t)(area * d.c * s->filters) * sizeof *darranged);
    for (int64_t pixel = 0; pixel < s->images * d.p * d.q; pixel++) {
        const int64_t b = pixel / (d.p * d.q), p = pixel / d.q % d.p, q = pixel % d.q;
        for (int64_t rs = 0; rs < area; rs++) {
            const int64_t at = under(s, b, p, q, rs / s->kernel_width, rs % s->kernel_width);
            if (at < 0) continue;
            for (int64_t c = 0; c < s->channels; c++) {
                const int64_t g = c / d.c;
                axpy(darranged + ((g * area + rs) * d.c + c % d.c) * d.k, x[at + c],
                     dy + pixel * s->filters + g * d.k, d.k);
            }
        }
    }
}

/* A row of columns holds the pixels under a window, in the order R, S, C. */
static void to_columns(float *columns, const float *x, const pwf_conv_shape *s, int64_t group,
                       int64_t images)
{
    const walk d = walk_of(s);
    const size_t bytes = (size_t)d.c * sizeof *x;
    for (int64_t b = 0; b < images; b++)
        for (int64_t p = 0; p < d.p; p++)
            for (int64_t q = 0; q < d.q; q++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t t = 0; t < s->kernel_width; t++, columns += d.c) {
                        const int64_t at = under(s, b, p, q, r, t);
                        if (at < 0)
                            memset(columns, 0, bytes);
                        else
                            memcpy(columns, x + at + group * d.c, bytes);
                    }
}

static void from_columns(float *dx, const float *columns, const pwf_conv_shape *s, int64_t group,
                         int64_t images)
{
    const walk d = walk_of(s);
    for (int64_t b = 0; b < images; b++)
        for (int64_t p = 0; p < d.p; p++)
            for (int64_t q = 0; q < d.q; q++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t t = 0; t < s->kernel_width; t++, columns += d.c) {
                        const int64_t at = under(s, b, p, q, r, t);
                        if (at < 0) continue;
                        float *restrict to = dx + at + group * d.c;
                        for (int64_t c = 0; c < d.c; c++)
                            to[c] += columns[c];
                    }
}

static void add_bias(float *y, const float *restrict bias, int64_t rows, int64_t channels)
{
    for (int64_t i = 0; i < rows; i++) {
        float *restrict row = y + i * channels;
        for (int64_t c = 0; c < channels; c++)
            row[c] += bias[c];
    }
}

static void to_bf16(uint16_t *restrict out, const float *restrict x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = pwf_bf16_of(x[i]);
}

static void round_bf16(float *out, const float *x, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        out[i] = pwf_bf16_value(pwf_bf16_of(x[i]));
}

const pwf_conv_kernels PWF_KERNEL(pwf_conv_kernels) = {
    weights_to, weights_add,  forward,  backward_data, backward_weights,
    to_columns, from_columns, add_bias, to_bf16,       round_bf16};
