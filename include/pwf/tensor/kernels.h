/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_KERNELS_H
#define PWF_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

/** Kernels that are ours: all but convolution and linear layers. They vectorise over channels,
 * which are the last axis, and add over pixels in their order, so every instruction set gives the
 * same bits. An image batch is a matrix [rows, channels] where the pixel's place does not matter.
 *
 * Outputs come first. A gradient dx is stored, or added if `add` is set. Unless said otherwise
 * arrays do not overlap. */

/* A pooling window over [B, H, W, C]; the result is [B, P, Q, C]. */
typedef struct pwf_pool_shape {
    int64_t images, height, width, channels;
    int64_t kernel_height, kernel_width, stride, padding;
} pwf_pool_shape;

typedef struct pwf_kernels {
    /* Sums over rows, in double, in row order: sum[c] of x. */
    void (*column_sums)(double *sum, const float *x, int64_t rows, int64_t channels);
    /* Adds the sums of x and of its squares, the same way. A square of fp32 is exact, so their
     * difference loses as many digits of double as the mean is larger than the deviation. */
    void (*column_moments)(double *sum, double *square, const float *x, int64_t rows,
                           int64_t channels);
    /* Adds the sums of dy and of dy * (x - mean), the same way. */
    void (*norm_sums)(double *sum, double *product, const float *dy, const float *x,
                      const float *mean, int64_t rows, int64_t channels);
    /* y = (x - mean) * factor + shift; y may be x. */
    void (*norm_forward)(float *y, const float *x, const float *mean, const float *factor,
                         const float *shift, int64_t rows, int64_t channels);
    /* dx = factor * (dy - offset - (x - mean) * slope) */
    void (*norm_backward)(float *dx, bool add, const float *dy, const float *x, const float *mean,
                          const float *factor, const float *offset, const float *slope,
                          int64_t rows, int64_t channels);
    /* y = max(x, 0), NaN stays; y may be x. */
    void (*relu_forward)(float *y, const float *x, int64_t count);
    /* From the result y; dx may be dy. */
    void (*relu_backward)(float *dx, bool add, const float *dy, const float *y, int64_t count);
    /* y = a + b; y may be a or b. */
    void (*add)(float *y, const float *a, const float *b, int64_t count);
    /* y += x */
    void (*accumulate)(float *y, const float *x, int64_t count);
    /* place [B, P, Q, C] is where in the window the (first) maximum stood. */
    void (*max_pool_forward)(float *y, int32_t *place, const float *x, const pwf_pool_shape *shape);
    void (*max_pool_backward)(float *dx, bool add, const float *dy, const int32_t *place,
                              const pwf_pool_shape *shape);
    /* Mean over the window; no padding. */
    void (*avg_pool_forward)(float *y, const float *x, const pwf_pool_shape *shape);
    void (*avg_pool_backward)(float *dx, bool add, const float *dy, const pwf_pool_shape *shape);
    /* Softmax of each row; log_sum [rows] is log(sum exp(x - max)) + max, or NULL. */
    void (*softmax)(float *probability, float *log_sum, const float *x, int64_t rows,
                    int64_t channels);
    /* Our own exp and log, relative error below 2e-7, log for normal positive numbers; and the
     * normal distribution function, absolute error below 1.6e-7. */
    void (*exp)(float *y, const float *x, int64_t count);
    void (*log)(float *y, const float *x, int64_t count);
    void (*cdf)(float *y, const float *x, int64_t count);
    /* Each row to mean 0 and variance 1, then scaled and shifted by channel. mean [rows] and
     * inverse [rows], 1 / sqrt(variance + epsilon), are kept for the backward pass. */
    void (*layer_norm_forward)(float *y, float *mean, float *inverse, const float *x,
                               const float *scale, const float *shift, double epsilon, int64_t rows,
                               int64_t channels);
    /* dx may be NULL. Gradients of scale and shift are overwritten: sums over rows in row order, in
     * fp32 for 32 rows, these sums in double. room [18 * channels] is workspace. */
    void (*layer_norm_backward)(float *dx, bool add, double *dscale, double *dshift, float *room,
                                const float *dy, const float *x, const float *mean,
                                const float *inverse, const float *scale, int64_t rows,
                                int64_t channels);
    /* y = x times the normal distribution function of x, exactly, and its slope, or NULL; y may be
     * x. From the slope dx = dy * slope; dx may be dy. */
    void (*gelu_forward)(float *y, float *slope, const float *x, int64_t count);
    void (*gelu_backward)(float *dx, bool add, const float *dy, const float *slope, int64_t count);
} pwf_kernels;

/** The kernels of the instruction set in use.
 * Local; any thread. */
const pwf_kernels *pwf_kernels_now(void);

#endif
