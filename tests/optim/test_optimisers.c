/* SPDX-License-Identifier: BSD-3-Clause */
/* Every optimiser of the table: the same bits on every instruction set and however the range is
 * cut, fixed elements untouched; each against its formula in double or golden values; gradient
 * clipping. */
#include "pwf/core/isa.h"
#include "pwf/optim/optimiser.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 1003, STEPS = 20 };

static const pwf_optim_config config = {
    .lr = 0.01, .momentum = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.05};
static const float SCALE = 0.5f;

typedef struct arrays {
    float x[COUNT], moment[PWF_MOMENTS_MAX][COUNT];
} arrays;

static float start_at(int i)
{
    return (float)(i - 500) / 250.0f;
}

static float gradient_at(int step, int i)
{
    return (float)((i * 37 + step * 101) % 201 - 100) * (i % 7 ? 1e-3f : 1e-7f);
}

/* STEPS updates on one instruction set, each in slices of `piece` elements. */
static arrays run(pwf_optimiser_name name, pwf_isa isa, const int16_t *code, int piece)
{
    arrays a;
    float gradient[COUNT];
    memset(&a, 0, sizeof a);
    for (int i = 0; i < COUNT; i++)
        a.x[i] = start_at(i);
    pwf_isa_use(isa);
    const pwf_optimiser *optimiser = pwf_optimiser_get(name);
    for (int s = 1; s <= STEPS; s++) {
        const pwf_optimiser_step step = {&config, (float)config.lr, SCALE, s};
        for (int i = 0; i < COUNT; i++)
            gradient[i] = gradient_at(s, i);
        for (int i = 0; i < COUNT; i += piece) {
            float *moments[PWF_MOMENTS_MAX];
            for (int k = 0; k < PWF_MOMENTS_MAX; k++)
                moments[k] = a.moment[k] + i;
            optimiser->update(&step, a.x + i, moments, gradient + i, code ? code + i : NULL,
                              piece < COUNT - i ? piece : COUNT - i);
        }
    }
    pwf_isa_use(pwf_isa_best());
    return a;
}

static void bits_are_independent_of_isa_and_slices(void **state)
{
    (void)state;
    int16_t code[COUNT];
    for (int i = 0; i < COUNT; i++)
        code[i] = (int16_t)(i % 3 == 1 ? i : -1);
    for (int name = 0; name < PWF_OPTIMISER_COUNT; name++)
        for (int masked = 0; masked < 2; masked++) {
            const int16_t *c = masked ? code : NULL;
            const arrays first = run((pwf_optimiser_name)name, PWF_ISA_BASE, c, COUNT);
            for (int isa = PWF_ISA_BASE; isa < PWF_ISA_COUNT; isa++)
                for (int piece = 1; piece <= COUNT; piece = 7 * piece + 3) {
                    const arrays a = run((pwf_optimiser_name)name, (pwf_isa)isa, c, piece);
                    assert_memory_equal(&a, &first, sizeof a);
                }
        }
}

static void fixed_elements_stay(void **state)
{
    (void)state;
    int16_t code[COUNT];
    for (int i = 0; i < COUNT; i++)
        code[i] = (int16_t)(i % 3 == 1 ? i : -1);
    for (int name = 0; name < PWF_OPTIMISER_COUNT; name++) {
        const arrays all = run((pwf_optimiser_name)name, pwf_isa_best(), NULL, COUNT);
        const arrays some = run((pwf_optimiser_name)name, pwf_isa_best(), code, COUNT);
        for (int i = 0; i < COUNT; i++) {
            const float x = code[i] < 0 ? all.x[i] : start_at(i);
            assert_memory_equal(&some.x[i], &x, sizeof x);
            for (int k = 0; k < PWF_MOMENTS_MAX; k++) {
                const float m = code[i] < 0 ? all.moment[k][i] : 0.0f;
                assert_memory_equal(&some.moment[k][i], &m, sizeof m);
            }
        }
    }
}

static void every_row_names_its_moments(void **state)
{
    (void)state;
    for (int name = 0; name < PWF_OPTIMISER_COUNT; name++) {
        const pwf_optimiser *optimiser = pwf_optimiser_get((pwf_optimiser_name)name);
        assert_in_range(pwf_optimiser_moments(optimiser), 1, PWF_MOMENTS_MAX);
        assert_string_equal(optimiser->moments[0], "momentum");
    }
}

