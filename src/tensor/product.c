/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocking of the built-in matrix product (product.h). Loops from the outside in: blocks of rows,
 * parts of the inner axis, panels of columns, tiles. Sizes suit caches of 32 to 48 KiB and 1 MiB
 * and change no bit. Called by conv_product.c, matmul.c and attention.c; all memory is the
 * caller's. */
#include "product.h"

#include <xmmintrin.h>

enum {
    INNER_MOST = 208,        /* words; a panel of 48 columns then has 39 KiB */
    ONCE_MOST = 832,         /* words packed at a time if b is used once */
    ROWS_MOST = 240,         /* rows of a block: 195 KiB of a */
    RESULTS_MOST = 64 << 10, /* elements of y in a block of rows: 256 KiB */
    ROWS_UNIT = 24           /* whole tiles for every instruction set */
};

static int64_t ceiling(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit;
}

/* The size, at most `most`, of the parts when n is split into as few and equal parts as possible.
 */
static int64_t part_of(int64_t n, int64_t most)
{
    return ceiling(n, ceiling(n, most));
}

/* Rows of a block: few enough for the caches, in whole tiles. */
static int64_t row_block(const pwf_matmul *m)
{
    int64_t most = RESULTS_MOST / m->columns;
    if (most > ROWS_MOST) most = ROWS_MOST;
    return most <= ROWS_UNIT ? ROWS_UNIT : ceiling(part_of(m->rows, most), ROWS_UNIT) * ROWS_UNIT;
}

/* Words along the inner axis. */
static int64_t words(const pwf_matmul *m)
{
    return ceiling(m->inner, pwf_product_kernels_now(m->precision)->depth);
}

/* Columns are padded to the widest vectors, so that the size is the same everywhere. */
size_t pwf_product_packed(const pwf_matmul *shape)
{
    return pwf_float_lines(ceiling(shape->columns, 16) * 16 * words(shape));
}

size_t pwf_product_room(const pwf_matmul *shape)
{
    if (shape->precision != PWF_BF16) return 0;
    const int64_t rows = shape->rows < row_block(shape) ? shape->rows : row_block(shape);
    return pwf_float_lines(rows * part_of(words(shape), INNER_MOST));
}

bool pwf_product_fast(void)
{
    return pwf_isa_now() != PWF_ISA_BASE;
}

/* Vectors of the next panel when `left` are left. A single vector, whose fma latencies cannot be
 * hidden, occurs only if it is all there is. */
static int panel_vectors(int64_t left)
{
    return left <= PWF_PANEL_VECTORS ? (int)left : left == 4 ? 2 : PWF_PANEL_VECTORS;
}

/* Bits of MXCSR: denormal results (flush to zero) and operands (denormals are zeros) become zeros.
 */
enum { FLUSH = 0x8040 };

unsigned pwf_flush_begin(pwf_precision precision)
{
    const unsigned before = _mm_getcsr();
    if (precision == PWF_BF16) _mm_setcsr(before | FLUSH);
    return before;
}

void pwf_flush_end(unsigned before)
{
    _mm_setcsr(before);
}

void pwf_product_pack(const pwf_matmul *shape, float *packed, float factor, const float *b)
{
    const pwf_product_kernels *k = pwf_product_kernels_now(shape->precision);
    const int64_t count = words(shape);
    const int64_t next = shape->transpose_b ? shape->stride_b : 1;
    int64_t left = ceiling(shape->columns, k->lanes);
    for (int64_t j = 0; j < shape->columns;) {
        const int vectors = panel_vectors(left), width = vectors * k->lanes;
        const int columns = shape->columns - j < width ? (int)(shape->columns - j) : width;
        float *panel = packed + j * count;
        k->pack(panel, width, columns, factor, b + j * next, shape);
        if (shape->precision == PWF_BF16 && k->depth == 1) k->along(panel, panel, width * count);
        left -= vectors;
        j += width;
    }
}

/* A block of rows and a part of the inner axis, which begins at word `from`. */
typedef struct block {
    float *y;
    bool add;
    const float *bias, *a;
    int64_t rows, from, words;
    int64_t row, step; /* strides of a, as in pwf_tile */
} block;

/* Rounds the block of a, `inner` elements along the inner axis, to words in `room`, which b->a then
 * points to. */
