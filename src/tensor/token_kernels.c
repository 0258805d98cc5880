/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set: what transformers need beyond convolutions. Sums run along a
 * row, in LANES partial sums that are added in their order: the same on every instruction set. */
#include "functions.h"
#include "tables.h"

#include <string.h>

enum { LANES = 16 };

static inline double total(const double *lane)
{
    double sum = 0.0;
    for (int j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

static inline double row_sum(const float *x, int64_t n)
{
    double lane[LANES] = {0};
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += (double)x[c + j];
    for (int j = 0; c + j < n; j++)
        lane[j] += (double)x[c + j];
    return total(lane);
}

static inline double row_squares(const float *x, float mean, int64_t n)
{
    double lane[LANES] = {0};
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES)
        for (int j = 0; j < LANES; j++) {
            const double d = (double)(x[c + j] - mean);
            lane[j] += d * d;
        }
    for (int j = 0; c + j < n; j++) {
        const double d = (double)(x[c + j] - mean);
        lane[j] += d * d;
    }
    return total(lane);
}

static inline double row_product(const float *a, const float *b, int64_t n)
{
    double lane[LANES] = {0};
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += (double)a[c + j] * (double)b[c + j];
    for (int j = 0; c + j < n; j++)
        lane[j] += (double)a[c + j] * (double)b[c + j];
    return total(lane);
}

static inline float row_top(const float *x, int64_t n)
{
    float lane[LANES];
    int64_t c = 0;
    for (int j = 0; j < LANES; j++)
        lane[j] = -INFINITY;
    for (; c + LANES <= n; c += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] = x[c + j] > lane[j] ? x[c + j] : lane[j];
    for (int j = 0; c + j < n; j++)
        lane[j] = x[c + j] > lane[j] ? x[c + j] : lane[j];
    for (int j = 1; j < LANES; j++)
        lane[0] = lane[j] > lane[0] ? lane[j] : lane[0];
    return lane[0];
}

void PWF_KERNEL(pwf_layer_norm_forward)(float *restrict y, float *restrict mean,
                                        float *restrict inverse, const float *restrict x,
                                        const float *restrict scale, const float *restrict shift,
                                        double epsilon, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++, y += n, x += n) {
        const double exact = row_sum(x, n) / (double)n;
        const float m = (float)exact;
        /* Squares about the rounded mean; what rounding moved is taken off again. */
        const double moved = exact - (double)m;
        double variance = row_squares(x, m, n) / (double)n - moved * moved;
        if (variance < 0.0) variance = 0.0;
        const float inv = (float)(1.0 / sqrt(variance + epsilon));
        for (int64_t c = 0; c < n; c++)
            y[c] = fmaf((x[c] - m) * inv, scale[c], shift[c]);
        mean[i] = m;
        inverse[i] = inv;
    }
}

void PWF_KERNEL(pwf_layer_norm_sums)(double *restrict dscale, double *restrict dshift,
                                     const float *restrict dy, const float *restrict x,
                                     const float *restrict mean, const float *restrict inverse,
                                     int64_t rows, int64_t n)
{
    memset(dscale, 0, (size_t)n * sizeof *dscale);
    memset(dshift, 0, (size_t)n * sizeof *dshift);
    for (int64_t i = 0; i < rows; i++, dy += n, x += n)
        for (int64_t c = 0; c < n; c++) {
            dscale[c] += (double)(dy[c] * ((x[c] - mean[i]) * inverse[i]));
            dshift[c] += (double)dy[c];
        }
}

void PWF_KERNEL(pwf_layer_norm_backward)(float *restrict dx, bool add, float *restrict g,
                                         float *restrict xhat, const float *restrict dy,
                                         const float *restrict x, const float *restrict mean,
                                         const float *restrict inverse, const float *restrict scale,
                                         int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++, dx += n, dy += n, x += n) {
        for (int64_t c = 0; c < n; c++) {
            g[c] = dy[c] * scale[c];
            xhat[c] = (x[c] - mean[i]) * inverse[i];
        }
        const float offset = (float)(row_sum(g, n) / (double)n);
        const float slope = (float)(row_product(g, xhat, n) / (double)n);
        const float inv = inverse[i];
        if (add)
            for (int64_t c = 0; c < n; c++)
                dx[c] += inv * (g[c] - fmaf(xhat[c], slope, offset));
        else
            for (int64_t c = 0; c < n; c++)
                dx[c] = inv * (g[c] - fmaf(xhat[c], slope, offset));
    }
}

