/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own matrix product gives the bits of its definition: on every instruction set, for any sizes,
 * strides and starts, in one call or several. */
#include "functions.h"
#include "product.h"

#include "pwf/core/isa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROOM = 96 * 1024, GUARD = 16 };

static float a[ROOM], b[ROOM], bias[ROOM], before[ROOM], right[ROOM], y[ROOM];
static _Alignas(64) float packed[ROOM];

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

/* The same number, or both not one: of those the bits may differ. */
static bool same(float x, float other)
{
    return pwf_float_bits(x) == pwf_float_bits(other) || (isnan(x) && isnan(other));
}

/* Also what lies between the rows of y. */
static void assert_all_same(void)
{
    int others = 0;
    for (int i = 0; i < ROOM; i++)
        others += !same(y[i], right[i]);
    assert_int_equal(others, 0);
}

/* How the elements start. */
enum { FROM_ZERO, FROM_Y, FROM_BIAS, STARTS };

static void define(const pwf_matmul *m, int start, float factor)
{
    memcpy(right, before, sizeof right);
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->columns; j++) {
            float *const to = &right[i * m->stride_y + j];
            float sum = start == FROM_Y ? *to : start == FROM_BIAS ? bias[j] : 0.0f;
            for (int64_t k = 0; k < m->inner; k++)
                sum = fmaf(a[m->transpose_a ? k * m->stride_a + i : i * m->stride_a + k],
                           factor * b[m->transpose_b ? j * m->stride_b + k : k * m->stride_b + j],
                           sum);
            *to = sum;
        }
}

static void check(const pwf_matmul *m, int start, float factor)
{
    define(m, start, factor);
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        const size_t words = pwf_product_packed(m) / sizeof(float);
        assert_true(words % 16 == 0 && words + GUARD <= ROOM);
        for (size_t i = 0; i < words + GUARD; i++)
            packed[i] = i < words ? NAN : 77.0f;
        memcpy(y, before, sizeof y);
        pwf_product_pack(m, packed, factor, b);
        for (size_t i = words; i < words + GUARD; i++)
            assert_true(packed[i] == 77.0f);
        pwf_product_run(m, y, start == FROM_Y, start == FROM_BIAS ? bias : NULL, a, packed);
        assert_all_same();
        if (start == FROM_BIAS) continue;
        memcpy(y, before, sizeof y);
        pwf_product_once(m, y, start == FROM_Y, factor, a, b, packed);
        assert_all_same();
        memcpy(y, before, sizeof y);
        assert_int_equal(
            pwf_matmul_run(PWF_TENSOR_PLAIN, m, y, start == FROM_Y, factor, a, b, NULL).code,
            PWF_OK);
        assert_all_same();
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
    /* Whole and broken tiles of every instruction set, one and more blocks of each axis. */
    static const int64_t sizes[][3] = {{1, 1, 1},     {3, 16, 5},   {8, 48, 7},   {7, 47, 9},
                                       {9, 49, 64},   {4, 64, 3},   {5, 33, 17},  {12, 17, 31},
                                       {17, 100, 33}, {6, 197, 40}, {250, 20, 4}, {13, 65, 209},
                                       {6, 70, 900},  {2, 8, 1700}, {26, 2731, 2}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < 4; kind++)
            for (int start = 0; start < STARTS; start++) {
                const pwf_matmul m = shape_of(sizes[s], kind);
                check(&m, start, 0.7f);
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

/* Infinities, numbers that are none, zeros of both signs, denormal and largest numbers. */
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

/* A sum that is taken up again is the sum in one call. */
static void test_pieces(void **state)
{
    (void)state;
    const int64_t size[3] = {19, 50, 300};
    const pwf_matmul m = shape_of(size, 1);
    fill(a, 5);
    fill(b, 6);
    fill(before, 7);
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
                                       cmocka_unit_test(test_pieces), cmocka_unit_test(test_fma)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
