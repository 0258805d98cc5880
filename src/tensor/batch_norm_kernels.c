/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels of batch normalisation and sums over rows; compiled once per instruction set, called
 * through pwf_kernels. Sums are double and run in row order for each channel, whatever the width of
 * a vector, so all instruction sets give the same bits. */
#include "functions.h"
#include "tables.h"

/* Channels whose sums stay in registers during the pass over all rows. */
enum { TILE = 32 };

/* sum += x, product += x (z - mean) for a tile of channels; without `mean` it counts as 0, without
 * `product` sum = that of x. `width` is the constant TILE except for the last channels, so that the
 * inner loops unroll, and NULL is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void
sum_tile(double *restrict sum, double *restrict product, const float *restrict x,
         const float *restrict z, const float *restrict mean, int64_t rows, int64_t channels,
         int width)
{
    double a[TILE] = {0}, b[TILE] = {0};
    float m[TILE] = {0};
    for (int j = 0; product && j < width; j++) {
        a[j] = sum[j];
        b[j] = product[j];
        if (mean) m[j] = mean[j];
    }
    for (int64_t i = 0; i < rows; i++, x += channels, z += channels)
        for (int j = 0; j < width; j++) {
            a[j] += (double)x[j];
            if (product) b[j] += (double)x[j] * (double)(mean ? z[j] - m[j] : z[j]);
        }
    for (int j = 0; j < width; j++) {
        sum[j] = a[j];
        if (product) product[j] = b[j];
    }
}

static inline __attribute__((always_inline)) void sum_rows(double *sum, double *product,
                                                           const float *x, const float *z,
                                                           const float *mean, int64_t rows,
                                                           int64_t channels)
{
    int64_t c = 0;
    for (; c + TILE <= channels; c += TILE)
        sum_tile(sum + c, product ? product + c : NULL, x + c, z + c, mean ? mean + c : NULL, rows,
                 channels, TILE);
    if (c < channels)
        sum_tile(sum + c, product ? product + c : NULL, x + c, z + c, mean ? mean + c : NULL, rows,
                 channels, (int)(channels - c));
}

void PWF_KERNEL(pwf_norm_sums)(double *sum, double *product, const float *dy, const float *x,
                               const float *mean, int64_t rows, int64_t channels)
{
    sum_rows(sum, product, dy, x, mean, rows, channels);
}

void PWF_KERNEL(pwf_column_sums)(double *sum, const float *x, int64_t rows, int64_t channels)
{
    sum_rows(sum, NULL, x, x, NULL, rows, channels);
}

/* The products are exact, because squares of fp32 numbers fit a double. */
void PWF_KERNEL(pwf_column_moments)(double *sum, double *square, const float *x, int64_t rows,
                                    int64_t channels)
{
    sum_rows(sum, square, x, x, NULL, rows, channels);
}

/* y = fma(x - mean, factor, shift), channels innermost. */
void PWF_KERNEL(pwf_norm_forward)(float *y, const float *x, const float *mean, const float *factor,
                                  const float *shift, int64_t rows, int64_t channels)
{
    for (int64_t i = 0; i < rows; i++, y += channels, x += channels) {
        PWF_INDEPENDENT
        for (int64_t c = 0; c < channels; c++)
            y[c] = fmaf(x[c] - mean[c], factor[c], shift[c]);
    }
}

/* dx = factor (dy - fma(x - mean, slope, offset)). */
void PWF_KERNEL(pwf_norm_backward)(float *dx, bool add, const float *dy, const float *x,
                                   const float *mean, const float *factor, const float *offset,
                                   const float *slope, int64_t rows, int64_t channels)
{
    for (int64_t i = 0; i < rows; i++, dx += channels, dy += channels, x += channels) {
        PWF_EACH_GRADIENT(dx, add, c, channels,
                          factor[c] * (dy[c] - fmaf(x[c] - mean[c], slope[c], offset[c])))
    }
}