static void round_block(const pwf_matmul *m, block *b, int64_t inner, float *room)
{
    const pwf_product_kernels *k = pwf_product_kernels_now(m->precision);
    for (int64_t i = 0; m->transpose_a && i < b->words; i++) {
        const float *first = b->a + i * k->depth * m->stride_a;
        k->down(room + i * b->rows, first, i * k->depth + 1 < inner ? first + m->stride_a : NULL,
                b->rows);
    }
    for (int64_t i = 0; !m->transpose_a && i < b->rows; i++)
        k->along(room + i * b->words, b->a + i * m->stride_a, inner);
    b->a = room;
    b->row = m->transpose_a ? 1 : b->words;
    b->step = m->transpose_a ? b->rows : 1;
}

/* All panels of a block; all tiles of a panel before the next, so that the panel stays in the
 * cache. */
static void run_block(const pwf_matmul *m, const block *b, const float *packed)
{
    const pwf_product_kernels *k = pwf_product_kernels_now(m->precision);
    const unsigned before = pwf_flush_begin(m->precision);
    int64_t left = ceiling(m->columns, k->lanes);
    for (int64_t j = 0; j < m->columns;) {
        const int vectors = panel_vectors(left), width = vectors * k->lanes;
        const int64_t columns = m->columns - j < width ? m->columns - j : width;
        pwf_tile tile = {.y = b->y + j,
                         .stride_y = m->stride_y,
                         .add = b->add,
                         .bias = b->bias ? b->bias + j : NULL,
                         .a = b->a,
                         .row = b->row,
                         .step = b->step,
                         .b = packed + j * words(m) + b->from * width,
                         .inner = b->words,
                         .vectors = vectors,
                         .last = (int)columns - (vectors - 1) * k->lanes};
        /* The last tile has the remaining rows. */
        for (int64_t i = 0; i < b->rows; i += k->rows_most) {
            k->tile(&tile, b->rows - i < k->rows_most ? (int)(b->rows - i) : k->rows_most);
            tile.y += k->rows_most * m->stride_y;
            tile.a += k->rows_most * b->row;
        }
        left -= vectors;
        j += width;
    }
    pwf_flush_end(before);
}

void pwf_product_run(const pwf_matmul *shape, float *y, bool add, const float *bias, const float *a,
                     const float *packed, float *room)
{
    const int64_t row = shape->transpose_a ? 1 : shape->stride_a,
                  step = shape->transpose_a ? shape->stride_a : 1;
    const int64_t depth = pwf_product_kernels_now(shape->precision)->depth;
    const int64_t rows = row_block(shape), all = words(shape), part = part_of(all, INNER_MOST);
    for (int64_t i = 0; i < shape->rows; i += rows)
        for (int64_t from = 0; from < all; from += part) {
            block b = {.y = y + i * shape->stride_y,
                       .add = add || from > 0,
                       .bias = bias,
                       .a = a + i * row + from * depth * step,
                       .row = row,
                       .step = step,
                       .rows = shape->rows - i < rows ? shape->rows - i : rows,
                       .from = from,
                       .words = all - from < part ? all - from : part};
            const int64_t left = shape->inner - from * depth, most = b.words * depth;
            if (shape->precision == PWF_BF16)
                round_block(shape, &b, left < most ? left : most, room);
            run_block(shape, &b, packed);
        }
}

/* The first part of the inner axis for a b that is used once; the others are no larger. */
static pwf_matmul first_part(const pwf_matmul *m)
{
    pwf_matmul part = *m;
    part.inner = part_of(words(m), ONCE_MOST) * pwf_product_kernels_now(m->precision)->depth;
    /* If words are pairs, the last one may lack its second element. */
    if (part.inner > m->inner) part.inner = m->inner;
    return part;
}

size_t pwf_product_workspace(const pwf_matmul *shape)
{
    const pwf_matmul part = first_part(shape);
    return pwf_product_packed(&part) + pwf_product_room(&part);
}

void pwf_product_once(const pwf_matmul *shape, float *y, bool add, float factor, const float *a,
                      const float *b, float *workspace)
{
    const int64_t step_a = shape->transpose_a ? shape->stride_a : 1;
    const int64_t step_b = shape->transpose_b ? 1 : shape->stride_b;
    pwf_matmul part = first_part(shape);
    float *room = workspace + pwf_product_packed(&part) / sizeof *workspace;
    for (int64_t from = 0; from < shape->inner; from += part.inner) {
        if (shape->inner - from < part.inner) part.inner = shape->inner - from;
        pwf_product_pack(&part, workspace, factor, b + from * step_b);
        pwf_product_run(&part, y, add || from > 0, NULL, a + from * step_a, workspace, room);
    }
}
