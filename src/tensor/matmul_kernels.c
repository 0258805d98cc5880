/* SPDX-License-Identifier: BSD-3-Clause */
/* Matrix products of the plain back end in the simplest loops; compiled once per instruction set,
 * called through pwf_kernels by matmul.c and conv_plain.c. They define the order of summation that
 * the fast kernels of product_kernels.c reproduce bit by bit. */
#include "functions.h"
#include "lanes.h"
#include "tables.h"

#include <string.h>

enum { LANES = PWF_LANES };

/* y [1, columns] += a row [inner] times factor b [inner, columns]. */
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

/* The same with the columns of b contiguous. */
static void row_times_transposed(float *restrict y, float factor, const float *a, int64_t step,
                                 const float *restrict b, const pwf_matmul *m)
{
    int64_t j = 0;
    for (; j + LANES <= m->columns; j += LANES) { /* sixteen chains at a time, only for speed */
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
