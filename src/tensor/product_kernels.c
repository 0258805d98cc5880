/* SPDX-License-Identifier: BSD-3-Clause */
/* Tiles and packing of the built-in matrix product (product.h); compiled once per instruction set
 * and once more for AVX512_BF16, called through pwf_product_kernels. A tile keeps its sums in
 * registers, so the order of its loops is the order of each sum. */
#include "functions.h"
#include "tables.h"

#include <string.h>

/* Kernels work on words of 32 bits: fp32 numbers, or with AVX512_BF16 pairs of bf16 numbers that
 * are neighbours along the inner axis. Its instruction adds the product of the upper halves first,
 * so the first of a pair is the upper half. After an odd number of elements a is padded with -0 and
 * b with 0: adding -0 changes nothing. */

/* Vectors: load and store of all lanes or of the first n, broadcast, product, fma. ROWS of a tile
 * are chosen so that ROWS * PWF_PANEL_VECTORS sums, a panel row and an element of a fit the
 * registers. */
#if defined(__AVX512F__)

#include <immintrin.h>

/* 24 sums, 3 vectors of b and 1 of a: 28 of 32 registers. */
enum { LANES = 16, ROWS = 8 };
typedef __m512 vec;

static inline vec load_first(const float *p, int n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p);
}

static inline void store_first(float *p, vec v, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), v);
}

#define INTRINSIC(name) _mm512_##name##_ps
#if defined(__AVX512BF16__)
#define FMA(a, b, c) _mm512_dpbf16_ps(c, (__m512bh)(a), (__m512bh)(b))
#else
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#endif

#elif defined(__AVX2__)

#include <immintrin.h>

/* 12 sums, 3 vectors of b and 1 of a: all 16 registers. */
enum { LANES = 8, ROWS = 4 };
typedef __m256 vec;

static inline __m256i mask_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vec load_first(const float *p, int n)
{
    return _mm256_maskload_ps(p, mask_first(n));
}

static inline void store_first(float *p, vec v, int n)
{
    _mm256_maskstore_ps(p, mask_first(n), v);
}

#define INTRINSIC(name) _mm256_##name##_ps
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)

#else

#include <xmmintrin.h>

enum { LANES = 4, ROWS = 4 };
typedef __m128 vec;

static inline vec load_first(const float *p, int n)
{
    vec v = _mm_setzero_ps();
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

static inline void store_first(float *p, vec v, int n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}

static inline vec multiply_add(vec a, vec b, vec c)
{
    for (int i = 0; i < LANES; i++)
        c[i] = pwf_fma(a[i], b[i], c[i]);
    return c;
}

#define INTRINSIC(name) _mm_##name##_ps
#define FMA(a, b, c) multiply_add(a, b, c)

#endif

#define LOAD(p) INTRINSIC(loadu)(p)
#define STORE(p, v) INTRINSIC(storeu)(p, v)
#define SPREAD(x) INTRINSIC(set1)(x)
#define MULTIPLY(a, b) INTRINSIC(mul)(a, b)

#if defined(__AVX512BF16__)

enum { DEPTH = 2 }; /* elements of a word */

/* Sixteen words of sixteen first and sixteen second elements. */
static inline vec pairs(vec first, vec second)
{
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(first, second);
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, both));
}

/* The word of factor * p[0] and factor * p[stride], or of `pad` if only one element is there. */
static inline float word(float factor, const float *p, int64_t stride, int64_t there, float pad)
{
    const float second = there > 1 ? factor * p[stride] : pad;
    return pwf_float_of((uint32_t)pwf_bf16_of(factor * *p) << 16 | pwf_bf16_of(second));
}

/* Words of n columns of the rows p and next, or of `pad` if there is no next row. */
static inline vec words(vec factor, const float *p, const float *next, float pad, int n)
{
    const vec first = MULTIPLY(factor, load_first(p, n));
    return pairs(first, next ? MULTIPLY(factor, load_first(next, n)) : SPREAD(pad));
}

/* Eight words of a row, times factor. */
static inline __m256 row_words(float factor, const float *p)
{
    const __m256i in = (__m256i)_mm512_cvtneps_pbh(MULTIPLY(SPREAD(factor), LOAD(p)));
    return _mm256_castsi256_ps(_mm256_rol_epi32(in, 16));
}

/* The first n of x, at most LANES, then -0. */
static inline vec load_some(const float *x, int64_t n)
{
    const unsigned some = n >= LANES ? 0xffffu : n > 0 ? (1u << n) - 1u : 0u;
    return _mm512_mask_loadu_ps(SPREAD(-0.0f), (__mmask16)some, x);
}

