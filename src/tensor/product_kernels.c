/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set: the tiles of our matrix product, and what packs for them. A
 * tile keeps its sums in registers, so the order of its loops is the order of each sum. */
#include "functions.h"
#include "tables.h"

#include <string.h>

#if defined(__AVX512F__)

#include <immintrin.h>

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

#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPREAD(x) _mm512_set1_ps(x)
#define MULTIPLY(a, b) _mm512_mul_ps(a, b)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)

#elif defined(__AVX2__)

#include <immintrin.h>

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

#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPREAD(x) _mm256_set1_ps(x)
#define MULTIPLY(a, b) _mm256_mul_ps(a, b)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)

#else

enum { LANES = 4, ROWS = 4 };
typedef struct vec {
    float at[LANES];
} vec;

static inline vec load_first(const float *p, int n)
{
    vec v = {{0}};
    memcpy(v.at, p, (size_t)n * sizeof *p);
    return v;
}

static inline void store_first(float *p, vec v, int n)
{
    memcpy(p, v.at, (size_t)n * sizeof *p);
}

static inline vec spread(float x)
{
    return (vec){{x, x, x, x}};
}

static inline vec multiply(vec a, vec b)
{
    for (int i = 0; i < LANES; i++)
        b.at[i] *= a.at[i];
    return b;
}

static inline vec multiply_add(vec a, vec b, vec c)
{
    for (int i = 0; i < LANES; i++)
        c.at[i] = pwf_fma(a.at[i], b.at[i], c.at[i]);
    return c;
}

#define LOAD(p) load_first(p, LANES)
#define STORE(p, v) store_first(p, v, LANES)
#define SPREAD(x) spread(x)
#define MULTIPLY(a, b) multiply(a, b)
#define FMA(a, b, c) multiply_add(a, b, c)

#endif

/* `vectors` and `rows` are constants wherever this is inlined, and the sums are registers. Rows of
 * a are reached from every third one, at distances that an address can hold. */
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
    const int64_t row = t->row, step = t->step;
    const float *a0 = t->a, *a3 = a0 + 3 * row, *a6 = a3 + 3 * row, *b = t->b;
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

enum { SQUARE = 8 };

/* A square of factor * b, transposed. */
static inline void turn(float *to, int width, float factor, const float *b, int64_t stride)
{
    __m256 x[SQUARE], p[SQUARE], q[SQUARE];
    const __m256 f = _mm256_set1_ps(factor);
    PWF_UNROLL
    for (int i = 0; i < SQUARE; i++)
        x[i] = _mm256_mul_ps(f, _mm256_loadu_ps(b + i * stride));
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

static inline void turn(float *to, int width, float factor, const float *b, int64_t stride)
{
    (void)width, (void)stride;
    *to = factor * *b;
}

#endif

static void pack_transposed(float *panel, int width, int columns, float factor, const float *b,
                            const pwf_matmul *m)
{
    const int64_t squares = m->inner / SQUARE * SQUARE;
    int j = 0;
    for (; j + SQUARE <= columns; j += SQUARE) {
        const float *from = b + j * m->stride_b;
        for (int64_t k = 0; k < squares; k += SQUARE)
            turn(panel + k * width + j, width, factor, from + k, m->stride_b);
        for (int64_t k = squares; k < m->inner; k++)
            for (int i = 0; i < SQUARE; i++)
                panel[k * width + j + i] = factor * from[i * m->stride_b + k];
    }
    for (; j < width; j++)
        for (int64_t k = 0; k < m->inner; k++)
            panel[k * width + j] = j < columns ? factor * b[j * m->stride_b + k] : 0.0f;
}

static inline __attribute__((always_inline)) void
pack_whole(float *panel, const int vectors, float factor, const float *b, const pwf_matmul *m)
{
    const vec f = SPREAD(factor);
    for (int64_t k = 0; k < m->inner; k++, panel += vectors * LANES, b += m->stride_b)
        PWF_UNROLL
    for (int v = 0; v < vectors; v++)
        STORE(panel + v * LANES, MULTIPLY(f, LOAD(b + v * LANES)));
}

static void pack(float *panel, int width, int columns, float factor, const float *b,
                 const pwf_matmul *m)
{
    if (m->transpose_b)
        pack_transposed(panel, width, columns, factor, b, m);
    else if (columns == PWF_PANEL_VECTORS * LANES)
        pack_whole(panel, PWF_PANEL_VECTORS, factor, b, m);
    else if (columns == 2 * LANES)
        pack_whole(panel, 2, factor, b, m);
    else
        for (int64_t k = 0; k < m->inner; k++, panel += width, b += m->stride_b)
            for (int j = 0; j < width; j++)
                panel[j] = j < columns ? factor * b[j] : 0.0f;
}

const pwf_product_kernels PWF_KERNEL(pwf_product_kernels) = {LANES, ROWS, tile, pack};