/* Decay is added after the scaling, and is not scaled itself. */
static void sgd_follows_its_formula(void **state)
{
    (void)state;
    const arrays a = run(PWF_OPTIMISER_sgd, pwf_isa_best(), NULL, COUNT);
    for (int i = 0; i < COUNT; i++) {
        double x = (double)start_at(i), m = 0.0;
        for (int step = 1; step <= STEPS; step++) {
            m = 0.9 * m + 0.5 * (double)gradient_at(step, i) + 0.05 * x;
            x -= 0.01 * m;
        }
        assert_true(fabs(m - (double)a.moment[0][i]) <= 2e-6);
        assert_true(fabs(x - (double)a.x[i]) <= 2e-6 * fmax(1.0, fabs(x)));
    }
}

/* The formula of torch.optim.AdamW. */
static void adamw_follows_its_formula(void **state)
{
    (void)state;
    const arrays a = run(PWF_OPTIMISER_adamw, pwf_isa_best(), NULL, COUNT);
    const double b1 = 0.9, b2 = 0.999, lr = 0.01;
    for (int i = 0; i < COUNT; i++) {
        double x = (double)start_at(i), m = 0.0, v = 0.0;
        for (int step = 1; step <= STEPS; step++) {
            const double g = 0.5 * (double)gradient_at(step, i);
            x -= lr * 0.05 * x;
            m = b1 * m + (1.0 - b1) * g;
            v = b2 * v + (1.0 - b2) * g * g;
            x -= lr / (1.0 - pow(b1, step)) * m / (sqrt(v / (1.0 - pow(b2, step))) + 1e-8);
        }
        assert_true(fabs(x - (double)a.x[i]) <= 2e-6 * fmax(1.0, fabs(x)));
        assert_true(fabs(m - (double)a.moment[0][i]) <= 1e-6 * 0.05); /* g is at most 0.05 */
    }
}

/* tests/golden/make_lion_golden.py describes the file. */
static void lion_has_the_golden_values(void **state)
{
    (void)state;
    enum { ELEMENTS = 37, GOLDEN_STEPS = 12 };
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/optim/golden/lion.txt", getenv("PWF_SOURCE_DIR"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    pwf_optim_config lion = {0};
    float scale;
    assert_int_equal(fscanf(f, "%lf %lf %lf %lf %f", &lion.lr, &lion.momentum, &lion.beta2,
                            &lion.weight_decay, &scale),
                     5);
    const pwf_optimiser *optimiser = pwf_optimiser_get(PWF_OPTIMISER_lion);
    for (int i = 0; i < ELEMENTS; i++) {
        float x, m = 0.0f, gradient;
        float *const moments[] = {&m};
        double x_wanted, m_wanted;
        assert_int_equal(fscanf(f, "%f", &x), 1);
        for (int s = 1; s <= GOLDEN_STEPS; s++) {
            const pwf_optimiser_step step = {&lion, (float)lion.lr, scale, s};
            assert_int_equal(fscanf(f, "%f", &gradient), 1);
            optimiser->update(&step, &x, moments, &gradient, NULL, 1);
        }
        assert_int_equal(fscanf(f, "%lf %lf", &x_wanted, &m_wanted), 2);
        assert_true(fabs((double)x - x_wanted) <= 2e-6 * fmax(1.0, fabs(x_wanted)));
        assert_true(fabs((double)m - m_wanted) <= 1e-6);
    }
    fclose(f);
}

/* Where gradient and moment are 0, only the decay moves a value. */
static void lion_leaves_zero_gradients(void **state)
{
    (void)state;
    const pwf_optimiser_step step = {&config, 0.5f, 1.0f, 1};
    float x[2] = {0.0f, 2.0f}, m[2] = {0}, *const moments[] = {m};
    const float gradient[2] = {0.0f, -0.0f};
    pwf_optimiser_get(PWF_OPTIMISER_lion)->update(&step, x, moments, gradient, NULL, 2);
    assert_true(x[0] == 0.0f && fabsf(x[1] - 2.0f * (1.0f - 0.5f * 0.05f)) < 1e-6f);
    assert_true(m[0] == 0.0f && m[1] == 0.0f);
}

static bool same(double a, double b)
{
    return a <= b && a >= b;
}

static void clip_factor(void **state)
{
    (void)state;
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
        cmocka_unit_test(bits_are_independent_of_isa_and_slices),
        cmocka_unit_test(fixed_elements_stay),
        cmocka_unit_test(every_row_names_its_moments),
        cmocka_unit_test(sgd_follows_its_formula),
        cmocka_unit_test(adamw_follows_its_formula),
        cmocka_unit_test(lion_has_the_golden_values),
        cmocka_unit_test(lion_leaves_zero_gradients),
        cmocka_unit_test(clip_factor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
