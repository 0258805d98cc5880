/* SPDX-License-Identifier: BSD-3-Clause */
/* Peak rates of fused multiply-adds in registers, for each instruction set of this machine. */
#define _GNU_SOURCE /* syscall */
#include "registers.h"

#include "pwf/core/isa.h"

#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More chains than latency times pipes, fewer than registers. */
enum { ROUNDS = 4096, CHAINS = 12, WIDE = 24 };

/* Where results go, so that they are computed. */
static _Thread_local volatile float sink;

__attribute__((target("avx512f"))) static double fp32_avx512(void)
{
    __m512 sum[WIDE];
    const __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(1.0f + sink);
    for (int i = 0; i < WIDE; i++)
        sum[i] = _mm512_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 24
        for (int i = 0; i < WIDE; i++)
            sum[i] = _mm512_fmadd_ps(sum[i], a, b);
    for (int i = 1; i < WIDE; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    sink = 1e-30f * _mm512_reduce_add_ps(sum[0]);
    return 2.0 * 16.0 * ROUNDS * WIDE;
}

__attribute__((target("avx2,fma"))) static double fp32_avx2(void)
{
    __m256 sum[CHAINS];
    const __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(1.0f + sink);
    for (int i = 0; i < CHAINS; i++)
        sum[i] = _mm256_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sum[i] = _mm256_fmadd_ps(sum[i], a, b);
    for (int i = 1; i < CHAINS; i++)
        sum[0] = _mm256_add_ps(sum[0], sum[i]);
    sink = 1e-30f * _mm256_cvtss_f32(sum[0]);
    return 2.0 * 8.0 * ROUNDS * CHAINS;
}

static double fp32_base(void)
{
    __m128 sum[CHAINS];
    const __m128 a = _mm_set1_ps(0.5f), b = _mm_set1_ps(1.0f + sink);
    for (int i = 0; i < CHAINS; i++)
        sum[i] = _mm_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sum[i] = _mm_add_ps(_mm_mul_ps(sum[i], a), b);
    for (int i = 1; i < CHAINS; i++)
        sum[0] = _mm_add_ps(sum[0], sum[i]);
    sink = 1e-30f * _mm_cvtss_f32(sum[0]);
    return 2.0 * 4.0 * ROUNDS * CHAINS;
}

registers_kind registers_fp32(void)
{
    switch (pwf_isa_best()) {
    case PWF_ISA_AVX512:
        return (registers_kind){"fp32 multiply-adds from registers, AVX-512", fp32_avx512, 1};
    case PWF_ISA_AVX2:
        return (registers_kind){"fp32 multiply-adds from registers, AVX2", fp32_avx2, 1};
    default:
        return (registers_kind){"fp32 multiplications and additions from registers, SSE", fp32_base,
                                1};
    }
}

/* 32 products of bf16 an instruction, added in pairs to 16 sums. */
__attribute__((target("avx512f,avx512bf16"))) static double bf16_vectors(void)
{
    __m512 sum[WIDE];
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f803f80);
    for (int i = 0; i < WIDE; i++)
        sum[i] = _mm512_set1_ps((float)i + sink);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 24
        for (int i = 0; i < WIDE; i++)
            sum[i] = _mm512_dpbf16_ps(sum[i], a, a);
    for (int i = 1; i < WIDE; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    sink = 1e-30f * _mm512_reduce_add_ps(sum[0]);
    return 2.0 * 32.0 * ROUNDS * WIDE;
}

static int has_bf16_vectors(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (pwf_isa_best() < PWF_ISA_AVX512 || !__get_cpuid_count(7, 1, &a, &b, &c, &d)) return 0;
    return (int)(a >> 5 & 1);
}

registers_kind registers_bf16_vectors(void)
{
    return (registers_kind){"bf16 products from registers, AVX512_BF16", bf16_vectors,
                            has_bf16_vectors()};
}

/* Palette 1: eight tiles of 16 rows of 64 bytes. */
typedef struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t columns[16];
    uint8_t rows[16];
} tile_shapes;

/* A product of two tiles is 16 x 16 x 32 multiply-adds. */
__attribute__((target("amx-tile,amx-bf16"))) static double bf16_tiles(void)
{
    static const uint8_t zero[16][64];
    tile_shapes shapes = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shapes.columns[i] = 64;
        shapes.rows[i] = 16;
    }
    _tile_loadconfig(&shapes);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, zero, 64);
    _tile_loadd(5, zero, 64);
    _tile_loadd(6, zero, 64);
    _tile_loadd(7, zero, 64);
    for (int r = 0; r < ROUNDS; r++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 2.0 * 16.0 * 16.0 * 32.0 * 4.0 * ROUNDS;
}

/* The kernel enables the tile registers of AMX only on request. */
static int has_tiles(void)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM */
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (!(d >> 22 & 1) || !(d >> 24 & 1)) return 0;
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

registers_kind registers_bf16_tiles(void)
{
    return (registers_kind){"bf16 products from registers, AMX", bf16_tiles, has_tiles()};
}

__attribute__((target("avx512f"))) static void copy_avx512(char *to, const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 256) {
        const __m512i a = _mm512_load_si512(from + i), b = _mm512_load_si512(from + i + 64);
        const __m512i c = _mm512_load_si512(from + i + 128), d = _mm512_load_si512(from + i + 192);
        _mm512_store_si512(to + i, a);
        _mm512_store_si512(to + i + 64, b);
        _mm512_store_si512(to + i + 128, c);
        _mm512_store_si512(to + i + 192, d);
    }
}

__attribute__((target("avx2"))) static void copy_avx2(char *to, const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 128) {
        const __m256i *const in = (const __m256i *)(const void *)(from + i);
        __m256i *const out = (__m256i *)(void *)(to + i);
        const __m256i a = _mm256_load_si256(in), b = _mm256_load_si256(in + 1);
        const __m256i c = _mm256_load_si256(in + 2), d = _mm256_load_si256(in + 3);
        _mm256_store_si256(out, a);
        _mm256_store_si256(out + 1, b);
        _mm256_store_si256(out + 2, c);
        _mm256_store_si256(out + 3, d);
    }
}

static void copy_base(char *to, const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) {
        const __m128i *const in = (const __m128i *)(const void *)(from + i);
        __m128i *const out = (__m128i *)(void *)(to + i);
        const __m128i a = _mm_load_si128(in), b = _mm_load_si128(in + 1);
        const __m128i c = _mm_load_si128(in + 2), d = _mm_load_si128(in + 3);
        _mm_store_si128(out, a);
        _mm_store_si128(out + 1, b);
        _mm_store_si128(out + 2, c);
        _mm_store_si128(out + 3, d);
    }
}

void registers_copy(void *to, const void *from, size_t bytes)
{
    switch (pwf_isa_best()) {
    case PWF_ISA_AVX512:
        copy_avx512(to, from, bytes);
        break;
    case PWF_ISA_AVX2:
        copy_avx2(to, from, bytes);
        break;
    default:
        copy_base(to, from, bytes);
    }
}
