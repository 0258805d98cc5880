/* SPDX-License-Identifier: BSD-3-Clause */
/* The element-wise steps of attention between its products; compiled once per instruction set,
 * called through pwf_attention_kernels. A row is a whole number of vectors, so that loops need no
 * remainder: elements from n on hold values that contribute nothing. */
#include "lanes.h"
#include "tables.h"

enum { LANES = PWF_LANES };

/* The maximum of a row whose last vector holds `last` elements; the lanes after them become
 * -infinity, whose power is 0. */
static inline float row_top(float *x, int64_t last, int64_t stride)
{
    const pwf_lanes least = pwf_lanes_of(-INFINITY);
    float *edge = x + stride - LANES;
    pwf_lanes top = pwf_lanes_load_first(edge, last, -INFINITY);
    pwf_lanes_store(edge, top);
    top = pwf_lanes_greater(
        top, least); /* a NaN is dropped from the maximum and returns in the exponentials */
    for (int64_t c = 0; c < stride - LANES; c += LANES)
        top = pwf_lanes_greater(pwf_lanes_load(x + c), top);
    return pwf_lanes_top(top);
}

static void exponents(float *x, float *inverse, float scale, int64_t rows, int64_t n,
                      int64_t stride)
{
    const pwf_lanes s = pwf_lanes_of(scale);
    /* All maxima first, so that the processor overlaps the reductions of several rows. */
    for (int64_t i = 0; i < rows; i++)
        inverse[i] = -scale * row_top(x + i * stride, (n - 1) % LANES + 1, stride);
    for (int64_t i = 0; i < rows; i++, x += stride) {
        const pwf_lanes top = pwf_lanes_of(inverse[i]);
        pwf_lanes sum = pwf_lanes_of(0.0f);
        for (int64_t c = 0; c < stride; c += LANES) {
            const pwf_lanes e = pwf_lanes_exp2(pwf_lanes_fma(pwf_lanes_load(x + c), s, top));
            pwf_lanes_store(x + c, e);
            sum = pwf_lanes_add(sum, e);
        }
        inverse[i] = (float)(1.0 / pwf_lanes_sum(sum));
    }
}

static void weight(float *y, const float *factor, int64_t rows, int64_t n, int64_t stride)
{
    for (int64_t i = 0; i < rows; i++, y += stride)
        for (int64_t c = 0; c < n; c++)
            y[c] *= factor[i];
}

static void weigh(float *restrict out, float *restrict mean, const float *restrict dy,
                  const float *restrict y, const float *restrict factor, int64_t rows, int64_t n,
                  int64_t stride)
{
    for (int64_t i = 0; i < rows; i++, out += n, dy += stride, y += stride) {
        const pwf_lanes f = pwf_lanes_of(factor[i]);
        int64_t c = 0;
        pwf_lanes sum = pwf_lanes_of(0.0f);
        for (; c + LANES <= n; c += LANES) {
            const pwf_lanes g = pwf_lanes_multiply(f, pwf_lanes_load(dy + c));
            pwf_lanes_store(out + c, g);
            sum = pwf_lanes_fma(g, pwf_lanes_load(y + c), sum);
        }
        if (c < n) {
            const pwf_lanes g = pwf_lanes_multiply(f, pwf_lanes_load_first(dy + c, n - c, 0.0f));
            pwf_lanes_store_first(out + c, g, n - c);
            sum = pwf_lanes_fma(g, pwf_lanes_load_first(y + c, n - c, 0.0f), sum);
        }
        mean[i] = (float)pwf_lanes_sum(sum);
    }
}

static void gradients(float *h, const float *e, const float *mean, int64_t rows, int64_t stride)
{
    for (int64_t i = 0; i < rows; i++, h += stride, e += stride) {
        const pwf_lanes m = pwf_lanes_of(mean[i]);
        for (int64_t c = 0; c < stride; c += LANES) {
            const pwf_lanes d = pwf_lanes_subtract(pwf_lanes_load(h + c), m);
            pwf_lanes_store(h + c, pwf_lanes_multiply(pwf_lanes_load(e + c), d));
        }
    }
}

const pwf_attention_kernels PWF_KERNEL(pwf_attention_kernels) = {exponents, weight, weigh,
                                                                 gradients};
