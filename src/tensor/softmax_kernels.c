/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax along rows; compiled once per instruction set, called through pwf_kernels by the loss.
 * Attention has kernels of its own.
 * Each step runs over eight rows at a time; sums follow rows.h. */
#include "rows.h"
#include "tables.h"

/* y = e^(x - top) for LANES elements, none above top. */
static inline __attribute__((always_inline)) void exp_below(float *restrict y,
                                                            const float *restrict x, float top)
{
    for (int j = 0; j < LANES; j++)
        y[j] = pwf_exp_below(x[j] - top);
}

/* y = e^(x - top) for a row; the last vector is padded with top. */
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
            log_sum[i] = pwf_ln(sum[i - first]) + top[i - first];
    }
}
