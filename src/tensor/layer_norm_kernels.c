/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels of layer normalisation; compiled once per instruction set, called through pwf_kernels.
 * Each step runs over eight rows at a time, so that the chains of additions of these rows overlap.
 * Sums along a row follow rows.h; sums over rows are fp32 within RUN rows and double beyond. */
#include "rows.h"
#include "tables.h"

#include <string.h>

/* variance = sum (x - mean)^2 / n, inverse = 1 / sqrt(variance + epsilon),
 * y = (x - mean) inverse scale + shift. */
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
        /* Squares around the rounded mean; the square of what rounding moved is subtracted. */
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

/* Rows whose sums are fp32; sums of such runs are added up in double. */
enum { RUN = 4 * TOGETHER };

/* For one row: g = dy scale, normal = (x - mean) inverse, and its share of the parameter gradients.
 */
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

/* dx = inverse (g - offset - normal slope), offset = mean(g), slope = mean(g normal). */
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
