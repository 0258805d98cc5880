/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels, one row each: KERNEL(name, (arguments)). Included by kernels.h for the members of
 * pwf_kernels and by tables.h for the functions pwf_NAME_ISA. A kernel is defined in
 * src/tensor/X_kernels.c as PWF_KERNEL(pwf_NAME), compiled once per instruction set.
 *
 * Outputs come first, then inputs, then dimensions: B images of H x W pixels and C channels; rows =
 * B * H * W; count = elements. A gradient dx is stored, or added where `add` is set. Arrays do not
 * overlap unless a row says so. */

/* ---- sums over rows: double, in row order ---- */

/* sum[c] = sum over rows of x[row][c] */
KERNEL(column_sums, (double *sum, const float *x, int64_t rows, int64_t channels))

/* sum[c] += sum of x, square[c] += sum of x^2. Squares of fp32 are exact in double, so that a
 * variance from these sums loses as many digits as the mean exceeds the deviation. */
KERNEL(column_moments,
       (double *sum, double *square, const float *x, int64_t rows, int64_t channels))

/* ---- batch normalisation ---- */

/* sum[c] += sum of dy, product[c] += sum of dy * (x - mean[c]) */
KERNEL(norm_sums, (double *sum, double *product, const float *dy, const float *x, const float *mean,
                   int64_t rows, int64_t channels))

/* y = (x - mean[c]) * factor[c] + shift[c]; y may be x. */
KERNEL(norm_forward, (float *y, const float *x, const float *mean, const float *factor,
                      const float *shift, int64_t rows, int64_t channels))

/* dx = factor[c] * (dy - offset[c] - (x - mean[c]) * slope[c]) */
KERNEL(norm_backward, (float *dx, bool add, const float *dy, const float *x, const float *mean,
                       const float *factor, const float *offset, const float *slope, int64_t rows,
                       int64_t channels))

/* ---- element by element ---- */

/* y = max(x, 0); NaN stays NaN; y may be x. */
KERNEL(relu_forward, (float *y, const float *x, int64_t count))

/* dx = dy where the result y of the forward pass is above 0, else 0; dx may be dy. */
KERNEL(relu_backward, (float *dx, bool add, const float *dy, const float *y, int64_t count))

/* y = a + b; y may be a or b. */
KERNEL(add, (float *y, const float *a, const float *b, int64_t count))

/* y += x */
KERNEL(accumulate, (float *y, const float *x, int64_t count))

/* exp(x) and log(x), relative error below 2e-7; log for normal positive numbers. */
KERNEL(exp, (float *y, const float *x, int64_t count))
KERNEL(log, (float *y, const float *x, int64_t count))

/* The normal distribution function of x, absolute error below 1.6e-7. */
KERNEL(cdf, (float *y, const float *x, int64_t count))

/* y = x cdf(x), the exact GELU, and slope = dy/dx, or NULL; y may be x. */
KERNEL(gelu_forward, (float *y, float *slope, const float *x, int64_t count))

/* dx = dy * slope; dx may be dy. */
KERNEL(gelu_backward, (float *dx, bool add, const float *dy, const float *slope, int64_t count))

/* y = x min(max(x + 3, 0), 6) / 6; y may be x. */
KERNEL(hardswish_forward, (float *y, const float *x, int64_t count))

/* dx = dy * slope, the slope of hardswish at x: 0 up to -3, x / 3 + 1/2 between, 1 from 3 on; dx
 * may be dy. */
KERNEL(hardswish_backward, (float *dx, bool add, const float *dy, const float *x, int64_t count))

/* ---- pooling [B, H, W, C] -> [B, P, Q, C] ---- */

/* y = maximum over the window; place [B, P, Q, C] = its index there, row-major, the first of equal
 * maxima; a NaN counts as the largest. */
KERNEL(max_pool_forward, (float *y, int32_t *place, const float *x, const pwf_conv_shape *shape))
KERNEL(max_pool_backward,
       (float *dx, bool add, const float *dy, const int32_t *place, const pwf_conv_shape *shape))

/* y = mean over the window; without padding. */
KERNEL(avg_pool_forward, (float *y, const float *x, const pwf_conv_shape *shape))
KERNEL(avg_pool_backward, (float *dx, bool add, const float *dy, const pwf_conv_shape *shape))

/* ---- along a row ---- */

/* probability = exp(x) / sum over the row of exp(x); log_sum [rows] = log of that sum, or NULL. */
KERNEL(softmax,
       (float *probability, float *log_sum, const float *x, int64_t rows, int64_t channels))

/* y = (x - mean[row]) * inverse[row] * scale[c] + shift[c], where inverse = 1 / sqrt(variance +
 * epsilon); mean [rows] and inverse [rows] are kept for the backward pass. */
KERNEL(layer_norm_forward,
       (float *y, float *mean, float *inverse, const float *x, const float *scale,
        const float *shift, double epsilon, int64_t rows, int64_t channels))

/* dx may be NULL. dscale and dshift [C] are overwritten with sums over rows in row order: fp32
 * within 32 rows, double over these sums. room [18 C] is workspace. */
KERNEL(layer_norm_backward,
       (float *dx, bool add, double *dscale, double *dshift, float *room, const float *dy,
        const float *x, const float *mean, const float *inverse, const float *scale, int64_t rows,
        int64_t channels))

/* ---- matrix products of the plain back end ---- */

/* y = factor a b, or y += that, in the order of summation that product.h defines. */
KERNEL(matmul_plain,
       (float *y, bool add, float factor, const float *a, const float *b, const pwf_matmul *shape))
