/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_RESIZE_KERNELS_H
#define PWF_SRC_IMAGE_RESIZE_KERNELS_H

#include "pwf/core/isa.h"

#include <stdint.h>

/* The weights of `count` output positions along one axis. */
typedef struct pwf_weights {
    int64_t count, taps; /* taps: allocated per position */
    int32_t *first;      /* [count]: the first input position */
    int32_t *used;       /* [count]: number of input positions */
    int32_t *weight;     /* [count, taps], in units of 2^-PWF_RESIZE_BITS */
} pwf_weights;

enum {
    PWF_RESIZE_BITS = 32 - 8 - 2, /* fraction bits; two of the others are left for overshoot */
    PWF_RESIZE_ROWS = 8           /* lines that `rows` processes at once */
};

/* The loops of a resize for one instruction set. */
typedef struct pwf_resize_kernels {
    /* PWF_RESIZE_ROWS lines at once, `stride` bytes apart in the input; one line */
    void (*rows)(uint8_t *out, const uint8_t *in, int64_t stride, const pwf_weights *w);
    void (*row)(uint8_t *out, const uint8_t *in, const pwf_weights *w);
    /* one output line of `bytes` bytes from `used` consecutive lines */
    void (*column)(uint8_t *out, const uint8_t *in, int64_t bytes, const int32_t *weight,
                   int64_t used);
} pwf_resize_kernels;

extern const pwf_resize_kernels pwf_resize_kernels_base, pwf_resize_kernels_avx2,
    pwf_resize_kernels_avx512;

#endif
