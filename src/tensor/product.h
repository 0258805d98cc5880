/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_PRODUCT_H
#define PWF_SRC_TENSOR_PRODUCT_H

#include "pwf/core/isa.h"
#include "pwf/tensor/conv.h"
#include "pwf/tensor/matmul.h"

#include <stddef.h>

/* Our own matrix product. An element of y is one chain of fused multiply-adds over the inner axis,
 * in ascending order:
 *     s = its start; for k: s = fma(a[i][k], factor * b[k][j], s); y[i][j] = s
 * It starts from y itself, the column's bias, or 0. So its bits depend on neither the instruction
 * set nor how the work is cut into blocks, and a sum that is taken up again in a later call is the
 * sum in one call. The plain twin is pwf_matmul_plain.
 *
 * b is packed first, into panels of up to PWF_PANEL_VECTORS vectors' columns, each contiguous along
 * the inner axis; what is packed may be used many times, under the same instruction set. a is read
 * where it lies. */

enum { PWF_PANEL_VECTORS = 3, PWF_TILE_ROWS_MOST = 8 };

/* Bytes, multiples of 64, of packed b. */
size_t pwf_product_packed(const pwf_matmul *shape);

/* Packs factor * b. */
void pwf_product_pack(const pwf_matmul *shape, float *packed, float factor, const float *b);

/* y = a * b, or y += that if `add` is set, or y = bias + a * b if bias [columns] is not NULL. */
void pwf_product_run(const pwf_matmul *shape, float *y, bool add, const float *bias, const float *a,
                     const float *packed);

/* y = factor * a * b, or y += that, where b is used once: it is packed in parts of the inner axis.
 * The workspace has pwf_product_workspace bytes. */
size_t pwf_product_workspace(const pwf_matmul *shape);
void pwf_product_once(const pwf_matmul *shape, float *y, bool add, float factor, const float *a,
                      const float *b, float *workspace);

/* Whether ours is the faster choice here: it needs an instruction for fma. */
bool pwf_product_fast(void);

/* A linear layer's products; `rows` counts pixels.
 *     y [rows, filters] = x [rows, channels] times the transposed weights [filters, channels]
 *     dx = dy times the weights
 *     dweight += the transposed dy times x */
pwf_matmul pwf_linear_forward(const pwf_conv_shape *shape);
pwf_matmul pwf_linear_data(const pwf_conv_shape *shape);
pwf_matmul pwf_linear_weights(const pwf_conv_shape *shape);

/* A tile of y: at most rows_most rows of one panel. */
typedef struct pwf_tile {
    float *y;
    int64_t stride_y;
    bool add;
    const float *bias; /* NULL: from 0, unless add is set */
    const float *a;    /* rows `row` apart, elements along the inner axis `step` apart */
    int64_t row, step;
    const float *b;
    int64_t inner;
    int vectors, last; /* of the panel; columns in its last vector */
} pwf_tile;

/* What product_kernels.c provides. */
typedef struct pwf_product_kernels {
    int lanes, rows_most;
    void (*tile)(const pwf_tile *tile, int rows);
    /* One panel of `columns` columns, padded with zeros to `width`. */
    void (*pack)(float *panel, int width, int columns, float factor, const float *b,
                 const pwf_matmul *shape);
} pwf_product_kernels;

const pwf_product_kernels *pwf_product_kernels_now(void);

#endif
