/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_PRODUCT_H
#define PWF_SRC_TENSOR_PRODUCT_H

#include "pwf/core/isa.h"
#include "pwf/tensor/conv.h"
#include "pwf/tensor/matmul.h"

#include <stddef.h>

/* The program's own matrix product. An element of y is one chain of fused multiply-adds over the
 * inner axis, in ascending order: s = its start; for k: s = fma(r(a[i][k]), r(factor * b[k][j]),
 * s); y[i][j] = s. The start is y itself, the bias of the column, or 0. In fp32 r is the identity.
 * In bf16 it rounds as pwf_bf16_of does, and the fma reads and writes denormals as zeros with their
 * sign. Instructions for bf16 do the same, and so does fp32 arithmetic on rounded numbers between
 * pwf_flush_begin and pwf_flush_end. So the bits depend on neither the instruction set nor the
 * blocking, and a sum continued by a later call equals that of a single call. The kernel
 * matmul_plain computes the same in simple loops.
 *
 * b is packed first, into panels of up to PWF_PANEL_VECTORS vectors of columns, each contiguous
 * along the inner axis. A packed b may be used many times under the same instruction set. In fp32 a
 * is read in place; in bf16 it is rounded block by block into scratch of pwf_product_room bytes. */

/* Bytes of `floats` numbers, rounded up to cache lines. */
static inline size_t pwf_float_lines(int64_t floats)
{
    return pwf_lines((size_t)floats * sizeof(float));
}

enum { PWF_PANEL_VECTORS = 3, PWF_TILE_ROWS_MOST = 8 };

/* Bytes, multiples of 64, of packed b, and of the room for rounded elements of a, which may be 0.
 */
size_t pwf_product_packed(const pwf_matmul *shape);
size_t pwf_product_room(const pwf_matmul *shape);

/* packed = factor * b in panels; in bf16 rounded. */
void pwf_product_pack(const pwf_matmul *shape, float *packed, float factor, const float *b);

/* y = a * b, or y += that if `add` is set, or y = bias + a * b if bias [columns] is not NULL. */
void pwf_product_run(const pwf_matmul *shape, float *y, bool add, const float *bias, const float *a,
                     const float *packed, float *room);

/* y = factor * a * b, or y += that, for a b that is used once: it is packed in parts of the inner
 * axis. The workspace has pwf_product_workspace bytes. */
size_t pwf_product_workspace(const pwf_matmul *shape);
void pwf_product_once(const pwf_matmul *shape, float *y, bool add, float factor, const float *a,
                      const float *b, float *workspace);

/* Whether the built-in product is the faster choice: it needs an fma instruction. */
bool pwf_product_fast(void);

/* If the precision is bf16, this thread treats denormals as zeros between the two calls. `before`
 * is the result of pwf_flush_begin. */
unsigned pwf_flush_begin(pwf_precision precision);
void pwf_flush_end(unsigned before);

/* Whether this back end uses the built-in matrix product. */
bool pwf_matmul_ours(pwf_tensor_backend backend);

/* A product of matrices without gaps between their rows. */
pwf_matmul pwf_matmul_dense(int64_t rows, int64_t columns, int64_t inner, bool transpose_a,
                            bool transpose_b, pwf_precision precision);

/* The products of a linear layer; rows are pixels.
 *     y [rows, filters] = x [rows, channels] times the transposed weights [filters, channels]
 *     dx = dy times the weights
 *     dweight += the transposed dy times x */
pwf_matmul pwf_linear_forward(const pwf_conv_shape *shape, pwf_precision precision);
pwf_matmul pwf_linear_data(const pwf_conv_shape *shape, pwf_precision precision);
pwf_matmul pwf_linear_weights(const pwf_conv_shape *shape, pwf_precision precision);

/* A tile of y: at most rows_most rows and the columns of one panel. a, b and the inner axis are in
 * words of 32 bits: one fp32 number, or a pair of bf16 numbers. */
typedef struct pwf_tile {
    float *y;
    int64_t stride_y;
    bool add;
    const float *bias; /* NULL: from 0, unless add is set */
    const float *a;    /* word k of row i is a[i * row + k * step] */
    int64_t row, step;
    const float *b;
    int64_t inner;
    int vectors; /* of the panel */
    int last;    /* columns in its last vector */
} pwf_tile;

/* What product_kernels.c provides for an instruction set. */
typedef struct pwf_product_kernels {
    int lanes;     /* of a vector */
    int rows_most; /* of a tile */
    int depth;     /* elements of a word */
    /* y += a b for a tile of `rows` rows. */
    void (*tile)(const pwf_tile *tile, int rows);
    /* Packs a panel of `columns` columns, padded with zeros to `width`. Pairs are rounded; single
     * numbers are not. */
    void (*pack)(float *panel, int width, int columns, float factor, const float *b,
                 const pwf_matmul *shape);
    /* Rounded words of a: `along` of n elements of a row; `down` of n columns of row x and, where a
     * word is a pair, of the row `next`, or NULL after the last one. */
    void (*along)(float *out, const float *x, int64_t n);
    void (*down)(float *out, const float *x, const float *next, int64_t n);
} pwf_product_kernels;

const pwf_product_kernels *pwf_product_kernels_now(pwf_precision precision);

#endif
