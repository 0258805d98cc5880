/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/isa.h"
#include "pwf/optim/adamw.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 1003, STEPS = 20 };

typedef struct arrays {
    float x[COUNT], m[COUNT], v[COUNT];
} arrays;

static const pwf_adamw settings = {
    .lr = 0.01f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .weight_decay = 0.05f};

static float gradient_at(int step, int i)
{
    return (float)((i * 37 + step * 101) % 201 - 100) * (i % 7 ? 1e-3f : 1e-7f);
}

static arrays run(pwf_isa isa, const int16_t *code)
{
    arrays a;
    float gradient[COUNT];
    memset(&a, 0, sizeof a);
    for (int i = 0; i < COUNT; i++)
        a.x[i] = (float)(i - 500) / 250.0f;
    pwf_isa_use(isa);
    for (int step = 1; step <= STEPS; step++) {
        pwf_adamw now = settings;
        now.step = step;
        for (int i = 0; i < COUNT; i++)
            gradient[i] = gradient_at(step, i);
        pwf_adamw_update(a.x, a.m, a.v, gradient, code, COUNT, 0.5f, now);
    }
    pwf_isa_use(pwf_isa_best());
    return a;
}

/* torch.optim.AdamW's formula in double. */
static void test_formula(void **state)
{
    (void)state;
    const arrays a = run(pwf_isa_best(), NULL);
    const double b1 = 0.9, b2 = 0.999, lr = 0.01;
    for (int i = 0; i < COUNT; i++) {
        double x = (double)(i - 500) / 250.0, m = 0.0, v = 0.0;
        for (int step = 1; step <= STEPS; step++) {
            const double g = 0.5 * (double)gradient_at(step, i);
            x -= lr * 0.05 * x;
            m = b1 * m + (1.0 - b1) * g;
            v = b2 * v + (1.0 - b2) * g * g;
            x -= lr / (1.0 - pow(b1, step)) * m / (sqrt(v / (1.0 - pow(b2, step))) + 1e-8);
        }
        assert_true(fabs(x - (double)a.x[i]) <= 2e-6 * fmax(1.0, fabs(x)));
        /* g is at most 0.05 */
        assert_true(fabs(m - (double)a.m[i]) <= 1e-6 * 0.05);
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    const arrays base = run(PWF_ISA_BASE, NULL), avx2 = run(PWF_ISA_AVX2, NULL);
    const arrays avx512 = run(PWF_ISA_AVX512, NULL);
    assert_memory_equal(&base, &avx2, sizeof base);
    assert_memory_equal(&base, &avx512, sizeof base);
}

static void test_fixed_stay(void **state)
{
    (void)state;
    int16_t code[COUNT];
    for (int i = 0; i < COUNT; i++)
        code[i] = (int16_t)(i % 3 == 1 ? i : -1);
    const arrays all = run(pwf_isa_best(), NULL), some = run(pwf_isa_best(), code);
    for (int i = 0; i < COUNT; i++) {
        if (code[i] < 0) {
            assert_true(some.x[i] == all.x[i] && some.v[i] == all.v[i]);
        } else {
            assert_true(some.x[i] == (float)(i - 500) / 250.0f);
            assert_true(some.m[i] == 0.0f && some.v[i] == 0.0f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_fixed_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
