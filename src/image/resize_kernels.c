/* SPDX-License-Identifier: BSD-3-Clause */
/* The two passes of a resize, compiled once per instruction set and called by resize.c from any
 * thread. Sums are integers, so their order does not matter and all instruction sets give the same
 * bits. Reads up to one byte past the last pixel, for which image buffers have room. */
#include "resize_kernels.h"

#include <string.h>

typedef uint8_t bytes4 __attribute__((vector_size(4)));
typedef int32_t quad __attribute__((vector_size(16)));
typedef int32_t lanes __attribute__((vector_size(4 * PWF_RESIZE_ROWS)));

/* Converts a fixed-point sum to a byte, clipped. */
static inline uint8_t clipped(int32_t sum)
{
    const int32_t value = sum >> PWF_RESIZE_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* PWF_RESIZE_ROWS lines at once, which share the weights: one lane per line, one sum per colour. */
static void rows(uint8_t *out, const uint8_t *in, int64_t stride, const pwf_weights *w)
{
    const int32_t half = 1 << (PWF_RESIZE_BITS - 1);
    for (int64_t x = 0; x < w->count; x++) {
        const uint8_t *pixel = in + 3 * (int64_t)w->first[x];
        const int32_t *weight = w->weight + x * w->taps;
        lanes sum[3] = {{0}, {0}, {0}};
        for (int32_t k = 0; k < w->used[x]; k++, pixel += 3) {
            lanes word;
            for (int r = 0; r < PWF_RESIZE_ROWS; r++) {
                int32_t four;
                memcpy(&four, pixel + r * stride, sizeof four);
                word[r] = four;
            }
            sum[0] += (word & 255) * weight[k];
            sum[1] += ((word >> 8) & 255) * weight[k];
            sum[2] += ((word >> 16) & 255) * weight[k];
        }
        uint8_t *to = out + 3 * x;
        for (int r = 0; r < PWF_RESIZE_ROWS; r++, to += 3 * w->count)
            for (int c = 0; c < 3; c++)
                to[c] = clipped(sum[c][r] + half);
    }
}

/* One line. A pixel is loaded together with the byte after it, as four lanes. */
static void row(uint8_t *out, const uint8_t *in, const pwf_weights *w)
{
    for (int64_t x = 0; x < w->count; x++) {
        const uint8_t *pixel = in + 3 * (int64_t)w->first[x];
        const int32_t *weight = w->weight + x * w->taps;
        const int32_t half = 1 << (PWF_RESIZE_BITS - 1);
        quad sum = {half, half, half, half};
        for (int32_t k = 0; k < w->used[x]; k++) {
            bytes4 four;
            memcpy(&four, pixel + 3 * (int64_t)k, sizeof four);
            sum += __builtin_convertvector(four, quad) * weight[k];
        }
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = clipped(sum[c]);
    }
}

/* One output line of `bytes` bytes from `used` consecutive lines. */
static void column(uint8_t *out, const uint8_t *in, int64_t bytes, const int32_t *weight,
                   int64_t used)
{
    enum { SPAN = 64 };
    for (int64_t at = 0; at < bytes; at += SPAN) {
        const int64_t left = bytes - at < SPAN ? bytes - at : SPAN;
        int32_t sum[SPAN];
        for (int i = 0; i < SPAN; i++)
            sum[i] = 1 << (PWF_RESIZE_BITS - 1);
        for (int64_t k = 0; k < used; k++) {
            const uint8_t *line = in + k * bytes + at;
            const int32_t factor = weight[k];
            if (left == SPAN)
                for (int i = 0; i < SPAN; i++)
                    sum[i] += line[i] * factor;
            else
                for (int64_t i = 0; i < left; i++)
                    sum[i] += line[i] * factor;
        }
        for (int64_t i = 0; i < left; i++)
            out[at + i] = clipped(sum[i]);
    }
}

const pwf_resize_kernels PWF_KERNEL(pwf_resize_kernels) = {rows, row, column};
