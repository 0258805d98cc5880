/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own matrix product gives the bits of its definition: on every instruction set, in fp32 and in
 * bf16, for any sizes, strides and starts, in one call or several. */
#include "functions.h"
#include "product.h"

#include "pwf/core/isa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROOM = 96 * 1024, GUARD = 16 };

static float a[ROOM], b[ROOM], bias[ROOM], before[ROOM], right[ROOM], y[ROOM];
static float near_a[ROOM], near_b[ROOM]; /* operands as the definition has them */
static _Alignas(64) float packed[ROOM], room[ROOM], plain[2 * ROOM];

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8 ^ *seed;
}

static void fill(float *out, uint32_t seed)
{
    for (int i = 0; i < ROOM; i++)
        out[i] = (float)(int32_t)draw(&seed) * 0x1p-31f;
}

/* The same bits, or both NaN, whose bits may differ. */
static bool same(float x, float other)
{
    return pwf_float_bits(x) == pwf_float_bits(other) || (isnan(x) && isnan(other));
}

/* Also the elements between the rows of y. */
static void assert_all_same(void)
{
    int others = 0;
    for (int i = 0; i < ROOM; i++)
        others += !same(y[i], right[i]);
    assert_int_equal(others, 0);
}

/* How the elements start. */
enum { FROM_ZERO, FROM_Y, FROM_BIAS, STARTS };

static float flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x;
}

/* To 8 significant bits, ties to even. */
static float near(float x)
{
    if (isnan(x) || isinf(x) || flush(x) == 0.0f) return flush(x);
    int exponent;
    const double part = frexp((double)x, &exponent);
    return (float)ldexp(nearbyint(ldexp(part, 8)), exponent - 8);
}

static float step(float x, float w, float sum, bool bf16)
{
    return bf16 ? flush(fmaf(x, w, flush(sum))) : fmaf(x, w, sum);
}

static void define(const pwf_matmul *m, int start, float factor)
{
    const bool bf16 = m->precision == PWF_BF16;
    for (int i = 0; i < ROOM; i++) {
        near_a[i] = bf16 ? near(a[i]) : a[i];
        near_b[i] = bf16 ? near(factor * b[i]) : factor * b[i];
    }
    memcpy(right, before, sizeof right);
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->columns; j++) {
            float *const to = &right[i * m->stride_y + j];
            float sum = start == FROM_Y ? *to : start == FROM_BIAS ? bias[j] : 0.0f;
            for (int64_t k = 0; k < m->inner; k++)
                sum = step(near_a[m->transpose_a ? k * m->stride_a + i : i * m->stride_a + k],
                           near_b[m->transpose_b ? j * m->stride_b + k : k * m->stride_b + j], sum,
                           bf16);
            *to = sum;
        }
}

static void guard(float *out, size_t bytes)
{
    const size_t words = bytes / sizeof *out;
    assert_true(bytes % 64 == 0 && words + GUARD <= ROOM);
    for (size_t i = 0; i < words + GUARD; i++)
        out[i] = i < words ? NAN : 77.0f;
}

static void assert_guarded(const float *out, size_t bytes)
{
    for (size_t i = 0; i < GUARD; i++)
        assert_true(out[bytes / sizeof *out + i] == 77.0f);
}

/* By the instructions in use, which the sizes depend on. */
static void check_now(const pwf_matmul *m, int start, float factor)
{
    const size_t bytes = pwf_product_packed(m), rounded = pwf_product_room(m);
    const size_t workspace = pwf_product_workspace(m);
    guard(packed, bytes);
    guard(room, rounded);
    memcpy(y, before, sizeof y);
    pwf_product_pack(m, packed, factor, b);
    pwf_product_run(m, y, start == FROM_Y, start == FROM_BIAS ? bias : NULL, a, packed, room);
    assert_guarded(packed, bytes);
    assert_guarded(room, rounded);
    assert_all_same();
    if (start == FROM_BIAS) return;
    guard(packed, workspace);
    memcpy(y, before, sizeof y);
    pwf_product_once(m, y, start == FROM_Y, factor, a, b, packed);
    assert_guarded(packed, workspace);
    assert_all_same();
    assert_true(pwf_matmul_workspace(PWF_TENSOR_PLAIN, m) <= sizeof plain);
    memcpy(y, before, sizeof y);
    assert_int_equal(
        pwf_matmul_run(PWF_TENSOR_PLAIN, m, y, start == FROM_Y, factor, a, b, plain).code, PWF_OK);
    assert_all_same();
}

