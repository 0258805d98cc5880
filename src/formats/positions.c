/* SPDX-License-Identifier: BSD-3-Clause */
/* Resamples position embeddings of a vision transformer to a different image size, as timm does.
 * Called by import.c.
 * A pure function: sums in double, rounded once. */
#include "positions.h"

#include "pwf/core/mem.h"

#include <math.h>

/* Keys's cubic convolution with a = -1/2, as in Pillow and in PyTorch with antialiasing. */
static double cubic(double x)
{
    static const double A = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * A;
    return 0.0;
}

/* Weights [to, from] of each source point; rows sum to 1. Points outside the grid are left out. */
static void set_weights(double *weight, int64_t from, int64_t to)
{
    const double scale = (double)from / (double)to, stretch = scale > 1.0 ? scale : 1.0;
    for (int64_t i = 0; i < to; i++) {
        double *row = weight + i * from, sum = 0.0;
        const double centre = ((double)i + 0.5) * scale;
        for (int64_t j = 0; j < from; j++) {
            row[j] = cubic(((double)j + 0.5 - centre) / stretch);
            sum += row[j];
        }
        for (int64_t j = 0; j < from; j++)
            row[j] /= sum;
    }
}

/* out [rows, to, inner] = weight [to, from] applied to in [rows, from, inner]. */
static void resample(const double *weight, const double *in, double *out, int64_t rows,
                     int64_t from, int64_t to, int64_t inner)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < to; i++)
            for (int64_t j = 0; j < from; j++) {
                const double w = weight[i * from + j], *x = in + (r * from + j) * inner;
                double *y = out + (r * to + i) * inner;
                for (int64_t k = 0; k < inner && (w < 0.0 || w > 0.0); k++)
                    y[k] = fma(w, x[k], y[k]);
            }
}

pwf_status pwf_positions_resample(const float *in, int64_t from, float *out, int64_t to,
                                  int64_t channels)
{
    double *room = NULL; /* weights, grid, grid with resampled rows, result: zeroed */
    const int64_t grid = from * from * channels, half = from * to * channels;
    const int64_t all = to * to * channels;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, to * from + grid + half + all, sizeof *room, &room));
    double *x = room + to * from, *rows = x + grid, *y = rows + half;
    set_weights(room, from, to);
    for (int64_t i = 0; i < grid; i++)
        x[i] = (double)in[i];
    resample(room, x, rows, from, from, to, channels);
    resample(room, rows, y, 1, from, to, to * channels);
    for (int64_t i = 0; i < all; i++)
        out[i] = (float)y[i];
    pwf_mem_free(room);
    return pwf_ok();
}
