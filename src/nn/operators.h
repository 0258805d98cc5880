/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_OPERATORS_H
#define PWF_SRC_NN_OPERATORS_H

#include "pwf/nn/operator.h"
#include "pwf/tensor/kernels.h"

extern const pwf_operator pwf_op_conv2d, pwf_op_linear, pwf_op_batch_norm, pwf_op_relu, pwf_op_add,
    pwf_op_max_pool, pwf_op_avg_pool, pwf_op_concat, pwf_op_layer_norm, pwf_op_gelu,
    pwf_op_attention, pwf_op_prepend_token, pwf_op_add_embedding, pwf_op_select_token, pwf_op_mean,
    pwf_op_cross_entropy;

/* Bytes rounded up to a cache line. */
static inline size_t pwf_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static inline int64_t pwf_pixels(pwf_shape s)
{
    return s.height * s.width;
}

static inline int64_t pwf_elements(pwf_shape s)
{
    return s.height * s.width * s.channels;
}

#endif
