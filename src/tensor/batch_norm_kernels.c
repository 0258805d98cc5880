/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels of batch normalisation and sums over rows; compiled once per instruction set, called
 * through pwf_kernels. Sums are double and run in row order for each channel, whatever the width of
 * a vector, so all instruction sets give the same bits. */
#include "functions.h"
#include "tables.h"

/* Channels whose sums stay in registers during the pass over all rows. */
enum { TILE = 32 };

/* sum += dy, product += dy (x - mean) for a tile of channels. Here and below `width` is the
 * constant TILE except for the last channels, so that the inner loops unroll. */
static inline __attribute__((always_inline)) void
sums_tile(double *restrict sum, double *restrict product, const float *restrict dy,
          const float *restrict x, const float *restrict mean, int64_t rows, int64_t channels,
          int width)
{
    double a[TILE] = {0}, b[TILE] = {0};
    float m[TILE] = {0};
    for (int j = 0; j < width; j++) {
        a[j] = sum[j];
        b[j] = product[j];
        m[j] = mean[j];
    }
    for (int64_t i = 0; i < rows; i++, dy += channels, x += channels)
        for (int j = 0; j < width; j++) {
            a[j] += (double)dy[j];
            b[j] += (double)dy[j] * (double)(x[j] - m[j]);
        }
    for (int j = 0; j < width; j++) {
        sum[j] = a[j];
        product[j] = b[j];
    }
}

void PWF_KERNEL(pwf_norm_sums)(double *sum, double *product, const float *dy, const float *x,
                               const float *mean, int64_t rows, int64_t channels)
{
    int64_t c = 0;
    for (; c + TILE <= channels; c += TILE)
        sums_tile(sum + c, product + c, dy + c, x + c, mean + c, rows, channels, TILE);
    if (c < channels)
        sums_tile(sum + c, product + c, dy + c, x + c, mean + c, rows, channels,
                  (int)(channels - c));
}

/* sum = sum of x for a tile of channels. */
static inline __attribute__((always_inline)) void column_tile(double *restrict sum,
                                                              const float *restrict x, int64_t rows,
                                                              int64_t channels, int width)
{
    double a[TILE] = {0};
    for (int64_t i = 0; i < rows; i++, x += channels)
        for (int j = 0; j < width; j++)
            a[j] += (double)x[j];
    for (int j = 0; j < width; j++)
        sum[j] = a[j];
}

void PWF_KERNEL(pwf_column_sums)(double *sum, const float *x, int64_t rows, int64_t channels)
{
    int64_t c = 0;
    for (; c + TILE <= channels; c += TILE)
        column_tile(sum + c, x + c, rows, channels, TILE);
    if (c < channels) column_tile(sum + c, x + c, rows, channels, (int)(channels - c));
}

/* sum += x, square += x^2 for a tile of channels. */
static inline __attribute__((always_inline)) void
moments_tile(double *restrict sum, double *restrict square, const float *restrict x, int64_t rows,
             int64_t channels, int width)
{
    double a[TILE] = {0}, b[TILE] = {0};
    for (int j = 0; j < width; j++) {
        a[j] = sum[j];
        b[j] = square[j];
    }
    for (int64_t i = 0; i < rows; i++, x += channels)
        for (int j = 0; j < width; j++) {
            const double v = (double)x[j];
            a[j] += v;
            b[j] += v * v; /* the product is exact */
        }
    for (int j = 0; j < width; j++) {
        sum[j] = a[j];
        square[j] = b[j];
    }
}

void PWF_KERNEL(pwf_column_moments)(double *sum, double *square, const float *x, int64_t rows,
                                    int64_t channels)
{
    int64_t c = 0;
    for (; c + TILE <= channels; c += TILE)
        moments_tile(sum + c, square + c, x + c, rows, channels, TILE);
    if (c < channels) moments_tile(sum + c, square + c, x + c, rows, channels, (int)(channels - c));
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
