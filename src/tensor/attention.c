/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax attention of one head (attention.h), a block of rows at a time, so that the scores of a
 * block stay in the first-level cache between the products. Operands of the built-in product are
 * packed once for all blocks; with a library or plain loops all rows form one block. Called by the
 * operator attention; all memory is the caller's. */
#include "pwf/tensor/attention.h"

#include "tables.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* With e = 2^(scale Q K' - top), top the maximum of a row of scale Q K', and s = 1 / the row sum of
 * e, y = s e V. Backward, with g = s dy, m = the row sums of g y, and h = e (g V' - m), the
 * gradient of the scores: dV = e' g, dK = h' Q / sqrt(depth), dQ = h K / sqrt(depth). */

enum { BLOCK = 24 }; /* rows; whole tiles for every instruction set */

/* Stride of the rows of scores: the tokens, rounded up to whole vectors. */
static int64_t stride_of(const pwf_attention *s)
{
    return (s->tokens + 15) / 16 * 16;
}

/* Rows of a block. */
static int64_t block_of(const pwf_attention *s)
{
    return pwf_matmul_ours(s->backend) && s->tokens > BLOCK ? BLOCK : s->tokens;
}

static float inverse_root(const pwf_attention *s)
{
    return (float)(1.0 / sqrt((double)s->depth));
}

/* log2(e) / sqrt(depth), which turns products of q and k into exponents of 2. */
static float scale_of(const pwf_attention *s)
{
    return (float)(0x1.71547652b82fep+0 / sqrt((double)s->depth));
}

/* Q K' for all rows; multiply() computes a block of them. */
static pwf_matmul scores(const pwf_attention *s)
{
    return (pwf_matmul){.rows = s->tokens,
                        .columns = s->tokens,
                        .inner = s->depth,
                        .transpose_b = true,
                        .stride_y = stride_of(s),
                        .stride_a = s->stride_qkv,
                        .stride_b = s->stride_qkv,
                        .precision = s->precision};
}

/* g V' */
static pwf_matmul slopes(const pwf_attention *s)
{
    pwf_matmul m = scores(s);
    m.stride_a = s->depth;
    return m;
}

/* e V and h K. */
static pwf_matmul mix(const pwf_attention *s, int64_t stride_y)
{
    return (pwf_matmul){.rows = s->tokens,
                        .columns = s->depth,
                        .inner = s->tokens,
                        .stride_y = stride_y,
                        .stride_a = stride_of(s),
                        .stride_b = s->stride_qkv,
                        .precision = s->precision};
}

/* e' g and h' Q. */
static pwf_matmul mix_transposed(const pwf_attention *s, int64_t stride_b)
{
    pwf_matmul m = mix(s, s->stride_qkv);
    m.transpose_a = true;
    m.stride_b = stride_b;
    return m;
}

/* A product whose second operand is factor * b, packed if the product is the built-in one. */
typedef struct product {
    pwf_matmul shape;
    float factor;
    const float *b;
    float *packed;
} product;

/* The back end and the workspace of a call. */
typedef struct work {
    pwf_tensor_backend backend;
    bool ours;
    char *next; /* first free byte of the workspace */
    void *room; /* scratch of one product at a time */
} work;

/* The next `bytes`, a multiple of 64, of the workspace. */
static float *take(work *w, size_t bytes)
{
    float *out = (float *)(void *)w->next;
    w->next += bytes;
    return out;
}

/* Packs the second operand for the built-in product. */
static product prepare(work *w, pwf_matmul shape, float factor, const float *b)
{
    product p = {shape, factor, b, NULL};
    if (!w->ours) return p;
    p.packed = take(w, pwf_product_packed(&shape));
    pwf_product_pack(&shape, p.packed, factor, b);
    return p;
}

/* y = or += `rows` rows of a product, with their first operand at a. */
static pwf_status multiply(const work *w, const product *p, int64_t rows, float *y, bool add,
                           const float *a)
{
    pwf_matmul part = p->shape;
    part.rows = rows;
    if (!w->ours) return pwf_matmul_run(w->backend, &part, y, add, p->factor, a, p->b, w->room);
    pwf_product_run(&part, y, add, NULL, a, p->packed, w->room);
    return pwf_ok();
}

pwf_status pwf_attention_check(const pwf_attention *shape)
{
    const pwf_matmul m = scores(shape);
    return pwf_matmul_check(shape->backend, &m);
}

/* Saved for backward: the inverse row sums s, then e. */
size_t pwf_attention_saved(const pwf_attention *shape)
{
    return pwf_float_lines(shape->tokens) + pwf_float_lines(shape->tokens * stride_of(shape));
}

/* Workspace of the products: packed operands, and the room of the one that needs most. */
static size_t products(const pwf_attention *s, bool backward)
{
    const pwf_matmul all[] = {scores(s), mix(s, s->stride_y), mix_transposed(s, s->stride_qkv)};
    const bool ours = pwf_matmul_ours(s->backend);
    size_t room = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const size_t bytes =
            ours ? pwf_product_room(&all[i]) : pwf_matmul_workspace(s->backend, &all[i]);
        if (bytes > room) room = bytes;
    }
    room = pwf_lines(room);
    if (!ours) return room;
    return room + pwf_product_packed(&all[0]) + (backward ? 3 : 1) * pwf_product_packed(&all[1]);
}