/* Pairs of a row of a, the first of each in the upper half. */
static void along(float *out, const float *x, int64_t n)
{
    for (; n >= 2 * LANES; n -= 2 * LANES, out += LANES, x += 2 * LANES) {
        const __m512i in = (__m512i)_mm512_cvtne2ps_pbh(LOAD(x + LANES), LOAD(x));
        STORE(out, _mm512_castsi512_ps(_mm512_rol_epi32(in, 16)));
    }
    if (n == 0) return;
    const vec low = load_some(x, n), high = load_some(x + LANES, n - LANES);
    const __m512i in = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    store_first(out, _mm512_castsi512_ps(_mm512_rol_epi32(in, 16)), (int)(n + 1) / 2);
}

static void down(float *out, const float *x, const float *next, int64_t n)
{
    for (int64_t i = 0; i < n; i += LANES) {
        const int here = n - i < LANES ? (int)(n - i) : LANES;
        store_first(out + i, words(SPREAD(1.0f), x + i, next ? next + i : NULL, -0.0f, here), here);
    }
}

#else

enum { DEPTH = 1 }; /* words are fp32 numbers */

static inline float word(float factor, const float *p, int64_t stride, int64_t there, float pad)
{
    (void)stride, (void)there, (void)pad;
    return factor * *p;
}

static inline vec words(vec factor, const float *p, const float *next, float pad, int n)
{
    (void)next, (void)pad;
    return MULTIPLY(factor, n == LANES ? LOAD(p) : load_first(p, n));
}

#if defined(__AVX2__)

/* Eight words of a row. */
static inline __m256 row_words(float factor, const float *p)
{
    return _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_loadu_ps(p));
}

#endif

static void along(float *out, const float *x, int64_t n)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        out[i] = pwf_bf16_value(pwf_bf16_of(x[i]));
}

static void down(float *out, const float *x, const float *next, int64_t n)
{
    (void)next;
    along(out, x, n);
}

#endif

/* The tile: sum[r][v] += a[r][k] * b[k][v] for k in ascending order. `vectors` and `rows` are
 * constants wherever this is inlined, so that the sums are registers. Rows of a are addressed from
 * every third one, so that each address is a base plus a scaled index. */
static inline __attribute__((always_inline)) void run(const pwf_tile *t, const int vectors,
                                                      const int rows)
{
    vec sum[PWF_TILE_ROWS_MOST][PWF_PANEL_VECTORS];
    const int edge = vectors - 1;
    PWF_UNROLL
    for (int r = 0; r < rows; r++)
        PWF_UNROLL
    for (int v = 0; v < vectors; v++)
        sum[r][v] = SPREAD(0.0f);
    if (t->add) {
        PWF_UNROLL
        for (int r = 0; r < rows; r++)
            PWF_UNROLL
        for (int v = 0; v < vectors; v++) {
            const float *from = t->y + r * t->stride_y + v * LANES;
            sum[r][v] = v < edge ? LOAD(from) : load_first(from, t->last);
        }
    } else if (t->bias) {
        PWF_UNROLL
        for (int v = 0; v < vectors; v++) {
            const float *from = t->bias + v * LANES;
            const vec start = v < edge ? LOAD(from) : load_first(from, t->last);
            PWF_UNROLL
            for (int r = 0; r < rows; r++)
                sum[r][v] = start;
        }
    }
    /* Fetch the results of the next tile early: weight gradients come from memory. */
    PWF_UNROLL
    for (int r = 0; r < rows; r++)
        PWF_UNROLL
    for (int v = 0; v < vectors; v++)
        __builtin_prefetch(t->y + (rows + r) * t->stride_y + v * LANES, 1);
    const int64_t row = t->row, step = t->step;
    const float *a0 = t->a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *b = t->b;
    /* The chain of each sum: one fma per word of the inner axis. */
    for (int64_t k = 0; k < t->inner; k++) {
        vec part[PWF_PANEL_VECTORS];
        PWF_UNROLL
        for (int v = 0; v < vectors; v++)
            part[v] = LOAD(b + v * LANES);
        PWF_UNROLL
        for (int r = 0; r < rows; r++) {
            const vec x = SPREAD((r < 3 ? a0 : r < 6 ? a3 : a6)[r % 3 * row]);
            PWF_UNROLL
            for (int v = 0; v < vectors; v++)
                sum[r][v] = FMA(x, part[v], sum[r][v]);
        }
        a0 += step;
        a3 += step;
        a6 += step;
        b += vectors * LANES;
    }
    PWF_UNROLL
    for (int r = 0; r < rows; r++)
        PWF_UNROLL
    for (int v = 0; v < vectors; v++) {
        float *to = t->y + r * t->stride_y + v * LANES;
        if (v < edge)
            STORE(to, sum[r][v]);
        else
            store_first(to, sum[r][v], t->last);
    }
}

/* One function for each size of a tile, and the table of them. */
#define TILE(vectors, rows)                                                                        \
    static void tile_##vectors##_##rows(const pwf_tile *t)                                         \
    {                                                                                              \
        run(t, vectors, rows);                                                                     \
    }
