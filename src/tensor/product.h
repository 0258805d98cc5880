/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_PRODUCT_H
#define PWF_SRC_TENSOR_PRODUCT_H

#include "pwf/core/isa.h"
#include "pwf/tensor/conv.h"
#include "pwf/tensor/matmul.h"

#include <stddef.h>

/* Our own matrix product. An element of y is one chain of fused multiply-adds over the inner axis,
 * in ascending order:
 *     s = its start; for k: s = fma(r(a[i][k]), r(factor * b[k][j]), s); y[i][j] = s
 * In fp32 r changes nothing. In bf16 it rounds as pwf_bf16_of does, and the fma takes and gives
 * zeros for denormal numbers, the sign kept; so do the instructions of processors that have one for
 * bf16, and so does fp32's on rounded numbers where pwf_flush_begin has said so. It starts from y
 * itself, the column's bias, or 0. So its bits depend on neither the instruction set nor how the
 * work is cut into blocks, and a sum that is taken up again in a later call is the sum in one call.
 * The plain twin is pwf_matmul_plain.
 *
 * b is packed first, into panels of up to PWF_PANEL_VECTORS vectors' columns, each contiguous along
 * the inner axis; what is packed may be used many times, under the same instruction set. In fp32 a
 * is read where it lies, in bf16 it is rounded into a room of pwf_product_room bytes, which may be
 * 0, block by block. */

enum { PWF_PANEL_VECTORS = 3, PWF_TILE_ROWS_MOST = 8 };

/* Bytes, multiples of 64, of packed b, and of the room for rounded numbers of a. */
size_t pwf_product_packed(const pwf_matmul *shape);
size_t pwf_product_room(const pwf_matmul *shape);

/* Packs factor * b. */
void pwf_product_pack(const pwf_matmul *shape, float *packed, float factor, const float *b);

/* y = a * b, or y += that if `add` is set, or y = bias + a * b if bias [columns] is not NULL. */
void pwf_product_run(const pwf_matmul *shape, float *y, bool add, const float *bias, const float *a,
                     const float *packed, float *room);

/* y = factor * a * b, or y += that, where b is used once: it is packed in parts of the inner axis.
 * The workspace has pwf_product_workspace bytes. */
size_t pwf_product_workspace(const pwf_matmul *shape);
void pwf_product_once(const pwf_matmul *shape, float *y, bool add, float factor, const float *a,
                      const float *b, float *workspace);

/* Whether ours is the faster choice here: it needs an instruction for fma. */
bool pwf_product_fast(void);

/* In bf16, from here to the end denormal numbers are zeros for this thread's arithmetic; `end` gets
 * what `begin` returned. */
unsigned pwf_flush_begin(pwf_precision precision);
void pwf_flush_end(unsigned before);

/* Whether a matrix product of this back end is ours. */
bool pwf_matmul_ours(pwf_tensor_backend backend);

/* A linear layer's products; `rows` counts pixels.
 *     y [rows, filters] = x [rows, channels] times the transposed weights [filters, channels]
 *     dx = dy times the weights
 *     dweight += the transposed dy times x */
pwf_matmul pwf_linear_forward(const pwf_conv_shape *shape, pwf_precision precision);
pwf_matmul pwf_linear_data(const pwf_conv_shape *shape, pwf_precision precision);
pwf_matmul pwf_linear_weights(const pwf_conv_shape *shape, pwf_precision precision);

/* A tile of y: at most rows_most rows of one panel. a, b and what is said of the inner axis are
 * words: a number, or a pair of bf16 numbers. */
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
    int depth; /* elements of a word */
    void (*tile)(const pwf_tile *tile, int rows);
    /* One panel of `columns` columns, padded with zeros to `width`; pairs are rounded, single
     * numbers are not. */
    void (*pack)(float *panel, int width, int columns, float factor, const float *b,
                 const pwf_matmul *shape);
    /* Rounded words of a: of n elements of a row; of n columns of a row, or of two where a word has
     * two elements and there is a second row. */
    void (*along)(float *out, const float *x, int64_t n);
    void (*down)(float *out, const float *x, const float *next, int64_t n);
} pwf_product_kernels;

const pwf_product_kernels *pwf_product_kernels_now(pwf_precision precision);

#endif
