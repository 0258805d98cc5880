/* SPDX-License-Identifier: BSD-3-Clause */
/* Every back end, precision and pair of transpositions against sums in double. */
#include "pwf/tensor/matmul.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROOM = 300 * 128 };

#define FACTOR 0.3f

static float a[ROOM], b[ROOM], y[ROOM], before[ROOM];
static _Alignas(64) float workspace[ROOM];

static void fill(float *out, uint32_t seed)
{
    for (int i = 0; i < ROOM; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

/* To 8 significant bits. */
static float near(float x)
{
    int exponent;
    const double part = frexp((double)x, &exponent);
    return (float)ldexp(nearbyint(ldexp(part, 8)), exponent - 8);
}

static double truth(const pwf_matmul *m, int64_t i, int64_t j)
{
    double sum = 0.0;
    for (int64_t k = 0; k < m->inner; k++) {
        float x = a[m->transpose_a ? k * m->stride_a + i : i * m->stride_a + k];
        float w = FACTOR * b[m->transpose_b ? j * m->stride_b + k : k * m->stride_b + j];
        if (m->precision == PWF_BF16) {
            x = near(x);
            w = near(w);
        }
        sum += (double)x * (double)w;
    }
    return sum;
}

static void check(pwf_tensor_backend backend, const pwf_matmul *m, bool add)
{
    fill(y, 3);
    fill(before, 3);
    assert_int_equal(pwf_matmul_check(backend, m).code, PWF_OK);
    assert_true(pwf_matmul_workspace(backend, m) <= sizeof workspace);
    assert_int_equal(pwf_matmul_run(backend, m, y, add, FACTOR, a, b, workspace).code, PWF_OK);
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->stride_y; j++) {
            const int64_t at = i * m->stride_y + j;
            if (j >= m->columns) { /* what lies between the rows stays */
                assert_true(y[at] == before[at]);
                continue;
            }
            const double right = truth(m, i, j) + (add ? (double)before[at] : 0.0);
            assert_true(fabs((double)y[at] - right) < 1e-5);
        }
}

static void test_products(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1}, {7, 5, 3}, {17, 16, 64}, {65, 33, 17}};
    fill(a, 1);
    fill(b, 2);
    for (int backend = 0; backend < PWF_TENSOR_BACKENDS; backend++)
        for (int kind = 0; kind < 8; kind++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (int precision = 0; precision < PWF_PRECISIONS; precision++) {
                    const pwf_matmul m = {sizes[s][0], sizes[s][1], sizes[s][2],
                                          kind & 1,    kind & 2,    70,
                                          90,          100,         (pwf_precision)precision};
                    if (backend != PWF_TENSOR_OPENBLAS || precision == PWF_FP32)
                        check((pwf_tensor_backend)backend, &m, kind & 4);
                }
}

static void test_openblas_in_bf16(void **state)
{
    (void)state;
    const pwf_matmul m = {.rows = 1, .columns = 1, .inner = 1, .precision = PWF_BF16};
    assert_int_equal(pwf_matmul_check(PWF_TENSOR_OPENBLAS, &m).code, PWF_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_openblas_in_bf16)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
