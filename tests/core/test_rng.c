/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers: known answers of Philox, equality with Random123 on every instruction set,
 * independence of the range asked for, and the distribution of normals and uniforms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "pwf/core/rng.h"

#include <Random123/philox.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pwf_stream stream_of(uint32_t seed, uint32_t purpose, uint64_t step, uint32_t sample)
{
    return (pwf_stream){seed, (pwf_rng_purpose)purpose, step, sample};
}

/* The known answers that come with Random123 for philox4x32-10. */
static void known_answers(void **state)
{
    (void)state;
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = cases[i];
        uint32_t words[4];
        pwf_rng_words(stream_of(c[4], c[5], (uint64_t)c[2] << 32 | c[1], c[3]), c[0], words);
        assert_memory_equal(words, c + 6, sizeof words);
    }
}

/* Every kernel against Random123 itself, with numbers of quads around the kernels' lanes. */
static void bulk_equals_random123(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 63, 64, 65, 128, 200};
    static const uint64_t firsts[] = {0, 1, 77, 0xffffff00};
    static void (*const kernels[])(uint32_t *, pwf_stream, uint64_t, int64_t) = {
        pwf_philox_quads_base, pwf_philox_quads_avx2, pwf_philox_quads_avx512};
    for (int isa = 0; isa <= (int)pwf_isa_best(); isa++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++) {
                const pwf_stream stream =
                    stream_of(7 + (uint32_t)f, 1, UINT64_C(0x123456789abc), 5);
                uint32_t out[4 * 201];
                out[4 * sizes[s]] = 0xabcdef01;
                kernels[isa](out, stream, firsts[f], sizes[s]);
                assert_int_equal(out[4 * sizes[s]], 0xabcdef01);
                for (int64_t q = 0; q < sizes[s]; q++) {
                    const philox4x32_ctr_t counter = {
                        {(uint32_t)(firsts[f] + (uint64_t)q), 0x56789abc, 0x1234, 5}};
                    const philox4x32_key_t key = {{stream.seed, 1}};
                    const philox4x32_ctr_t r = philox4x32(counter, key);
                    assert_memory_equal(out + 4 * q, r.v, sizeof r.v);
                }
            }
}

enum { LONG = 5000 };

typedef void (*fill)(float *, pwf_stream, int64_t, int64_t);

/* A range is a window on one infinite sequence, the same bits on every instruction set. */
static void windows_on_one_sequence(fill numbers, int64_t origin)
{
    const pwf_stream stream = stream_of(3, PWF_RNG_NOISE, 11, 2);
    float *whole = malloc(LONG * sizeof *whole), *part = malloc(LONG * sizeof *part);
    assert_true(whole && part);
    pwf_isa_use(PWF_ISA_BASE);
    numbers(whole, stream, origin, LONG);
    for (int isa = 0; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        for (int64_t first = 0; first < 9; first++)
            for (int64_t count = 0; count < LONG - 9; count += count < 12 ? 1 : 997) {
                part[count] = 123.0f;
                numbers(part, stream, origin + first, count);
                assert_memory_equal(part, whole + first, (size_t)count * sizeof *part);
                assert_true(part[count] == 123.0f);
            }
    }
    free(whole);
    free(part);
}

static void ranges_and_instruction_sets(void **state)
{
    (void)state;
    windows_on_one_sequence(pwf_rng_normals, 0);
    windows_on_one_sequence(pwf_rng_normals, (INT64_C(1) << 34) - 2 * LONG);
    windows_on_one_sequence(pwf_rng_uniforms, 0);
    windows_on_one_sequence(pwf_rng_uniforms, 4093);
}

static void uniforms_are_the_words(void **state)
{
    (void)state;
    const pwf_stream stream = stream_of(9, PWF_RNG_INIT, 0, 0);
    float u[400];
    pwf_rng_uniforms(u, stream, 0, 400);
    for (int i = 0; i < 400; i++) {
        uint32_t words[4];
        pwf_rng_words(stream, (uint64_t)i / 4, words);
        assert_true(u[i] == (float)(words[i % 4] >> 8) * 0x1p-24f);
        assert_true(u[i] >= 0 && u[i] < 1);
    }
}

static void halves_are_the_words(void **state)
{
    (void)state;
    const pwf_stream stream = stream_of(9, PWF_RNG_ROUND, 5, 1);
    enum { MOST = 5000 };
    static uint16_t halves[MOST + 1];
    for (int isa = 0; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        for (int64_t first = 0; first < 10; first++)
            for (int64_t count = 0; count < MOST; count += count < 18 ? 1 : 997) {
                halves[count] = 0xabcd;
                pwf_rng_halves(halves, stream, first, count);
                for (int64_t i = 0; i < count; i++) {
                    uint32_t words[4];
                    const int64_t at = first + i;
                    pwf_rng_words(stream, (uint64_t)at / 8, words);
                    assert_int_equal(halves[i], (uint16_t)(words[at % 8 / 2] >> at % 2 * 16));
                }
                assert_int_equal(halves[count], 0xabcd);
            }
    }
}