#define TILES(rows) TILE(1, rows) TILE(2, rows) TILE(3, rows)
#define NAMES(vectors)                                                                             \
    {                                                                                              \
        tile_##vectors##_1, tile_##vectors##_2, tile_##vectors##_3,                                \
            tile_##vectors##_4 MORE_NAMES(vectors)                                                 \
    }
TILES(1)
TILES(2)
TILES(3)
TILES(4)
#if defined(__AVX512F__)
TILES(5)
TILES(6)
TILES(7)
TILES(8)
#define MORE_NAMES(vectors)                                                                        \
    , tile_##vectors##_5, tile_##vectors##_6, tile_##vectors##_7, tile_##vectors##_8
#else
#define MORE_NAMES(vectors)
#endif

static void tile(const pwf_tile *t, int rows)
{
    static void (*const all[PWF_PANEL_VECTORS][ROWS])(const pwf_tile *) = {NAMES(1), NAMES(2),
                                                                           NAMES(3)};
    all[t->vectors - 1][rows - 1](t);
}

#if defined(__AVX2__)

enum { SQUARE = 8 }; /* words */

/* to = the transpose of SQUARE x SQUARE words of factor * b: columns of a panel from rows of b. */
static inline void transpose(float *to, int width, float factor, const float *b, int64_t stride)
{
    __m256 x[SQUARE], p[SQUARE], q[SQUARE];
    PWF_UNROLL
    for (int i = 0; i < SQUARE; i++)
        x[i] = row_words(factor, b + i * stride);
    PWF_UNROLL
    for (int i = 0; i < SQUARE; i += 2) {
        p[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        p[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    PWF_UNROLL
    for (int i = 0; i < SQUARE; i += 4) {
        q[i] = _mm256_shuffle_ps(p[i], p[i + 2], 0x44);
        q[i + 1] = _mm256_shuffle_ps(p[i], p[i + 2], 0xee);
        q[i + 2] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0x44);
        q[i + 3] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0xee);
    }
    PWF_UNROLL
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * width, _mm256_permute2f128_ps(q[i], q[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * width, _mm256_permute2f128_ps(q[i], q[i + 4], 0x31));
    }
}

#else

enum { SQUARE = 1 };

static inline void transpose(float *to, int width, float factor, const float *b, int64_t stride)
{
    (void)width, (void)stride;
    *to = factor * *b;
}

#endif

/* A panel from a b whose columns are contiguous: squares first, then what is left, word by word. */
static void pack_transposed(float *panel, int width, int columns, float factor, const float *b,
                            const pwf_matmul *m)
{
    const int64_t count = (m->inner + DEPTH - 1) / DEPTH;
    const int64_t squares = m->inner / (SQUARE * DEPTH) * SQUARE;
    int j = 0;
    for (; j + SQUARE <= columns; j += SQUARE) {
        const float *from = b + j * m->stride_b;
        for (int64_t k = 0; k < squares; k += SQUARE)
            transpose(panel + k * width + j, width, factor, from + k * DEPTH, m->stride_b);
    }
    for (int i = 0; i < width; i++)
        for (int64_t k = i < j ? squares : 0; k < count; k++) {
            const float *from = b + i * m->stride_b + k * DEPTH;
            const int64_t there = m->inner - k * DEPTH;
            panel[k * width + i] = i < columns ? word(factor, from, 1, there, 0.0f) : 0.0f;
        }
}

/* A panel from a b whose rows are contiguous. `vectors` and `last`, the columns in the last vector,
 * are constants in the common cases. */
static inline __attribute__((always_inline)) void pack_straight(float *panel, const int vectors,
                                                                const int last, float factor,
                                                                const float *b, const pwf_matmul *m)
{
    const vec f = SPREAD(factor);
    for (int64_t k = 0; k < m->inner; k += DEPTH, panel += vectors * LANES) {
        const float *row = b + k * m->stride_b;
        const float *next = k + 1 < m->inner ? row + m->stride_b : NULL;
        for (int v = 0; v < vectors; v++)
            STORE(panel + v * LANES, words(f, row + v * LANES, next ? next + v * LANES : NULL, 0.0f,
                                           v < vectors - 1 ? LANES : last));
    }
}

static void pack(float *panel, int width, int columns, float factor, const float *b,
                 const pwf_matmul *m)
{
    const int vectors = width / LANES, last = columns - (vectors - 1) * LANES;
    if (m->transpose_b)
        pack_transposed(panel, width, columns, factor, b, m);
    else if (vectors == PWF_PANEL_VECTORS && last == LANES)
        pack_straight(panel, PWF_PANEL_VECTORS, LANES, factor, b, m);
    else if (vectors == 2 && last == LANES)
        pack_straight(panel, 2, LANES, factor, b, m);
    else
        pack_straight(panel, vectors, last, factor, b, m);
}

const pwf_product_kernels PWF_KERNEL(pwf_product_kernels) = {LANES, ROWS,  DEPTH, tile,
                                                             pack,  along, down};
