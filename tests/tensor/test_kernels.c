/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels: exp, log, the normal distribution and activations against their definitions in
 * double, NaN, infinities and ties, and the same bits on every instruction set. */
#include "pwf/core/hash.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/tensor/kernels.h"
#include "pwf/tensor/matmul.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_exp(void **state)
{
    (void)state;
    enum { COUNT = 200001 };
    static float x[COUNT], y[COUNT];
    double worst = 0.0;
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)((double)i / (COUNT - 1) * 174.0 - 87.0);
    pwf_kernels_now()->exp(y, x, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const double truth = exp((double)x[i]), e = fabs((double)y[i] - truth) / truth;
        if (!(e <= worst)) worst = e;
    }
    printf("exp: %.2e\n", worst);
    assert_true(worst < 2e-7);
    const float edge[] = {0.0f, -INFINITY, INFINITY, NAN, -1000.0f, 1000.0f};
    pwf_kernels_now()->exp(y, edge, 6);
    assert_true(y[0] == 1.0f && y[1] == 0.0f && y[2] == INFINITY && isnan(y[3]));
    assert_true(y[4] == 0.0f && y[5] == INFINITY);
}

static void test_log(void **state)
{
    (void)state;
    enum { COUNT = 200001 };
    static float x[COUNT], y[COUNT];
    double worst = 0.0;
    /* Relative to the result, also near 1 where it is small. */
    for (int i = 0; i < COUNT; i++)
        x[i] = i < COUNT / 2 ? (float)(0.5 + 1.5 * (double)i / (COUNT / 2))
                             : (float)exp((double)i / (COUNT - 1) * 348.0 - 261.0);
    pwf_kernels_now()->log(y, x, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const double truth = log((double)x[i]);
        const double e = truth == 0.0 ? fabs((double)y[i]) : fabs(((double)y[i] - truth) / truth);
        if (!(e <= worst)) worst = e;
    }
    printf("log: %.2e\n", worst);
    assert_true(worst < 2e-7);
    const float edge[] = {1.0f, 0.0f, INFINITY, NAN, -1.0f};
    pwf_kernels_now()->log(y, edge, 5);
    assert_true(y[0] == 0.0f && y[1] == -INFINITY && y[2] == INFINITY);
    assert_true(isnan(y[3]) && isnan(y[4]));
}

static void test_cdf(void **state)
{
    (void)state;
    enum { COUNT = 200001 };
    static float x[COUNT], y[COUNT];
    double worst = 0.0, far = 0.0, absolute = 0.0;
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)((double)i / (COUNT - 1) * 20.0 - 10.0);
    pwf_kernels_now()->cdf(y, x, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const double truth = 0.5 * erfc(-(double)x[i] * 0.70710678118654752);
        const double e = fabs((double)y[i] - truth);
        if (!(e <= absolute)) absolute = e;
        if (x[i] < 0.0f && x[i] > -5.5f && !(e / truth <= worst)) worst = e / truth;
        if (x[i] <= -5.5f && !(e <= far)) far = e;
    }
    printf("normal distribution: %.2e, of the smaller side %.2e, far out %.2e\n", absolute, worst,
           far);
    assert_true(absolute < 1.6e-7 && worst < 7e-7 && far < 1e-9);
    const float edge[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN};
    pwf_kernels_now()->cdf(y, edge, 5);
    assert_true(fabsf(y[0] - 0.5f) < 1e-7f && y[1] == y[0] && y[2] == 1.0f && y[3] == 0.0f);
    assert_true(isnan(y[4]));
}

static void test_gelu(void **state)
{
    (void)state;
    enum { COUNT = 20001 };
    static float x[COUNT], y[COUNT], alone[COUNT], slope[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)i / 1000.0f - 10.0f;
    pwf_kernels_now()->gelu_forward(y, slope, x, COUNT);
    pwf_kernels_now()->gelu_forward(alone, NULL, x, COUNT);
    assert_memory_equal(alone, y, sizeof y);
    for (int i = 0; i < COUNT; i++) {
        const double v = (double)x[i], cdf = 0.5 * erfc(-v * 0.70710678118654752);
        const double truth = cdf + v * exp(-0.5 * v * v) * 0.39894228040143268;
        assert_true(fabs((double)y[i] - v * cdf) < 3e-7 * fmax(fabs(v), 1.0));
        assert_true(fabs((double)slope[i] - truth) < 3e-7);
    }
}

