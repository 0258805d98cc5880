/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain back end: simple loops, the same bits on every machine. Linear layers follow the order
 * of summation of product.h and so have the bits of the built-in matrix product. In bf16 the
 * operands are rounded copies in the workspace; the arithmetic is fp32. Called through pwf_conv. */
#include "conv_backend.h"
#include "tables.h"

#include <string.h>

/* R, S, C, K: filters are contiguous, so that the innermost loop runs over them. */
static pwf_weight_order filters_last(const pwf_conv_shape *s)
{
    const int64_t k = s->filters / s->groups, c = s->channels / s->groups;
    return (pwf_weight_order){.k = 1, .c = k, .r = s->kernel_width * c * k, .s = c * k};
}

/* R, S, K, C */
static pwf_weight_order channels_last(const pwf_conv_shape *s)
{
    const int64_t k = s->filters / s->groups, c = s->channels / s->groups;
    return (pwf_weight_order){.k = c, .c = 1, .r = s->kernel_width * c * k, .s = c * k};
}

/* The workspace holds rearranged weights; in bf16 also x and dy, rounded. */
static pwf_status plan(pwf_conv *conv)
{
    int64_t count = pwf_conv_weights(&conv->shape);
    if (conv->use.precision == PWF_BF16)
        count += pwf_conv_images(&conv->shape) + pwf_conv_results(conv);
    conv->workspace = (size_t)count * sizeof(float);
    return pwf_ok();
}

/* `from` itself in fp32, its rounded copy in `room` in bf16. */
static const float *rounded(const pwf_conv *conv, float *room, const float *from, int64_t count)
{
    if (conv->use.precision == PWF_FP32) return from;
    pwf_conv_kernels_now()->round_bf16(room, from, count);
    return room;
}

/* y = bias + x times the weights, which are arranged as [channels, filters]. */
static void linear_forward(const pwf_conv_shape *s, float *y, const float *x, const float *arranged,
                           const float *bias)
{
    const pwf_matmul m = pwf_matmul_dense(s->images * s->height * s->width, s->filters, s->channels,
                                          false, false, PWF_FP32);
    for (int64_t i = 0; bias && i < m.rows; i++)
        memcpy(y + i * m.columns, bias, (size_t)m.columns * sizeof *y);
    pwf_kernels_now()->matmul_plain(y, bias != NULL, 1.0f, x, arranged, &m);
}

static pwf_status forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                          const float *bias, void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    const pwf_conv_shape *s = &conv->shape;
    float *arranged = workspace;
    k->weights_to(arranged, weight, s, filters_last(s));
    rounded(conv, arranged, arranged, pwf_conv_weights(s));
    x = rounded(conv, arranged + pwf_conv_weights(s), x, pwf_conv_images(s));
    const unsigned before = pwf_flush_begin(conv->use.precision);
    if (pwf_conv_is_linear(s))
        linear_forward(s, y, x, arranged, bias);
    else
        k->forward(y, x, arranged, bias, s);
    pwf_flush_end(before);
    return pwf_ok();
}

/* A linear layer reads the weights as they are. */
static pwf_status backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    const pwf_conv_shape *s = &conv->shape;
    const bool linear = pwf_conv_is_linear(s);
    const pwf_matmul m = pwf_linear_data(s, PWF_FP32);
    float *arranged = workspace;
    if (!linear) k->weights_to(arranged, weight, s, channels_last(s));
    weight = rounded(conv, arranged, linear ? weight : arranged, pwf_conv_weights(s));
    dy = rounded(conv, arranged + pwf_conv_weights(s), dy, pwf_conv_results(conv));
    const unsigned before = pwf_flush_begin(conv->use.precision);
    if (linear)
        pwf_kernels_now()->matmul_plain(dx, false, 1.0f, dy, weight, &m);
    else
        k->backward_data(dx, dy, weight, s);
    pwf_flush_end(before);
    return pwf_ok();
}

/* A linear layer adds to dweight itself, which continues the sum over rows of earlier calls. */
static pwf_status backward_weights(pwf_conv *conv, float *dweight, const float *dy, const float *x,
                                   void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    const pwf_conv_shape *s = &conv->shape;
    const bool linear = pwf_conv_is_linear(s);
    const pwf_matmul m = pwf_linear_weights(s, PWF_FP32);
    float *darranged = workspace, *room = darranged + pwf_conv_weights(s);
    x = rounded(conv, room, x, pwf_conv_images(s));
    dy = rounded(conv, room + pwf_conv_images(s), dy, pwf_conv_results(conv));
    const unsigned before = pwf_flush_begin(conv->use.precision);
    if (linear)
        pwf_kernels_now()->matmul_plain(dweight, true, 1.0f, dy, x, &m);
    else
        k->backward_weights(darranged, dy, x, s);
    pwf_flush_end(before);
    if (!linear) k->weights_add(dweight, darranged, s, filters_last(s));
    return pwf_ok();
}

const pwf_conv_backend pwf_conv_plain = {"plain",          plan, NULL, forward, backward_data,
                                         backward_weights, NULL};