enum { MODES = 0xffc0 }; /* control bits of MXCSR; the others are status flags */

static void check(pwf_matmul m, int start, float factor)
{
    for (int precision = 0; precision < PWF_PRECISIONS; precision++) {
        m.precision = (pwf_precision)precision;
        define(&m, start, factor);
        const unsigned modes = pwf_flush_begin(PWF_FP32);
        for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++) {
            pwf_isa_use((pwf_isa)isa);
            check_now(&m, start, factor);
            if (!pwf_isa_bf16() || precision != PWF_BF16) continue;
            pwf_isa_use_bf16(false);
            check_now(&m, start, factor);
            pwf_isa_use_bf16(true);
        }
        assert_int_equal(pwf_flush_begin(PWF_FP32) & MODES, modes & MODES);
    }
    pwf_isa_use(pwf_isa_best());
}

static pwf_matmul shape_of(const int64_t size[3], int kind)
{
    const bool turn_a = kind & 1, turn_b = kind & 2;
    return (pwf_matmul){.rows = size[0],
                        .columns = size[1],
                        .inner = size[2],
                        .transpose_a = turn_a,
                        .transpose_b = turn_b,
                        .stride_y = size[1] + 3,
                        .stride_a = (turn_a ? size[0] : size[2]) + 5,
                        .stride_b = (turn_b ? size[2] : size[1]) + 2};
}

static void check_sizes(void)
{
    /* Whole and partial tiles of every instruction set, one and more blocks of each axis. */
    static const int64_t sizes[][3] = {{1, 1, 1},     {3, 16, 5},   {8, 48, 7},   {7, 47, 9},
                                       {9, 49, 64},   {4, 64, 3},   {5, 33, 17},  {12, 17, 31},
                                       {17, 100, 33}, {6, 197, 40}, {250, 20, 4}, {13, 65, 209},
                                       {6, 70, 900},  {2, 8, 1700}, {26, 2731, 2}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < 4; kind++)
            for (int start = 0; start < STARTS; start++) {
                check(shape_of(sizes[s], kind), start, 0.7f);
            }
}

static void test_bits(void **state)
{
    (void)state;
    fill(a, 1);
    fill(b, 2);
    fill(bias, 3);
    fill(before, 4);
    check_sizes();
}

/* Infinities, NaN, zeros of both signs, denormal and largest numbers. */
static void test_special_numbers(void **state)
{
    (void)state;
    static const float special[] = {INFINITY, -INFINITY, NAN,      0.0f,      -0.0f,
                                    1e-45f,   -1e-40f,   3.4e+38f, -3.4e+38f, 1.0f};
    float *const all[] = {a, b, bias, before};
    for (int i = 0; i < 4; i++) {
        uint32_t seed = 11 + (uint32_t)i;
        fill(all[i], seed);
        for (int j = 0; j < ROOM; j++)
            if (draw(&seed) % 50 == 0) all[i][j] = special[draw(&seed) % 10];
    }
    check_sizes();
}

/* Nothing but numbers whose sums are zeros of both signs, denormal, or nearly so. */
static void test_small_numbers(void **state)
{
    (void)state;
    static const float small[] = {0.0f,      -0.0f,      -0.0f,       -0.0f,    0x1p-126f,
                                  -0x1p-70f, 0x1.8p-64f, -0x1.8p-63f, 0x1p-60f, 1e-40f};
    float *const all[] = {a, b, bias, before};
    for (int i = 0; i < 4; i++) {
        uint32_t seed = 31 + (uint32_t)i;
        for (int j = 0; j < ROOM; j++)
            all[i][j] = small[draw(&seed) % 10];
    }
    check_sizes();
}