/* Every piece of the function; y may be x, dx may be dy, and dx is stored or added. */
static void test_hardswish(void **state)
{
    (void)state;
    enum { COUNT = 20001 };
    static float x[COUNT], y[COUNT], same[COUNT], dy[COUNT], dx[COUNT];
    const pwf_kernels *k = pwf_kernels_now();
    for (int i = 0; i < COUNT; i++) {
        x[i] = same[i] = (float)i / 1000.0f - 10.0f;
        dy[i] = dx[i] = 1.0f + (float)(i % 7);
    }
    k->hardswish_forward(y, x, COUNT);
    k->hardswish_forward(same, same, COUNT);
    assert_memory_equal(same, y, sizeof y);
    k->hardswish_backward(dx, true, dy, x, COUNT);
    k->hardswish_backward(dy, false, dy, x, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const double v = (double)x[i], g = 1.0 + i % 7;
        const double truth = v * fmin(fmax(v + 3.0, 0.0), 6.0) / 6.0;
        const double slope = v <= -3.0 ? 0.0 : v >= 3.0 ? 1.0 : v / 3.0 + 0.5;
        assert_true(fabs((double)y[i] - truth) <= 3e-7 * fmax(fabs(v), 1.0));
        assert_true(v < 3.0 || y[i] == x[i]);
        assert_true(fabs((double)dy[i] - g * slope) <= 3e-7 * g);
        assert_true(fabs((double)dx[i] - g - g * slope) <= 1e-6 * g);
    }
    const float edge[] = {-INFINITY, INFINITY, NAN};
    k->hardswish_forward(y, edge, 3);
    assert_true(y[0] == 0.0f && y[1] == INFINITY && isnan(y[2]));
}

