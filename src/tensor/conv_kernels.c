/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops of the plain back end, and the changes of layout and rounding that all back ends use;
 * compiled once per instruction set, called through pwf_conv_kernels. The innermost loop runs over
 * contiguous channels or filters. Multiplication and addition stay two operations: the base set has
 * no fma, and the plain back end must be usable there. */
#include "conv_backend.h"
#include "functions.h"
#include "tables.h"

#include <string.h>

/* Copies weights [K, C/groups, R, S] to the order of strides `order`; back: adds weights in that
 * order to `out`, which is plain. */
static inline __attribute__((always_inline)) void rearrange(float *restrict out,
                                                            const float *restrict in,
                                                            const pwf_conv_shape *s,
                                                            pwf_weight_order order, const bool back)
{
    const int64_t kernels = s->filters / s->groups, channels = s->channels / s->groups;
    const int64_t group = kernels * channels * s->kernel_height * s->kernel_width;
    int64_t plain = 0;
    for (int64_t first = 0; first < s->groups * group; first += group)
        for (int64_t k = 0; k < kernels; k++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t t = 0; t < s->kernel_width; t++, plain++) {
                        const int64_t at =
                            first + k * order.k + c * order.c + r * order.r + t * order.s;
                        if (back)
                            out[plain] += in[at];
                        else
                            out[at] = in[plain];
                    }
}

static void weights_to(float *out, const float *weight, const pwf_conv_shape *s,
                       pwf_weight_order order)
{
    rearrange(out, weight, s, order, false);
}

static void weights_add(float *dweight, const float *in, const pwf_conv_shape *s,
                        pwf_weight_order order)
{
    rearrange(dweight, in, s, order, true);
}

/* y[n] += a * x[n]: all the arithmetic of the plain back end. */
static inline void axpy(float *restrict y, float a, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

typedef enum loop_kind { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS } loop_kind;

/* out += the products of two arrays, for each output pixel, position in the window, and channel or
 * filter in this order. FORWARD: out is y, in is x, other the weights R, S, C, K of each group.
 * BACKWARD_DATA: dx, dy, the weights R, S, K, C. BACKWARD_WEIGHTS: the gradient of the weights R,
 * S, C, K; x; dy. Forward, `out` is first set to the bias or 0. */
static inline __attribute__((always_inline)) void multiply(const loop_kind kind, float *out,
                                                           const float *in, const float *other,
                                                           const float *bias,
                                                           const pwf_conv_shape *s)
{
    const int64_t height = pwf_conv_out_height(s), width = pwf_conv_out_width(s);
    const int64_t channels = s->channels / s->groups, filters = s->filters / s->groups;
    const int64_t area = s->kernel_height * s->kernel_width;
    for (int64_t pixel = 0; pixel < s->images * height * width; pixel++) {
        for (int64_t k = 0; kind == FORWARD && k < s->filters; k++)
            out[pixel * s->filters + k] = bias ? bias[k] : 0.0f;
        for (int64_t rs = 0; rs < area; rs++) {
            const int64_t at =
                pwf_conv_under(s, pixel / (height * width), pixel / width % height, pixel % width,
                               rs / s->kernel_width, rs % s->kernel_width);
            for (int64_t g = 0; at >= 0 && g < s->groups; g++) {
                /* Offsets of the group in the images, the results and the weights. */
                const int64_t image = at + g * channels, result = pixel * s->filters + g * filters;
                const int64_t weights = (g * area + rs) * channels * filters;
                for (int64_t c = 0; kind == FORWARD && c < channels; c++)
                    axpy(out + result, in[image + c], other + weights + c * filters, filters);
                for (int64_t k = 0; kind == BACKWARD_DATA && k < filters; k++)
                    axpy(out + image, in[result + k], other + weights + k * channels, channels);
                for (int64_t c = 0; kind == BACKWARD_WEIGHTS && c < channels; c++)
                    axpy(out + weights + c * filters, in[image + c], other + result, filters);
            }
        }
    }
}

static void forward(float *y, const float *x, const float *arranged, const float *bias,
                    const pwf_conv_shape *s)
{
    multiply(FORWARD, y, x, arranged, bias, s);
}

static void backward_data(float *dx, const float *dy, const float *arranged,
                          const pwf_conv_shape *s)
{
    memset(dx, 0, (size_t)pwf_conv_images(s) * sizeof *dx);
    multiply(BACKWARD_DATA, dx, dy, arranged, NULL, s);
}

static void backward_weights(float *darranged, const float *dy, const float *x,
                             const pwf_conv_shape *s)
{
    memset(darranged, 0, (size_t)pwf_conv_weights(s) * sizeof *darranged);
    multiply(BACKWARD_WEIGHTS, darranged, x, dy, NULL, s);
}

/* A row of columns holds the pixels under a window, in the order R, S, C. */
static void to_columns(float *columns, const float *x, const pwf_conv_shape *s, int64_t group,
                       int64_t images)
{
    const int64_t height = pwf_conv_out_height(s), width = pwf_conv_out_width(s);
    const int64_t n = s->channels / s->groups;
    const size_t bytes = (size_t)n * sizeof *x;
    for (int64_t b = 0; b < images; b++)
        for (int64_t p = 0; p < height; p++)
            for (int64_t q = 0; q < width; q++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t t = 0; t < s->kernel_width; t++, columns += n) {
                        const int64_t at = pwf_conv_under(s, b, p, q, r, t);
                        if (at < 0)
                            memset(columns, 0, bytes);
                        else
                            memcpy(columns, x + at + group * n, bytes);
                    }
}

static void from_columns(float *dx, const float *columns, const pwf_conv_shape *s, int64_t group,
                         int64_t images)
{
    const int64_t height = pwf_conv_out_height(s), width = pwf_conv_out_width(s);
    const int64_t n = s->channels / s->groups;
    for (int64_t b = 0; b < images; b++)
        for (int64_t p = 0; p < height; p++)
            for (int64_t q = 0; q < width; q++)
                for (int64_t r = 0; r < s->kernel_height; r++)
                    for (int64_t t = 0; t < s->kernel_width; t++, columns += n) {
                        const int64_t at = pwf_conv_under(s, b, p, q, r, t);
                        if (at < 0) continue;
                        float *restrict to = dx + at + group * n;
                        for (int64_t c = 0; c < n; c++)
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
