/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_RESIZE_KERNELS_H
#define PWF_SRC_IMAGE_RESIZE_KERNELS_H

#include "pwf/core/isa.h"

#include <stdint.h>

/* The weights of `count` output places along one axis. */
typedef struct pwf_weights {
    int64_t count, taps; /* taps: room for one place */
    int32_t *first;      /* [count]: the first input place */
    int32_t *used;       /* [count]: how many input places */
    int32_t *weight;     /* [count, taps], in units of 2^-22 */
} pwf_weights;

enum {
    PWF_RESIZE_BITS = 32 - 8 - 2, /* behind the point: two are left for overshoot */
    PWF_RESIZE_ROWS = 8           /* lines that pwf_resize_rows takes at once */
};

#define PWF_RESIZE_DECLARE(isa)                                                                    \
    void pwf_resize_rows_##isa(uint8_t *out, const uint8_t *in, int64_t stride,                    \
                               const pwf_weights *w);                                              \
    void pwf_resize_row_##isa(uint8_t *out, const uint8_t *in, const pwf_weights *w);              \
    void pwf_resize_column_##isa(uint8_t *out, const uint8_t *in, int64_t bytes,                   \
                                 const int32_t *weight, int64_t used);
PWF_RESIZE_DECLARE(base)
PWF_RESIZE_DECLARE(avx2)
PWF_RESIZE_DECLARE(avx512)
#undef PWF_RESIZE_DECLARE

#endif