static void test_not_a_number(void **state)
{
    (void)state;
    const pwf_kernels *k = pwf_kernels_now();
    const float x[4] = {NAN, -1.0f, 2.0f, 0.0f}, dy[4] = {NAN, NAN, 3.0f, 1.0f};
    float y[4], dx[4];
    k->relu_forward(y, x, 4);
    assert_true(isnan(y[0]) && y[1] == 0.0f && y[2] == 2.0f && y[3] == 0.0f);
    k->relu_backward(dx, false, dy, y, 4);
    assert_true(isnan(dx[0]) && dx[1] == 0.0f && dx[2] == 3.0f && dx[3] == 0.0f);
    const pwf_conv_shape s = {.images = 1,
                              .height = 1,
                              .width = 4,
                              .channels = 1,
                              .kernel_height = 1,
                              .kernel_width = 4,
                              .stride = 1};
    int32_t place;
    k->max_pool_forward(y, &place, x, &s);
    assert_true(isnan(y[0]) && place == 0);
    const float late[4] = {1.0f, 5.0f, NAN, 7.0f}, ties[4] = {1.0f, 5.0f, 5.0f, 5.0f};
    k->max_pool_forward(y, &place, late, &s);
    assert_true(isnan(y[0]) && place == 2);
    k->max_pool_forward(y, &place, ties, &s);
    assert_true(y[0] == 5.0f && place == 1);
    const float low[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    k->max_pool_forward(y, &place, low, &s);
    assert_true(y[0] == -INFINITY && place == 0);
}

static void test_softmax(void **state)
{
    (void)state;
    const float x[6] = {1000.0f, 1000.0f, 999.0f, -5.0f, 0.0f, 80.0f};
    float p[6], log_sum[2];
    pwf_kernels_now()->softmax(p, log_sum, x, 2, 3);
    const double first = 2.0 + exp(-1.0);
    assert_true(fabs((double)p[0] - 1.0 / first) < 1e-7 && p[0] == p[1]);
    assert_true(fabs((double)log_sum[0] - 1000.0 - log(first)) < 1e-4);
    assert_true(p[5] == 1.0f && p[4] > 0.0f && p[4] < 1e-30f && log_sum[1] == 80.0f);
    pwf_kernels_now()->softmax(p, NULL, x, 2, 3);
    assert_true(p[5] == 1.0f);
}

enum { ROWS = 63, MOST = 101 };

/* Adds the results of the kernels of transformers and activations to a hash. */
static void token_kernels(pwf_hasher *h, const float *from, int64_t channels)
{
    static float x[ROWS * MOST], y[ROWS * MOST], z[ROWS * MOST], mean[ROWS], inverse[ROWS];
    static float room[18 * MOST];
    static double sums[2][MOST];
    const pwf_kernels *k = pwf_kernels_now();
    const int64_t n = ROWS * channels;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((i * 7919 + 13) % 2003) / 250.0f - 4.0f;
    k->layer_norm_forward(y, mean, inverse, x, from, from + 1, 1e-6, ROWS, channels);
    pwf_hasher_add(h, y, (size_t)n * sizeof *y);
    pwf_hasher_add(h, inverse, sizeof inverse);
    k->layer_norm_backward(z, false, sums[0], sums[1], room, y, x, mean, inverse, from, ROWS,
                           channels);
    pwf_hasher_add(h, sums, sizeof sums);
    k->layer_norm_backward(z, true, sums[0], sums[1], room, x, y, mean, inverse, from, ROWS,
                           channels);
    pwf_hasher_add(h, sums, sizeof sums);
    pwf_hasher_add(h, z, (size_t)n * sizeof *z);
    k->gelu_forward(x, y, x, n);
    k->gelu_backward(z, true, x, y, n);
    pwf_hasher_add(h, z, (size_t)n * sizeof *z);
    k->hardswish_forward(y, x, n);
    k->hardswish_backward(z, true, y, x, n);
    pwf_hasher_add(h, y, (size_t)n * sizeof *y);
    pwf_hasher_add(h, z, (size_t)n * sizeof *z);
    k->softmax(y, NULL, x, ROWS, channels);
    pwf_hasher_add(h, y, (size_t)n * sizeof *y);
    for (int kind = 0; kind < 4; kind++) {
        const int64_t t = channels < ROWS ? channels : ROWS;
        const pwf_matmul m = {t, t, t, kind & 1, kind & 2, channels, channels, channels, PWF_FP32};
        assert_int_equal(pwf_matmul_run(PWF_TENSOR_PLAIN, &m, z, kind == 3, 0.7f, x, y, NULL).code,
                         0);
        pwf_hasher_add(h, z, (size_t)n * sizeof *z);
    }
}

/* A hash of the results of all kernels on the same numbers. */
static pwf_hash all_kernels(int64_t channels)
{
    static float x[ROWS * MOST], y[ROWS * MOST], z[ROWS * MOST], a[4][MOST];
    static int32_t place[ROWS * MOST];
    static double sums[2][MOST];
    const pwf_kernels *k = pwf_kernels_now();
    const int64_t n = ROWS * channels;
    const pwf_conv_shape s = {.images = 1,
                              .height = 9,
                              .width = 7,
                              .channels = channels,
                              .kernel_height = 3,
                              .kernel_width = 3,
                              .stride = 2,
                              .padding = {1, 1, 1, 1}};
    pwf_conv_shape average = s;
    average.kernel_width = 2;
    average.padding = pwf_padding_around(0);
    pwf_hasher h;
    uint32_t seed = 1;
    pwf_hasher_begin(&h);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-29f;
    }
    for (int64_t c = 0; c < channels; c++)
        for (int j = 0; j < 4; j++)
            a[j][c] = x[(c * 7 + j) % n] * 0.3f;
    k->column_sums(sums[0], x, ROWS, channels);
    memset(sums[1], 0, sizeof sums[1]);
    k->column_moments(sums[0], sums[1], x, ROWS, channels);
    pwf_hasher_add(&h, sums, sizeof sums);
    k->norm_forward(y, x, a[0], a[1], a[2], ROWS, channels);
    k->norm_sums(sums[0], sums[1], y, x, a[0], ROWS, channels);
    pwf_hasher_add(&h, sums, sizeof sums);
    k->norm_backward(z, false, y, x, a[0], a[1], a[2], a[3], ROWS, channels);
    k->norm_backward(z, true, y, x, a[3], a[1], a[2], a[0], ROWS, channels);
    pwf_hasher_add(&h, z, (size_t)n * sizeof *z);
    k->relu_forward(y, x, n);
    k->relu_backward(z, true, x, y, n);
    k->add(z, z, y, n);
    k->accumulate(z, x, n);
    pwf_hasher_add(&h, z, (size_t)n * sizeof *z);
    k->max_pool_forward(y, place, x, &s);
    k->max_pool_backward(z, true, y, place, &s);
    k->avg_pool_forward(y, x, &average);
    k->avg_pool_backward(z, true, y, &average);
    pwf_hasher_add(&h, z, (size_t)n * sizeof *z);
    k->softmax(y, z, x, ROWS, channels);
    k->log(x, y, n);
    pwf_hasher_add(&h, x, (size_t)n * sizeof *x);
    pwf_hasher_add(&h, z, ROWS * sizeof *z);
    token_kernels(&h, x, channels);
    const pwf_hash hash = pwf_hasher_digest(&h);
    return hash;
}

static void test_instruction_sets(void **state)
{
    (void)state;
    for (int64_t channels = 1; channels <= MOST; channels += channels < 9 ? 1 : 23) {
        pwf_isa_use(pwf_isa_best());
        const pwf_hash best = all_kernels(channels);
        for (int isa = PWF_ISA_BASE; isa < (int)pwf_isa_best(); isa++) {
            pwf_isa_use((pwf_isa)isa);
            const pwf_hash hash = all_kernels(channels);
            assert_true(hash.lo == best.lo && hash.hi == best.hi);
        }
    }
    pwf_isa_use(pwf_isa_best());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),       cmocka_unit_test(test_log),
        cmocka_unit_test(test_cdf),       cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_hardswish), cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_softmax),   cmocka_unit_test(test_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