/* Any patterns of bits, many of them or few; those of denormal numbers are near to each other. */
static void test_wild_numbers(void **state)
{
    (void)state;
    float *const all[] = {a, b, bias, before};
    for (uint32_t part = 3; part <= 300; part *= 100) {
        for (int i = 0; i < 4; i++) {
            uint32_t seed = 21 + (uint32_t)i + part;
            fill(all[i], seed);
            for (int j = 0; j < ROOM; j++)
                if (draw(&seed) % part == 0)
                    all[i][j] = pwf_float_of(draw(&seed) & (j % 2 ? 0xffffffffu : 0x9fffffffu));
        }
        check_sizes();
    }
}

/* A sum continued by a later call is the sum of one call. */
static void test_pieces(void **state)
{
    (void)state;
    const int64_t size[3] = {19, 50, 300};
    pwf_matmul m = shape_of(size, 1);
    fill(a, 5);
    fill(b, 6);
    fill(before, 7);
    for (int precision = 0; precision < PWF_PRECISIONS; precision++) {
        m.precision = (pwf_precision)precision;
        define(&m, FROM_Y, 1.0f);
        for (int64_t cut = 1; cut < m.inner; cut += 23) {
            pwf_matmul first = m, second = m;
            first.inner = cut;
            second.inner = m.inner - cut;
            memcpy(y, before, sizeof y);
            pwf_product_once(&first, y, true, 1.0f, a, b, packed);
            pwf_product_once(&second, y, true, 1.0f, a + cut * m.stride_a, b + cut * m.stride_b,
                             packed);
            assert_all_same();
        }
    }
}

static void test_rounding(void **state)
{
    (void)state;
    uint32_t seed = 3;
    for (int i = 0; i < ROOM; i++) {
        a[i] = pwf_float_of(draw(&seed) << 16 ^ draw(&seed));
        if (i % 4 == 0) a[i] = pwf_float_of((pwf_float_bits(a[i]) & 0xffff0000u) | 0x8000u);
        right[i] = near(a[i]);
    }
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        pwf_product_kernels_now(PWF_FP32)->along(y, a, ROOM);
        assert_all_same();
    }
}

static float whole(uint32_t *seed, uint32_t most)
{
    const float x = (float)(draw(seed) % most);
    return draw(seed) & 1 ? x : -x;
}

/* The sum without an instruction for it, on numbers of any kind, near cancellation, among denormal
 * results, and on ties that something very small decides. */
static void test_fma(void **state)
{
    (void)state;
    uint32_t seed = 1;
    int others = 0;
    for (int i = 0; i < 2000000; i++) {
        float x = pwf_float_of(draw(&seed) << 16 ^ draw(&seed));
        float w = pwf_float_of(draw(&seed) << 16 ^ draw(&seed));
        float z = pwf_float_of(draw(&seed) << 16 ^ draw(&seed));
        if (i % 4 == 1) z = -x * w;
        if (i % 4 == 2) {
            x = ldexpf(whole(&seed, 8192), (int)(draw(&seed) % 8) - 150);
            w = whole(&seed, 8192);
        }
        if (i % 4 == 3) {
            x = whole(&seed, 8192);
            w = whole(&seed, 8192);
            z = ldexpf(whole(&seed, 65536), (int)(draw(&seed) % 100) - 80);
        }
        others += !same(pwf_fma(x, w, z), fmaf(x, w, z));
    }
    assert_int_equal(others, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits),
                                       cmocka_unit_test(test_special_numbers),
                                       cmocka_unit_test(test_small_numbers),
                                       cmocka_unit_test(test_wild_numbers),
                                       cmocka_unit_test(test_pieces),
                                       cmocka_unit_test(test_rounding),
                                       cmocka_unit_test(test_fma)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
