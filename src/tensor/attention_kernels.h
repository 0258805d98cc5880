/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_ATTENTION_KERNELS_H
#define PWF_SRC_TENSOR_ATTENTION_KERNELS_H

#include <stdint.h>

/* What of attention lies between its products. Rows of scores are `stride` apart, a multiple of
 * 16; what is behind their n elements may be overwritten, with numbers that nothing
 * reads. Sums run in 16 partial sums, which pwf_lanes_sum adds up. */

typedef struct pwf_attention_kernels {
    /* x = 2^(scale (x - the row's maximum)); inverse [rows] is 1 / the sum of the new row. */
    void (*exponents)(float *x, float *inverse, float scale, int64_t rows, int64_t n,
                      int64_t stride);
    /* Each row times its factor. */
    void (*weight)(float *y, const float *factor, int64_t rows, int64_t n, int64_t stride);
    /* By rows: out [rows, n] = factor dy, and mean [rows] = the sum of that times y. */
    void (*weigh)(float *out, float *mean, const float *dy, const float *y, const float *factor,
                  int64_t rows, int64_t n, int64_t stride);
    /* h = e (h - mean), where mean [rows] is a row's. */
    void (*gradients)(float *h, const float *e, const float *mean, int64_t rows, int64_t stride);
} pwf_attention_kernels;

const pwf_attention_kernels *pwf_attention_kernels_now(void);

#endif
