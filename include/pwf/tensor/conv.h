/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_CONV_H
#define PWF_TENSOR_CONV_H

#include "pwf/core/status.h"
#include "pwf/tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Convolutions and linear layers, behind one interface with four back ends: libraries, our own
 * matrix product for linear layers, and `plain`, simple loops and the twin that the fast ones are
 * compared with; on linear layers our own has its bits. A linear layer is a convolution of one
 * row of pixels with a 1x1 kernel (pwf_conv_shape_linear). */

/* Images [B, H, W, C], weights [K, C/groups, R, S], result [B, P, Q, K]. */
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
int64_t pwf_conv_extent(int64_t size, int64_t kernel, int64_t stride, int64_t padding);

/** The shape of a linear layer: `rows` vectors of `inputs` to `outputs`, weights
 * [outputs, inputs].
 * Local. */
pwf_conv_shape pwf_conv_shape_linear(int64_t rows, int64_t inputs, int64_t outputs);

/* What a plan is for. */
typedef struct pwf_conv_use {
    bool forward;          /* pwf_conv_forward will be called */
    bool bias;             /* and adds a bias */
    bool backward_data;    /* pwf_conv_backward_data will be called */
    bool backward_weights; /* pwf_conv_backward_weights will be called */
    pwf_precision precision;
} pwf_conv_use;

/** A planned convolution. It belongs to one thread at a time. */
typedef struct pwf_conv pwf_conv;

/** Plans a convolution. The results do not depend on the thread, on where the arrays lie, or on
 * how often the plan was used.
 * Local. The caller owns it. Fails with PWF_CONFIG if the back end cannot do the shape, or
 * PWF_RESOURCE. */
pwf_status pwf_conv_new(pwf_tensor_backend backend, const pwf_conv_shape *shape, pwf_conv_use use,
                        pwf_conv **out);
void pwf_conv_free(pwf_conv *conv);

/** Bytes of workspace (aligned to 64) that each call below needs; its content need not be kept.
 * Local. */
size_t pwf_conv_workspace(const pwf_conv *conv);

/** Bytes (a multiple of 64) of the weights in the order in which the planned passes want them; 0 if
 * they take them as they are.
 * Local. */
size_t pwf_conv_packed(const pwf_conv *conv);

/** Brings weights into that order, for this plan and all that were made with the same arguments,
 * also on other threads. `packed` is aligned to 64.
 * Local. Fails as forward. */
pwf_status pwf_conv_pack(pwf_conv *conv, void *packed, const float *weight, void *workspace);

/** From now on forward and backward_data take the weights from `packed`, which must be those given
 * to them; NULL: every call brings them into order again. The results have the same bits.
 * Local. */
void pwf_conv_use_packed(pwf_conv *conv, const void *packed);

/** y = x * weight (+ bias); y [B, P, Q, K], bias [K] or NULL as planned. Arrays do not overlap.
 * Local. Fails with PWF_BUG if a library call fails; y is then undefined. */
pwf_status pwf_conv_forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                            const float *bias, void *workspace);

/** dx = the gradient of the images: overwritten, not accumulated, since no library accumulates it.
 * Local. Fails as forward. */
pwf_status pwf_conv_backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                  void *workspace);

/** dweight [K, C/groups, R, S] += the gradient of the weights. Linear layers by `auto` or `plain`:
 * the sum over rows goes on from what dweight holds, so rows may be given in several calls.
 * Local. Fails as forward. */
pwf_status pwf_conv_backward_weights(pwf_conv *conv, float *dweight, const float *dy,
                                     const float *x, void *workspace);

#endif
