/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops. Linear layers are sums in the order of product.h, the same as those of our own matrix
 * product. */
#include "conv_backend.h"
#include "tables.h"

#include <string.h>

static int64_t weights(const pwf_conv_shape *s)
{
    return s->filters * (s->channels / s->groups) * s->kernel_height * s->kernel_width;
}

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

static pwf_status plan(pwf_conv *conv)
{
    conv->workspace = (size_t)weights(&conv->shape) * sizeof(float);
    return pwf_ok();
}

static void release(pwf_conv *conv)
{
    (void)conv;
}

static void linear_forward(const pwf_conv_shape *s, float *y, const float *x, const float *arranged,
                           const float *bias)
{
    pwf_matmul m = pwf_linear_forward(s);
    m.transpose_b = false;
    m.stride_b = m.columns;
    for (int64_t i = 0; bias && i < m.rows; i++)
        memcpy(y + i * m.columns, bias, (size_t)m.columns * sizeof *y);
    pwf_matmul_plain_now(y, bias != NULL, 1.0f, x, arranged, &m);
}

static pwf_status forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                          const float *bias, void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    k->weights_to(workspace, weight, &conv->shape, filters_last(&conv->shape));
    if (pwf_conv_is_linear(&conv->shape))
        linear_forward(&conv->shape, y, x, workspace, bias);
    else
        k->forward(y, x, workspace, bias, &conv->shape);
    return pwf_ok();
}

static pwf_status backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    if (pwf_conv_is_linear(&conv->shape)) {
        const pwf_matmul m = pwf_linear_data(&conv->shape);
        pwf_matmul_plain_now(dx, false, 1.0f, dy, weight, &m);
        return pwf_ok();
    }
    k->weights_to(workspace, weight, &conv->shape, channels_last(&conv->shape));
    k->backward_data(dx, dy, workspace, &conv->shape);
    return pwf_ok();
}

static pwf_status backward_weights(pwf_conv *conv, float *dweight, const float *dy, const float *x,
                                   void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    if (pwf_conv_is_linear(&conv->shape)) {
        const pwf_matmul m = pwf_linear_weights(&conv->shape);
        pwf_matmul_plain_now(dweight, true, 1.0f, dy, x, &m);
        return pwf_ok();
    }
    k->backward_weights(workspace, dy, x, &conv->shape);
    k->weights_add(dweight, workspace, &conv->shape, filters_last(&conv->shape));
    return pwf_ok();
}

const pwf_conv_backend pwf_conv_plain = {"plain", plan,          release,
                                         forward, backward_data, backward_weights};