void PWF_KERNEL(pwf_softmax)(float *restrict probability, float *restrict log_sum,
                             const float *restrict x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++, x += n, probability += n) {
        const float top = row_top(x, n);
        for (int64_t c = 0; c < n; c++)
            probability[c] = pwf_exp(x[c] - top);
        const double sum = row_sum(probability, n);
        const float share = (float)(1.0 / sum);
        for (int64_t c = 0; c < n; c++)
            probability[c] *= share;
        if (log_sum) log_sum[i] = pwf_log((float)sum) + top;
    }
}

void PWF_KERNEL(pwf_softmax_backward)(float *restrict dx, const float *restrict dy,
                                      const float *restrict probability, float factor, int64_t rows,
                                      int64_t n)
{
    for (int64_t i = 0; i < rows; i++, dx += n, dy += n, probability += n) {
        const float mean = (float)row_product(dy, probability, n);
        for (int64_t c = 0; c < n; c++)
            dx[c] = factor * (probability[c] * (dy[c] - mean));
    }
}

void PWF_KERNEL(pwf_cdf_all)(float *y, const float *x, int64_t count)
{
    float density;
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = pwf_normal_cdf(x[i], &density);
}

void PWF_KERNEL(pwf_gelu_forward)(float *y, const float *x, int64_t count)
{
    float density;
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * pwf_normal_cdf(x[i], &density);
}

/* dy/dx = cdf(x) + x density(x) */
static inline float gelu_slope(float x)
{
    float density;
    const float cdf = pwf_normal_cdf(x, &density);
    return fmaf(x, density, cdf);
}

void PWF_KERNEL(pwf_gelu_backward)(float *dx, bool add, const float *dy, const float *x,
                                   int64_t count)
{
    if (add) {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            dx[i] += dy[i] * gelu_slope(x[i]);
    } else {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            dx[i] = dy[i] * gelu_slope(x[i]);
    }
}

/* The definition of product.h, in the simplest loops. */
static void row_times(float *restrict y, float factor, const float *a, int64_t step,
                      const float *restrict b, const pwf_matmul *m)
{
    for (int64_t k = 0; k < m->inner; k++) {
        const float w = a[k * step];
        const float *restrict row = b + k * m->stride_b;
        for (int64_t j = 0; j < m->columns; j++)
            y[j] = pwf_fma(w, factor * row[j], y[j]);
    }
}

static void row_times_transposed(float *restrict y, float factor, const float *a, int64_t step,
                                 const float *restrict b, const pwf_matmul *m)
{
    int64_t j = 0;
    for (; j + LANES <= m->columns; j += LANES) { /* chains side by side, for speed alone */
        float sum[LANES];
        memcpy(sum, y + j, sizeof sum);
        for (int64_t k = 0; k < m->inner; k++)
            for (int i = 0; i < LANES; i++)
                sum[i] = pwf_fma(a[k * step], factor * b[(j + i) * m->stride_b + k], sum[i]);
        memcpy(y + j, sum, sizeof sum);
    }
    for (; j < m->columns; j++)
        for (int64_t k = 0; k < m->inner; k++)
            y[j] = pwf_fma(a[k * step], factor * b[j * m->stride_b + k], y[j]);
}

void PWF_KERNEL(pwf_matmul_plain)(float *y, bool add, float factor, const float *a, const float *b,
                                  const pwf_matmul *m)
{
    const int64_t next = m->transpose_a ? 1 : m->stride_a, step = m->transpose_a ? m->stride_a : 1;
    for (int64_t i = 0; i < m->rows; i++, y += m->stride_y, a += next) {
        if (!add) memset(y, 0, (size_t)m->columns * sizeof *y);
        if (m->transpose_b)
            row_times_transposed(y, factor, a, step, b, m);
        else
            row_times(y, factor, a, step, b, m);
    }
}
