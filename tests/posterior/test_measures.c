/* SPDX-License-Identifier: BSD-3-Clause */
/* Unique values and entropy: small cases by hand (zeros, -0, one value, none), and many values
 * against a count with qsort. */
#include "pwf/core/mem.h"
#include "pwf/posterior/posterior.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COUNT = 30000 };

static pwf_measures measure(const float *values, int64_t count)
{
    pwf_measures m;
    assert_int_equal(pwf_posterior_measures(values, count, &m).code, PWF_OK);
    return m;
}

static void assert_near(double value, double wanted)
{
    assert_true(fabs(value - wanted) <= 1e-12 * (1.0 + fabs(wanted)));
}

static void small_cases(void **unused)
{
    (void)unused;
    const float values[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.0f, 0x1p-149f, 1.0f, 0.0f};
    pwf_measures m = measure(values, 8); /* 0 four times, 1 twice, two singles */
    assert_int_equal(m.unique, 4);
    assert_near(m.entropy, 1.75);
    assert_near(m.entropy_nonzero, 1.5);
    m = measure(values, 2); /* zeros alone */
    assert_int_equal(m.unique, 1);
    assert_true(m.entropy <= 0.0 && m.entropy >= 0.0);
    assert_true(m.entropy_nonzero <= 0.0 && m.entropy_nonzero >= 0.0);
    m = measure(values, 0);
    assert_int_equal(m.unique, 0);
    assert_true(m.entropy <= 0.0 && m.entropy >= 0.0);
    m = measure(values + 2, 1);
    assert_int_equal(m.unique, 1);
    assert_near(m.entropy_nonzero, 0.0);
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Entropy by sorting and -p log2 p, without zeros if `zeros` is false. */
static double reference(const float *sorted, int64_t count, bool zeros, int64_t *unique)
{
    int64_t used = 0;
    for (int64_t i = 0; i < count; i++)
        used += zeros || fabsf(sorted[i]) > 0.0f;
    double sum = 0.0;
    *unique = 0;
    for (int64_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && !(sorted[end] > sorted[i]);)
            end++;
        ++*unique;
        const double p = (double)(end - i) / (double)used;
        if (zeros || fabsf(sorted[i]) > 0.0f) sum -= p * log2(p);
    }
    return sum;
}

static void many_values(void **unused)
{
    (void)unused;
    static float values[COUNT], sorted[COUNT];
    for (int kind = 0; kind < 4; kind++) {
        srand(5);
        for (int i = 0; i < COUNT; i++) {
            const float x = (float)rand() / (float)RAND_MAX - 0.5f;
            const float grid = (float)(rand() % 61 - 30) * 0x1p-7f;
            const float kinds[4] = {x, grid, i % 3 ? x : grid, x > 0.0f ? -0.0f : ldexpf(x, -140)};
            values[i] = sorted[i] = kinds[kind];
        }
        qsort(sorted, COUNT, sizeof *sorted, compare);
        int64_t unique, ignored;
        const double all = reference(sorted, COUNT, true, &unique);
        const double nonzero = reference(sorted, COUNT, false, &ignored);
        const pwf_measures m = measure(values, COUNT);
        assert_int_equal(m.unique, unique);
        assert_near(m.entropy, all);
        assert_near(m.entropy_nonzero, nonzero);
        const pwf_measures again = measure(sorted, COUNT); /* the order does not change a bit */
        assert_memory_equal(&m, &again, sizeof m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_cases),
        cmocka_unit_test(many_values),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || pwf_mem_live() != 0;
}
