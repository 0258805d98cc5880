/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/core/isa.h"
#include "pwf/optim/sgd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 1003 };

static const pwf_sgd settings = {.lr = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f};

typedef struct arrays {
    float x[COUNT], m[COUNT], g[COUNT];
    int16_t code[COUNT];
} arrays;

static float random_float(void)
{
    return (float)rand() / (float)RAND_MAX - 0.5f;
}

static arrays make(void)
{
    arrays a;
    srand(2);
    for (int i = 0; i < COUNT; i++) {
        a.x[i] = random_float();
        a.m[i] = random_float();
        a.g[i] = random_float();
        a.code[i] = (int16_t)(i % 5 == 2 ? i : -1);
    }
    return a;
}

/* Decay is added after the scaling, and is not scaled itself. */
static void follows_the_formula(void **unused)
{
    (void)unused;
    for (int masked = 0; masked < 2; masked++) {
        const arrays before = make();
        arrays a = before;
        pwf_sgd_update(a.x, a.m, a.g, masked ? a.code : NULL, COUNT, 0.3f, settings);
        for (int i = 0; i < COUNT; i++) {
            const double x = (double)before.x[i];
            const double g = (double)0.3f * (double)a.g[i] + (double)settings.weight_decay * x;
            const double m = (double)settings.momentum * (double)before.m[i] + g;
            if (masked && a.code[i] >= 0) {
                assert_memory_equal(&a.x[i], &before.x[i], sizeof(float));
                assert_memory_equal(&a.m[i], &before.m[i], sizeof(float));
                continue;
            }
            assert_true(fabs((double)a.m[i] - m) < 1e-7);
            assert_true(fabs((double)a.x[i] - (x - (double)settings.lr * m)) < 1e-7);
        }
        assert_memory_equal(a.g, before.g, sizeof a.g);
    }
}

/* Nor do they depend on how the range is cut. */
static void bits_do_not_depend_on_the_instruction_set(void **unused)
{
    (void)unused;
    for (int masked = 0; masked < 2; masked++) {
        arrays first = make();
        pwf_isa_use(PWF_ISA_BASE);
        pwf_sgd_update(first.x, first.m, first.g, masked ? first.code : NULL, COUNT, 0.7f,
                       settings);
        for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++) {
            pwf_isa_use((pwf_isa)isa);
            for (int64_t piece = 1; piece <= COUNT; piece = 7 * piece + 3) {
                arrays a = make();
                for (int64_t i = 0; i < COUNT; i += piece)
                    pwf_sgd_update(a.x + i, a.m + i, a.g + i, masked ? a.code + i : NULL,
                                   piece < COUNT - i ? piece : COUNT - i, 0.7f, settings);
                assert_memory_equal(a.x, first.x, sizeof a.x);
                assert_memory_equal(a.m, first.m, sizeof a.m);
            }
        }
    }
    pwf_sgd_update(NULL, NULL, NULL, NULL, 0, 1.0f, settings);
}

static bool same(double a, double b)
{
    return a <= b && a >= b;
}

static void clip_factor(void **unused)
{
    (void)unused;
    const double squares[] = {9.0, 0.0, 16.0};
    double norm;
    assert_true(fabs((double)pwf_clip_factor(squares, 3, 1.0, &norm) - 1.0 / (5.0 + 1e-6)) < 1e-8);
    assert_true(same(norm, 5.0));
    assert_true(same((double)pwf_clip_factor(squares, 3, 6.0, &norm), 1.0));
    assert_true(same((double)pwf_clip_factor(squares, 3, 0.0, &norm), 1.0));
    assert_true(same(norm, 5.0));
    assert_true(same((double)pwf_clip_factor(squares, 3, -1.0, &norm), 1.0));
    assert_true(same((double)pwf_clip_factor(squares, 0, 1.0, &norm), 1.0));
    assert_true(same(norm, 0.0));
    const double broken[] = {1.0, (double)NAN};
    pwf_clip_factor(broken, 2, 1.0, &norm);
    assert_true(!isfinite(norm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_formula),
        cmocka_unit_test(bits_do_not_depend_on_the_instruction_set),
        cmocka_unit_test(clip_factor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
