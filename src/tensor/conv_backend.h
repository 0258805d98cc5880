/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_CONV_BACKEND_H
#define PWF_SRC_TENSOR_CONV_BACKEND_H

#include "pwf/core/isa.h"
#include "pwf/tensor/conv.h"

/* What a back end of pwf_conv provides. */

typedef struct pwf_conv_backend {
    const char *name;
    /* Sets own and workspace; on failure everything is released again. */
    pwf_status (*plan)(pwf_conv *conv);
    void (*release)(pwf_conv *conv);
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
    size_t packed_bytes; /* as the plan says; 0: pack is not called */
    const void *packed;  /* NULL: calls pack for themselves */
    void *own;           /* of the back end */
};

extern const pwf_conv_backend pwf_conv_plain, pwf_conv_openblas, pwf_conv_onednn, pwf_conv_product;

/* Whether a convolution is a linear layer, with every pixel a row. */
bool pwf_conv_is_linear(const pwf_conv_shape *shape);

/* Whether any side of the images is padded. */
bool pwf_conv_is_padded(const pwf_conv_shape *shape);

/* Names and versions of the libraries, for the log. */
enum { PWF_BACKEND_TEXT = 128 };
void pwf_conv_onednn_describe(char text[PWF_BACKEND_TEXT]);
void pwf_conv_openblas_describe(char text[PWF_BACKEND_TEXT]);
void pwf_conv_onednn_thread_start(void);

/* Whether oneDNN multiplies bf16 in tiles (AMX), several times as fast as our own product. */
bool pwf_conv_onednn_tiles(void);

void pwf_conv_openblas_thread_start(void);

/* The failure of what is asked of OpenBLAS in bf16. */
pwf_status pwf_openblas_no_bf16(void);

/* An order of the weights other than K, C/groups, R, S: the stride of each axis; k counts inside a
 * group, and a group's weights are contiguous. */
typedef struct pwf_weight_order {
    int64_t k, c, r, s;
} pwf_weight_order;

typedef struct pwf_conv_kernels {
    void (*weights_to)(float *out, const float *weight, const pwf_conv_shape *shape,
                       pwf_weight_order order);
    /* dweight += in, back in the usual order. */
    void (*weights_add)(float *dweight, const float *in, const pwf_conv_shape *shape,
                        pwf_weight_order order);
    /* arranged: weights in the order R, S, C, K of each group. */
    void (*forward)(float *y, const float *x, const float *arranged, const float *bias,
                    const pwf_conv_shape *shape);
    /* arranged: R, S, K, C */
    void (*backward_data)(float *dx, const float *dy, const float *arranged,
                          const pwf_conv_shape *shape);
    /* darranged: R, S, C, K; overwritten */
    void (*backward_weights)(float *darranged, const float *dy, const float *x,
                             const pwf_conv_shape *shape);
    /* columns [images * P * Q, R * S * C/groups] of one group of `images` images from x on; and
     * the way back, which adds. */
    void (*to_columns)(float *columns, const float *x, const pwf_conv_shape *shape, int64_t group,
                       int64_t images);
    void (*from_columns)(float *dx, const float *columns, const pwf_conv_shape *shape,
                         int64_t group, int64_t images);
    void (*add_bias)(float *y, const float *bias, int64_t rows, int64_t channels);
    /* Rounded to bf16, as its 16 bits or as fp32 numbers; the latter may be x itself. */
    void (*to_bf16)(uint16_t *out, const float *x, int64_t count);
    void (*round_bf16)(float *out, const float *x, int64_t count);
} pwf_conv_kernels;

const pwf_conv_kernels *pwf_conv_kernels_now(void);

#endif
