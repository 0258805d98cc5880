/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_CONV_H
#define PWF_TENSOR_CONV_H

#include "pwf/core/status.h"
#include "pwf/tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Convolutions and linear layers behind one interface with four back ends: oneDNN, OpenBLAS, the
 * program's own matrix product (linear layers only), and `plain`, simple loops against which the
 * fast ones are tested. On linear layers `plain` and the built-in product give the same bits. A
 * linear layer is a convolution of one row of pixels with a 1x1 kernel (pwf_conv_shape_linear). */

/* Images [B, H, W, C], weights [K, C/groups, R, S], result [B, P, Q, K]. Pooling reads the images
 * and the window only. */
typedef struct pwf_conv_shape {
    int64_t images, height, width, channels;
    int64_t filters, kernel_height, kernel_width;
    int64_t stride; /* pixels */
    pwf_padding padding;
    int64_t groups;
} pwf_conv_shape;

/** Size of a convolved or pooled axis; `padding` is the sum of both ends. Below 1 if the window
 * does not fit.
 * Local. */
static inline int64_t pwf_conv_extent(int64_t size, int64_t kernel, int64_t stride, int64_t padding)
{
    const int64_t room = size + padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

/** Height and width of the result of a convolution or pooling.
 * Local. */
static inline int64_t pwf_conv_out_height(const pwf_conv_shape *shape)
{
    return pwf_conv_extent(shape->height, shape->kernel_height, shape->stride,
                           shape->padding.top + shape->padding.bottom);
}

static inline int64_t pwf_conv_out_width(const pwf_conv_shape *shape)
{
    return pwf_conv_extent(shape->width, shape->kernel_width, shape->stride,
                           shape->padding.left + shape->padding.right);
}

/** The shape of a linear layer: x [rows, inputs], weights [outputs, inputs], y [rows, outputs].
 * Local. */
pwf_conv_shape pwf_conv_shape_linear(int64_t rows, int64_t inputs, int64_t outputs);

/* What a plan is made for. */
typedef struct pwf_conv_use {
    bool forward;          /* pwf_conv_forward will be called */
    bool bias;             /* and adds a bias */
    bool backward_data;    /* pwf_conv_backward_data will be called */
    bool backward_weights; /* pwf_conv_backward_weights will be called */
    pwf_precision precision;
} pwf_conv_use;

/** A planned convolution. It belongs to one thread at a time. */
typedef struct pwf_conv pwf_conv;

/** Plans a convolution. The results do not depend on the thread, the addresses of the arrays, or
 * earlier uses of the plan.
 * Local. The caller owns it. Fails with PWF_CONFIG if the back end does not support the shape, or
 * PWF_RESOURCE. */
pwf_status pwf_conv_new(pwf_tensor_backend backend, const pwf_conv_shape *shape, pwf_conv_use use,
                        pwf_conv **out);
void pwf_conv_free(pwf_conv *conv);

/** Bytes of workspace (aligned to 64) that each call below needs; undefined between calls.
 * Local. */
size_t pwf_conv_workspace(const pwf_conv *conv);

/** Bytes (a multiple of 64) of the prepacked weights of the planned passes; 0 if they read weights
 * as they are.
 * Local. */
size_t pwf_conv_packed(const pwf_conv *conv);

/** Prepacks weights for this plan and all that were made with the same arguments, also on other
 * threads. `packed` is aligned to 64.
 * Local. Fails as forward. */
pwf_status pwf_conv_pack(pwf_conv *conv, void *packed, const float *weight, void *workspace);

/** Makes forward and backward_data read `packed`, which must have been made from the weights they
 * are given; NULL: every call packs for itself. The results have the same bits.
 * Local. The caller owns `packed`. */
void pwf_conv_use_packed(pwf_conv *conv, const void *packed);

/** y = x * weight (+ bias); y [B, P, Q, K], bias [K] or NULL as planned. Arrays do not overlap.
 * Local. Fails with PWF_BUG if a library call fails; y is then undefined. */
pwf_status pwf_conv_forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                            const float *bias, void *workspace);

/** dx = the gradient of the images; overwritten, because no library adds to it.
 * Local. Fails as forward. */
pwf_status pwf_conv_backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                  void *workspace);

/** dweight [K, C/groups, R, S] += the gradient of the weights. For linear layers `plain` and the
 * built-in product continue the chain of additions from the value of dweight, so that rows given in
 * several calls give the bits of one call.
 * Local. Fails as forward. */
pwf_status pwf_conv_backward_weights(pwf_conv *conv, float *dweight, const float *dy,
                                     const float *x, void *workspace);

#endif