/* Seed, purpose, step and sample each give another stream. */
static void streams_differ(void **state)
{
    (void)state;
    const pwf_stream base = stream_of(1, PWF_RNG_NOISE, 1, 1);
    const pwf_stream others[] = {
        stream_of(2, PWF_RNG_NOISE, 1, 1), stream_of(1, PWF_RNG_EVAL, 1, 1),
        stream_of(1, PWF_RNG_NOISE, 2, 1), stream_of(1, PWF_RNG_NOISE, 1 + (UINT64_C(1) << 32), 1),
        stream_of(1, PWF_RNG_NOISE, 1, 2)};
    float a[4096], b[4096];
    pwf_rng_normals(a, base, 0, 4096);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        pwf_rng_normals(b, others[k], 0, 4096);
        double product = 0;
        for (int i = 0; i < 4096; i++)
            product += (double)a[i] * (double)b[i];
        assert_true(fabs(product) < 5 * 64);
    }
}

/* Against Box and Muller in double precision; and the extreme words. */
static void normals_are_accurate(void **state)
{
    (void)state;
    const pwf_stream stream = stream_of(21, PWF_RNG_NOISE, 3, 0);
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    pwf_rng_normals(x, stream, 0, N);
    double worst = 0;
    for (int64_t i = 0; i < N; i += 2) {
        uint32_t words[4];
        pwf_rng_words(stream, (uint64_t)i / 4, words);
        const uint32_t *w = words + i % 4;
        const double r = sqrt(-2 * log((double)(w[0] >> 9) * 0x1p-23 + 0x1p-24));
        const double t = (double)w[1] * 0x1p-32 * 2 * 3.14159265358979323846;
        worst = fmax(worst, fmax(fabs(x[i] - r * cos(t)), fabs(x[i + 1] - r * sin(t))));
    }
    free(x);
    printf("largest difference from double precision: %.2g\n", worst);
    assert_true(worst < 2e-6);

    static const uint32_t edges[] = {0,          1,          0x1ff,      0x200,      0x1fffffff,
                                     0x20000000, 0x3fffffff, 0x40000000, 0x5fffffff, 0x60000000,
                                     0x7fffffff, 0x80000000, 0x9fffffff, 0xa0000000, 0xbfffffff,
                                     0xc0000000, 0xdfffffff, 0xe0000000, 0xfffffffe, 0xffffffff};
    enum { EDGES = sizeof edges / sizeof *edges };
    uint32_t words[2 * EDGES * EDGES];
    float out[3][2 * EDGES * EDGES];
    for (int i = 0; i < EDGES * EDGES; i++) {
        words[2 * i] = edges[i / EDGES];
        words[2 * i + 1] = edges[i % EDGES];
    }
    pwf_words_to_normals_base(out[0], words, EDGES * EDGES / 2);
    for (int i = 0; i < 2 * EDGES * EDGES; i++)
        assert_true(fabsf(out[0][i]) <= 5.77f);
    if (pwf_isa_best() >= PWF_ISA_AVX2) {
        pwf_words_to_normals_avx2(out[1], words, EDGES * EDGES / 2);
        assert_memory_equal(out[0], out[1], sizeof out[0]);
    }
    if (pwf_isa_best() >= PWF_ISA_AVX512) {
        pwf_words_to_normals_avx512(out[2], words, EDGES * EDGES / 2);
        assert_memory_equal(out[0], out[2], sizeof out[0]);
    }
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Four standard errors each, on fixed seeds: a failure is a change of the generator. */
static void normals_are_normal(void **state)
{
    (void)state;
    enum { N = 1 << 22 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    pwf_rng_normals(x, stream_of(1, PWF_RNG_NOISE, 0, 0), 0, N);
    double m[5] = {0}, neighbours = 0, largest = 0;
    int64_t tail[3] = {0};
    for (int64_t i = 0; i < N; i++) {
        const double v = (double)x[i], size = fabs(v);
        for (int k = 1; k <= 4; k++)
            m[k] += pow(v, k) / N;
        if (i > 0) neighbours += v * (double)x[i - 1] / N;
        tail[0] += size > 2;
        tail[1] += size > 3;
        tail[2] += size > 4;
        largest = fmax(largest, size);
    }
    const double error = 4 / sqrt((double)N);
    assert_true(fabs(m[1]) < error);
    assert_true(fabs(m[2] - 1) < error * sqrt(2));
    assert_true(fabs(m[3]) < error * sqrt(15));
    assert_true(fabs(m[4] - 3) < error * sqrt(96));
    assert_true(fabs(neighbours) < error);
    for (int k = 0; k < 3; k++) {
        const double expected = N * erfc((k + 2) / sqrt(2));
        assert_true(fabs((double)tail[k] - expected) < 4 * sqrt(expected));
    }
    assert_true(largest > 4.8 && largest <= 5.77);
    /* Kolmogorov and Smirnov, 99.9 %. */
    qsort(x, N, sizeof *x, by_value);
    double distance = 0;
    for (int64_t i = 0; i < N; i++)
        distance =
            fmax(distance, fabs(0.5 * erfc(-(double)x[i] / sqrt(2)) - ((double)i + 0.5) / N));
    assert_true(distance < 1.95 / sqrt((double)N));
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(bulk_equals_random123),
        cmocka_unit_test(ranges_and_instruction_sets),
        cmocka_unit_test(uniforms_are_the_words),
        cmocka_unit_test(halves_are_the_words),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(normals_are_accurate),
        cmocka_unit_test(normals_are_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
