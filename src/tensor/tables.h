/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_TABLES_H
#define PWF_SRC_TENSOR_TABLES_H

#include "conv_backend.h"
#include "product.h"
#include "pwf/tensor/kernels.h"

/* The element-wise steps of attention between its products; attention.c has the formulas. Rows of
 * scores are `stride` apart, a multiple of 16; the elements from n on may be overwritten, and
 * their values are never used. Sums run in 16 partial sums, which pwf_lanes_sum adds up. */

typedef struct pwf_attention_kernels {
    /* x = 2^(scale * (x - maximum of the row)); inverse [rows] = 1 / sum of the new row. */
    void (*exponents)(float *x, float *inverse, float scale, int64_t rows, int64_t n,
                      int64_t stride);
    /* y = factor [rows] * y, row by row; y [rows, n] */
    void (*weight)(float *y, const float *factor, int64_t rows, int64_t n, int64_t stride);
    /* out [rows, n] = factor [rows] * dy, and mean [rows] = row sums of out * y. */
    void (*weigh)(float *out, float *mean, const float *dy, const float *y, const float *factor,
                  int64_t rows, int64_t n, int64_t stride);
    /* h = e * (h - mean [rows]), row by row. */
    void (*gradients)(float *h, const float *e, const float *mean, int64_t rows, int64_t stride);
} pwf_attention_kernels;

const pwf_attention_kernels *pwf_attention_kernels_now(void);

/* What the kernel files define, once per instruction set; kernels.c makes tables of them. */

#define KERNEL(name, arguments) PWF_KERNEL_DECLARE(void, pwf_##name, arguments)
#include "pwf/tensor/kernel_rows.h"
#undef KERNEL

PWF_KERNEL_DECLARE(extern const pwf_attention_kernels, pwf_attention_kernels, )
PWF_KERNEL_DECLARE(extern const pwf_conv_kernels, pwf_conv_kernels, )
PWF_KERNEL_DECLARE(extern const pwf_product_kernels, pwf_product_kernels, )
extern const pwf_product_kernels pwf_product_kernels_avx512bf16;

#endif
