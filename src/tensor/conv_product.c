/* SPDX-License-Identifier: BSD-3-Clause */
/* Linear layers, and 1x1 convolutions equal to one, by the built-in matrix product (product.h).
 * Prepacked weights hold those of the forward pass, then those of the data gradient. Called through
 * pwf_conv.
 */
#include "conv_backend.h"
#include "product.h"

pwf_matmul pwf_matmul_dense(int64_t rows, int64_t columns, int64_t inner, bool transpose_a,
                            bool transpose_b, pwf_precision precision)
{
    return (pwf_matmul){.rows = rows,
                        .columns = columns,
                        .inner = inner,
                        .transpose_a = transpose_a,
                        .transpose_b = transpose_b,
                        .stride_y = columns,
                        .stride_a = transpose_a ? rows : inner,
                        .stride_b = transpose_b ? inner : columns,
                        .precision = precision};
}

static int64_t rows(const pwf_conv_shape *s)
{
    return s->images * s->height * s->width;
}

/* Weights are [filters, channels]: transposed in forward, not transposed in the data gradient. */
pwf_matmul pwf_linear_forward(const pwf_conv_shape *shape, pwf_precision precision)
{
    return pwf_matmul_dense(rows(shape), shape->filters, shape->channels, false, true, precision);
}

pwf_matmul pwf_linear_data(const pwf_conv_shape *shape, pwf_precision precision)
{
    return pwf_matmul_dense(rows(shape), shape->channels, shape->filters, false, false, precision);
}

pwf_matmul pwf_linear_weights(const pwf_conv_shape *shape, pwf_precision precision)
{
    return pwf_matmul_dense(shape->filters, shape->channels, rows(shape), true, false, precision);
}

/* Raises the workspace to at least `bytes`. */
static void need(pwf_conv *conv, size_t bytes)
{
    if (bytes > conv->workspace) conv->workspace = bytes;
}

static pwf_matmul forward_of(const pwf_conv *conv)
{
    return pwf_linear_forward(&conv->shape, conv->use.precision);
}

static pwf_matmul data_of(const pwf_conv *conv)
{
    return pwf_linear_data(&conv->shape, conv->use.precision);
}

/* Bytes of the prepacked weights of the forward pass. */
static size_t packed_forward(const pwf_conv *conv)
{
    const pwf_matmul y = forward_of(conv);
    return conv->use.forward ? pwf_product_packed(&y) : 0;
}

/* The workspace holds what a pass packs for itself and the room for rounded elements. */
static pwf_status plan(pwf_conv *conv)
{
    PWF_ASSERT(pwf_conv_is_linear(&conv->shape));
    const pwf_matmul y = forward_of(conv), dx = data_of(conv);
    const pwf_matmul dweight = pwf_linear_weights(&conv->shape, conv->use.precision);
    if (conv->use.forward) need(conv, pwf_product_packed(&y) + pwf_product_room(&y));
    if (conv->use.backward_data) need(conv, pwf_product_packed(&dx) + pwf_product_room(&dx));
    if (conv->use.backward_weights) need(conv, pwf_product_workspace(&dweight));
    conv->packed_bytes = packed_forward(conv);
    if (conv->use.backward_data) conv->packed_bytes += pwf_product_packed(&dx);
    return pwf_ok();
}

static pwf_status pack(pwf_conv *conv, void *packed, const float *weight, void *workspace)
{
    const pwf_matmul y = forward_of(conv), dx = data_of(conv);
    (void)workspace;
    if (conv->use.forward) pwf_product_pack(&y, packed, 1.0f, weight);
    if (conv->use.backward_data)
        pwf_product_pack(&dx, (float *)packed + packed_forward(conv) / sizeof(float), 1.0f, weight);
    return pwf_ok();
}

/* y = a times the weights; packed: their prepacked form, or NULL to pack into the workspace. */
static void multiply(const pwf_matmul *m, float *y, const float *bias, const float *a,
                     const float *weight, const float *packed, float *workspace)
{
    float *room = workspace + pwf_product_packed(m) / sizeof *workspace;
    if (!packed) pwf_product_pack(m, workspace, 1.0f, weight);
    pwf_product_run(m, y, false, bias, a, packed ? packed : workspace, room);
}

static pwf_status forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                          const float *bias, void *workspace)
{
    const pwf_matmul m = forward_of(conv);
    multiply(&m, y, bias, x, weight, conv->packed, workspace);
    return pwf_ok();
}

static pwf_status backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                void *workspace)
{
    const pwf_matmul m = data_of(conv);
    const float *packed = conv->packed;
    if (packed) packed += packed_forward(conv) / sizeof *packed;
    multiply(&m, dx, NULL, dy, weight, packed, workspace);
    return pwf_ok();
}

/* The chains start from dweight, so sums over rows continue from call to call. */
static pwf_status backward_weights(pwf_conv *conv, float *dweight, const float *dy, const float *x,
                                   void *workspace)
{
    const pwf_matmul m = pwf_linear_weights(&conv->shape, conv->use.precision);
    pwf_product_once(&m, dweight, true, 1.0f, dy, x, workspace);
    return pwf_ok();
}

const pwf_conv_backend pwf_conv_product = {"product",        plan, NULL, forward, backward_data,
                                           backward_weights, pack};