size_t pwf_attention_workspace(const pwf_attention *shape, bool backward)
{
    const size_t block =
        pwf_float_lines(block_of(shape) * stride_of(shape)) + pwf_float_lines(shape->tokens);
    const size_t square = pwf_float_lines(shape->tokens * stride_of(shape));
    return products(shape, backward) +
           (backward ? square + pwf_float_lines(shape->tokens * shape->depth) +
                           pwf_float_lines(shape->tokens)
                     : block);
}

pwf_status pwf_attention_forward(const pwf_attention *shape, float *y, void *saved, const float *q,
                                 const float *k, const float *v, void *workspace)
{
    const pwf_attention_kernels *kernels = pwf_attention_kernels_now();
    work w = {shape->backend, pwf_matmul_ours(shape->backend), workspace, NULL};
    const int64_t block = block_of(shape), stride = stride_of(shape);
    float *inverse = saved ? saved : take(&w, pwf_float_lines(shape->tokens));
    float *e = saved ? inverse + pwf_float_lines(shape->tokens) / sizeof *e
                     : take(&w, pwf_float_lines(block * stride));
    const product score = prepare(&w, scores(shape), 1.0f, k);
    const product result = prepare(&w, mix(shape, shape->stride_y), 1.0f, v);
    w.room = w.next;
    for (int64_t i = 0; i < shape->tokens; i += block) {
        const int64_t rows = shape->tokens - i < block ? shape->tokens - i : block;
        float *to = y + i * shape->stride_y, *part = saved ? e + i * stride : e;
        PWF_TRY(multiply(&w, &score, rows, part, false, q + i * shape->stride_qkv));
        kernels->exponents(part, inverse + i, scale_of(shape), rows, shape->tokens, stride);
        PWF_TRY(multiply(&w, &result, rows, to, false, part));
        kernels->weight(to, inverse + i, rows, shape->depth, shape->stride_y);
    }
    return pwf_ok();
}

pwf_status pwf_attention_backward(const pwf_attention *shape, float *dq, float *dk, float *dv,
                                  bool add, const pwf_attention_past *past, void *workspace)
{
    const pwf_attention_kernels *kernels = pwf_attention_kernels_now();
    work w = {shape->backend, pwf_matmul_ours(shape->backend), workspace, NULL};
    const int64_t block = block_of(shape), stride = stride_of(shape);
    const float *inverse = past->saved, *e = inverse + pwf_float_lines(shape->tokens) / sizeof *e;
    const float root = inverse_root(shape);
    float *h = take(&w, pwf_float_lines(shape->tokens * stride)),
          *mean = take(&w, pwf_float_lines(shape->tokens));
    float *g = take(&w, pwf_float_lines(shape->tokens * shape->depth));
    kernels->weigh(g, mean, past->dy, past->y, inverse, shape->tokens, shape->depth,
                   shape->stride_y);
    const product slope = prepare(&w, slopes(shape), 1.0f, past->v);
    const product query = prepare(&w, mix(shape, shape->stride_qkv), root, past->k);
    const product key = prepare(&w, mix_transposed(shape, shape->stride_qkv), root, past->q);
    const product value = prepare(&w, mix_transposed(shape, shape->depth), 1.0f, g);
    w.room = w.next;
    for (int64_t i = 0; i < shape->tokens; i += block) {
        const int64_t rows = shape->tokens - i < block ? shape->tokens - i : block;
        float *part = h + i * stride;
        PWF_TRY(multiply(&w, &slope, rows, part, false, g + i * shape->depth));
        kernels->gradients(part, e + i * stride, mean + i, rows, stride);
        PWF_TRY(multiply(&w, &query, rows, dq + i * shape->stride_qkv, add, part));
    }
    PWF_TRY(multiply(&w, &key, shape->tokens, dk, add, h));
    return multiply(&w, &value, shape->tokens, dv, add, e);
}
