/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_CONV_BACKEND_H
#define PWF_SRC_TENSOR_CONV_BACKEND_H

#include "pwf/core/isa.h"
#include "pwf/tensor/conv.h"

/* The interface of a back end of pwf_conv, and the kernels that back ends share. */

typedef struct pwf_conv_backend {
    const char *name;
    /* Sets own, workspace and packed_bytes; releases everything on failure. */
    pwf_status (*plan)(pwf_conv *conv);
    void (*release)(pwf_conv *conv); /* NULL: nothing to release */
    pwf_status (*forward)(pwf_conv *conv, float *y, const float *x, const float *weight,
                          const float *bias, void *workspace);
    pwf_status (*backward_data)(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                void *workspace);
    pwf_status (*backward_weights)(pwf_conv *conv, float *dweight, const float *dy, const float *x,
                                   void *workspace);
    pwf_status (*pack)(pwf_conv *conv, void *packed, const float *weight, void *workspace);
} pwf_conv_backend;

struct pwf_conv {
    const pwf_conv_backend *backend;
    pwf_conv_shape shape;
    int64_t out_height, out_width;
    pwf_conv_use use;
    size_t workspace;    /* bytes */
    size_t packed_bytes; /* of prepacked weights; 0: pack is not called */
    const void *packed;  /* NULL: calls pack for themselves */
    void *own;           /* state of the back end */
};

extern const pwf_conv_backend pwf_conv_plain, pwf_conv_openblas, pwf_conv_onednn, pwf_conv_product;

/* Whether any side of the images is padded. */
static inline bool pwf_conv_is_padded(const pwf_conv_shape *s)
{
    return s->padding.top || s->padding.left || s->padding.bottom || s->padding.right;
}

/* Whether a convolution is a linear layer, with every pixel a row. */
static inline bool pwf_conv_is_linear(const pwf_conv_shape *s)
{
    return s->kernel_height == 1 && s->kernel_width == 1 && s->stride == 1 && s->groups == 1 &&
           !pwf_conv_is_padded(s);
}

/* Elements of the weights, of the images and of the result. */
static inline int64_t pwf_conv_weights(const pwf_conv_shape *s)
{
    return s->filters * (s->channels / s->groups) * s->kernel_height * s->kernel_width;
}

static inline int64_t pwf_conv_images(const pwf_conv_shape *s)
{
    return s->images * s->height * s->width * s->channels;
}

static inline int64_t pwf_conv_results(const pwf_conv *conv)
{
    return conv->shape.images * conv->out_height * conv->out_width * conv->shape.filters;
}

/* Offset of the pixel of image b under output pixel (p, q) at position (r, t) of the window; -1
 * outside the image. */
static inline int64_t pwf_conv_under(const pwf_conv_shape *s, int64_t b, int64_t p, int64_t q,
                                     int64_t r, int64_t t)
{
    const int64_t h = p * s->stride - s->padding.top + r, w = q * s->stride - s->padding.left + t;
    if (h < 0 || h >= s->height || w < 0 || w >= s->width) return -1;
    return ((b * s->height + h) * s->width + w) * s->channels;
}

/* Name, version and instruction set of a library, for the log. */
void pwf_conv_onednn_describe(pwf_tensor_text *out);
void pwf_conv_openblas_describe(pwf_tensor_text *out);
void pwf_conv_onednn_thread_start(void);

/* Whether oneDNN multiplies bf16 in AMX tiles, several times as fast as the built-in product. */
bool pwf_conv_onednn_tiles(void);

void pwf_conv_openblas_thread_start(void);

/* The failure status for bf16 with OpenBLAS. */
pwf_status pwf_openblas_no_bf16(void);

/* An order of the weights other than K, C/groups, R, S, as the stride of each axis. k counts within
 * a group; the weights of a group are contiguous. */
typedef struct pwf_weight_order {
    int64_t k, c, r, s;
} pwf_weight_order;

typedef struct pwf_conv_kernels {
    /* out = weights in another order. */
    void (*weights_to)(float *out, const float *weight, const pwf_conv_shape *shape,
                       pwf_weight_order order);
    /* dweight += in, which is in another order. */
    void (*weights_add)(float *dweight, const float *in, const pwf_conv_shape *shape,
                        pwf_weight_order order);
    /* y = x * weight (+ bias); arranged: R, S, C, K within each group. */
    void (*forward)(float *y, const float *x, const float *arranged, const float *bias,
                    const pwf_conv_shape *shape);
    /* dx = gradient of the images; arranged: R, S, K, C. */
    void (*backward_data)(float *dx, const float *dy, const float *arranged,
                          const pwf_conv_shape *shape);
    /* darranged = gradient of the weights: R, S, C, K. */
    void (*backward_weights)(float *darranged, const float *dy, const float *x,
                             const pwf_conv_shape *shape);
    /* im2col of one group: columns [images * P * Q, R * S * C/groups], 0 outside the image; and its
     * adjoint, which adds to dx. */
    void (*to_columns)(float *columns, const float *x, const pwf_conv_shape *shape, int64_t group,
                       int64_t images);
    void (*from_columns)(float *dx, const float *columns, const pwf_conv_shape *shape,
                         int64_t group, int64_t images);
    /* y [rows, channels] += bias [channels] */
    void (*add_bias)(float *y, const float *bias, int64_t rows, int64_t channels);
    /* x rounded to bf16, stored as its 16 bits, or as fp32 numbers, where out may be x. */
    void (*to_bf16)(uint16_t *out, const float *x, int64_t count);
    void (*round_bf16)(float *out, const float *x, int64_t count);
} pwf_conv_kernels;

const pwf_conv_kernels *pwf_conv_kernels_now(void);

#endif
