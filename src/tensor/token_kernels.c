/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set: what transformers need beyond convolutions. Sums run along a
 * row: element i goes to partial sum i % 64, in fp32; the upper half of the partial sums is added
 * to the lower half until 16 are left, and these in double until one is. */
#include "functions.h"
#include "lanes.h"
#include "tables.h"

#include <string.h>

enum { LANES = PWF_LANES, PARTS = 4, BLOCK = PARTS * LANES };

/* What is made of a row x, or of two: its sum, that of the squares of its distances from `about`,
 * of the products with z, its maximum. */
typedef enum row_kind { SUM, SQUARES, PRODUCT, TOP } row_kind;

static inline __attribute__((always_inline)) pwf_lanes
take(row_kind kind, pwf_lanes sum, pwf_lanes x, pwf_lanes z, pwf_lanes about)
{
    const pwf_lanes d = pwf_lanes_subtract(x, about);
    return kind == SUM       ? pwf_lanes_add(sum, x)
           : kind == SQUARES ? pwf_lanes_add(sum, pwf_lanes_multiply(d, d))
           : kind == PRODUCT ? pwf_lanes_add(sum, pwf_lanes_multiply(x, z))
                             : pwf_lanes_greater(x, sum);
}

static inline __attribute__((always_inline)) pwf_lanes row(row_kind kind, const float *x,
                                                           const float *z, float about, int64_t n)
{
    const float rest = kind == TOP ? -INFINITY : kind == SQUARES ? about : 0.0f;
    const pwf_lanes m = pwf_lanes_of(about), none = pwf_lanes_of(kind == TOP ? -INFINITY : 0.0f);
    pwf_lanes part[PARTS] = {none, none, none, none};
    int64_t c = 0;
    for (; c + BLOCK <= n; c += BLOCK) {
        PWF_UNROLL
        for (int k = 0; k < PARTS; k++) {
            const int64_t at = c + k * LANES;
            part[k] = take(kind, part[k], pwf_lanes_load(x + at), pwf_lanes_load(z + at), m);
        }
    }
    PWF_UNROLL
    for (int k = 0; k < PARTS; k++) {
        const int64_t at = c + k * LANES, left = n - at;
        if (left >= LANES)
            part[k] = take(kind, part[k], pwf_lanes_load(x + at), pwf_lanes_load(z + at), m);
        else if (left > 0)
            part[k] = take(kind, part[k], pwf_lanes_load_first(x + at, left, rest),
                           pwf_lanes_load_first(z + at, left, 0.0f), m);
    }
    if (kind == TOP)
        return pwf_lanes_greater(pwf_lanes_greater(part[0], part[2]),
                                 pwf_lanes_greater(part[1], part[3]));
    return pwf_lanes_add(pwf_lanes_add(part[0], part[2]), pwf_lanes_add(part[1], part[3]));
}

static inline double row_sum(const float *x, int64_t n)
{
    return pwf_lanes_sum(row(SUM, x, x, 0.0f, n));
}

static inline double row_squares(const float *x, float about, int64_t n)
{
    return pwf_lanes_sum(row(SQUARES, x, x, about, n));
}

static inline double row_product(const float *x, const float *z, int64_t n)
{
    return pwf_lanes_sum(row(PRODUCT, x, z, 0.0f, n));
}

/* So many rows take each step together, so that no step waits for the one before. */
enum { TOGETHER = 8 };

void PWF_KERNEL(pwf_layer_norm_forward)(float *restrict y, float *restrict mean,
                                        float *restrict inverse, const float *restrict x,
                                        const float *restrict scale, const float *restrict shift,
                                        double epsilon, int64_t rows, int64_t n)
{
    for (int64_t first = 0; first < rows; first += TOGETHER) {
        const int64_t end = first + TOGETHER < rows ? first + TOGETHER : rows;
        double moved[TOGETHER];
        for (int64_t i = first; i < end; i++) {
            const double exact = row_sum(x + i * n, n) / (double)n;
            mean[i] = (float)exact;
            moved[i - first] = exact - (double)mean[i];
        }
        /* Squares about the rounded mean; what rounding moved is taken off again. */
        for (int64_t i = first; i < end; i++) {
            const double m = moved[i - first];
            double variance = row_squares(x + i * n, mean[i], n) / (double)n - m * m;
            if (variance < 0.0) variance = 0.0;
            inverse[i] = (float)(1.0 / sqrt(variance + epsilon));
        }
        for (int64_t i = first; i < end; i++)
            for (int64_t c = 0; c < n; c++)
                y[i * n + c] = fmaf((x[i * n + c] - mean[i]) * inverse[i], scale[c], shift[c]);
    }
}

/* Sums over rows are made in fp32 for so many rows, then added up in double. */
enum { RUN = 4 * TOGETHER };

/* Makes g and normal of a row, and adds its part to the sums of the run. */
static inline void open_row(float *restrict g, float *restrict normal, float *restrict slopes,
                            float *restrict shifts, const float *restrict dy,
                            const float *restrict x, const float *restrict scale, float mean,
                            float inverse, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        const float xhat = (x[c] - mean) * inverse;
        g[c] = dy[c] * scale[c];
        normal[c] = xhat;
        slopes[c] += dy[c] * xhat;
        shifts[c] += dy[c];
    }
}

static inline void close_row(float *restrict dx, bool add, const float *restrict g,
                             const float *restrict normal, float offset, float slope, float inverse,
                             int64_t n)
{
    if (add)
        for (int64_t c = 0; c < n; c++)
            dx[c] += inverse * (g[c] - fmaf(normal[c], slope, offset));
    else
        for (int64_t c = 0; c < n; c++)
            dx[c] = inverse * (g[c] - fmaf(normal[c], slope, offset));
}

void PWF_KERNEL(pwf_layer_norm_backward)(float *restrict dx, bool add, double *restrict dscale,
                                         double *restrict dshift, float *restrict room,
                                         const float *restrict dy, const float *restrict x,
                                         const float *restrict mean, const float *restrict inverse,
                                         const float *restrict scale, int64_t rows, int64_t n)
{
    float *slopes = room, *shifts = room + n, *g = room + 2 * n, *normal = g + TOGETHER * n;
    memset(dscale, 0, (size_t)n * sizeof *dscale);
    memset(dshift, 0, (size_t)n * sizeof *dshift);
    memset(slopes, 0, 2 * (size_t)n * sizeof *slopes);
    for (int64_t first = 0; first < rows; first += TOGETHER) {
        const int64_t end = first + TOGETHER < rows ? first + TOGETHER : rows, count = end - first;
        float offset[TOGETHER], slope[TOGETHER];
        for (int64_t i = 0; i < count; i++)
            open_row(g + i * n, normal + i * n, slopes, shifts, dy + (first + i) * n,
                     x + (first + i) * n, scale, mean[first + i], inverse[first + i], n);
        for (int64_t i = 0; dx && i < count; i++) {
            offset[i] = (float)(row_sum(g + i * n, n) / (double)n);
            slope[i] = (float)(row_product(g + i * n, normal + i * n, n) / (double)n);
        }
        for (int64_t i = 0; dx && i < count; i++)
            close_row(dx + (first + i) * n, add, g + i * n, normal + i * n, offset[i], slope[i],
                      inverse[first + i], n);
        if (end % RUN != 0 && end < rows) continue;
        for (int64_t c = 0; c < n; c++) {
            dscale[c] += (double)slopes[c];
            dshift[c] += (double)shifts[c];
            slopes[c] = shifts[c] = 0.0f;
        }
    }
}

/* e^(x - top) of LANES elements; none is above top. */
static inline __attribute__((always_inline)) void exp_below(float *restrict y,
                                                            const float *restrict x, float top)
{
    for (int j = 0; j < LANES; j++)
        y[j] = pwf_exp_below(x[j] - top);
}

static inline void exp_row(float *restrict y, const float *restrict x, float top, int64_t n)
{
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES)
        exp_below(y + c, x + c, top);
    if (c == n) return;
    float last[LANES], power[LANES];
    pwf_lanes_store(last, pwf_lanes_load_first(x + c, n - c, top));
    exp_below(power, last, top);
    pwf_lanes_store_first(y + c, pwf_lanes_load(power), n - c);
}

void PWF_KERNEL(pwf_softmax)(float *restrict probability, float *restrict log_sum,
                             const float *restrict x, int64_t rows, int64_t n)
{
    for (int64_t first = 0; first < rows; first += TOGETHER) {
        const int64_t end = first + TOGETHER < rows ? first + TOGETHER : rows;
        float top[TOGETHER], sum[TOGETHER];
        for (int64_t i = first; i < end; i++)
            top[i - first] = pwf_lanes_top(row(TOP, x + i * n, x + i * n, 0.0f, n));
        for (int64_t i = first; i < end; i++)
            exp_row(probability + i * n, x + i * n, top[i - first], n);
        for (int64_t i = first; i < end; i++)
            sum[i - first] = (float)row_sum(probability + i * n, n);
        for (int64_t i = first; i < end; i++) {
            const float share = 1.0f / sum[i - first];
            for (int64_t c = 0; c < n; c++)
                probability[i * n + c] *= share;
        }
        for (int64_t i = first; log_sum && i < end; i++)
            log_sum[i] = pwf_log(sum[i - first]) + top[i - first];
    }
}

void PWF_KERNEL(pwf_cdf_all)(float *y, const float *x, int64_t count)
{
    float density;
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] != x[i] ? x[i] : pwf_normal_cdf(x[i], &density);
}

/* dy/dx = cdf(x) + x density(x) */
void PWF_KERNEL(pwf_gelu_forward)(float *y, float *slope, const float *x, int64_t count)
{
    float density;
    if (slope) {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++) {
            const float v = x[i], cdf = pwf_normal_cdf(v, &density);
            y[i] = v * cdf;
            slope[i] = fmaf(v, density, cdf);
        }
    } else {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] * pwf_normal_cdf(x[i], &density);
    }
}

void PWF_KERNEL(pwf_gelu_backward)(float *dx, bool add, const float *dy, const float *slope,
                                   int64_t count)
{
    if (add) {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            dx[i] += dy[i] * slope[i];
    } else {
        PWF_INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            dx[i] = dy[i] * slope[i];
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
