/* SPDX-License-Identifier: BSD-3-Clause */
/* Start values of sigma with the bits of numpy, and whole training steps of a posterior against
 * PyTorch; the numbers are made by tests/golden/make_posterior_golden.py. */
#include "pwf/core/mem.h"
#include "pwf/mesh/exact.h"
#include "pwf/optim/optimiser.h"
#include "pwf/posterior/posterior.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VALUES = 256, NAME = 32, POSTERIOR = 83, TOTAL = 94 };

static FILE *open_golden(const char *name)
{
    const char *root = getenv("PWF_SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/posterior/golden/%s", root ? root : ".", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

/* One line "key count value ..."; false at the end of the file. */
static bool read_line(FILE *f, char key[NAME], double values[VALUES], int *count)
{
    if (fscanf(f, "%31s %d", key, count) != 2) return false;
    assert_in_range(*count, 0, VALUES);
    for (int i = 0; i < *count; i++)
        assert_int_equal(fscanf(f, "%lf", &values[i]), 1);
    return true;
}

/* The next line, which must be `key`. */
static void read_key(FILE *f, const char *key, double values[VALUES], int wanted)
{
    char found[NAME];
    int count;
    assert_true(read_line(f, found, values, &count));
    assert_string_equal(found, key);
    assert_int_equal(count, wanted);
}

static pwf_registry *table_new(const int64_t *counts, const pwf_role *roles, int params)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    pwf_registry *registry;
    assert_int_equal(pwf_registry_new(&registry).code, PWF_OK);
    for (int i = 0; i < params; i++) {
        const pwf_param *p;
        assert_int_equal(
            pwf_registry_add(registry, names[i], 1, &counts[i], roles[i], PWF_INIT_ZERO, 0.0f, &p)
                .code,
            PWF_OK);
    }
    assert_int_equal(pwf_registry_close(registry, NULL, 0).code, PWF_OK);
    return registry;
}

static void start_sigma_has_the_bits_of_numpy(void **unused)
{
    (void)unused;
    FILE *f = open_golden("start_sigma.txt");
    double x[VALUES], wanted[VALUES];
    read_key(f, "settings", x, 3);
    const pwf_posterior_config settings = {
        .sigma_scale = x[0], .sigma_min = x[1], .sigma_max = x[2]};
    char key[NAME];
    int tensors = 0;
    for (int count; read_line(f, key, x, &count); tensors++) {
        read_key(f, "sigma", wanted, count);
        const int64_t size = count;
        const pwf_role role = PWF_ROLE_WEIGHT;
        pwf_registry *registry = table_new(&size, &role, 1);
        pwf_state *s;
        assert_int_equal(pwf_state_new(registry, (pwf_range){0, size}, 1, 7, &s).code, PWF_OK);
        float mu[VALUES];
        for (int i = 0; i < count; i++)
            mu[i] = (float)x[i];
        assert_int_equal(pwf_posterior_start_sigma(s, &settings, mu).code, PWF_OK);
        for (int i = 0; i < count; i++) {
            const float expected = (float)wanted[i];
            if (memcmp(&s->sigma[i], &expected, sizeof expected) != 0)
                fail_msg("%s[%d]: %a, numpy has %a", key, i, (double)s->sigma[i], wanted[i]);
        }
        pwf_state_free(s);
        pwf_registry_free(registry);
    }
    assert_int_equal(tensors, 12);
    fclose(f);
}

static double worst; /* largest relative difference seen */

/* fp32 against float64 of PyTorch: errors of a few roundings, relative to the largest value. */
static void assert_array(const float *values, const double *wanted, int count, const char *what)
{
    double scale = 0.0;
    for (int i = 0; i < count; i++)
        scale = fmax(scale, fabs(wanted[i]));
    for (int i = 0; i < count; i++) {
        const double error = fabs((double)values[i] - wanted[i]) / scale;
        worst = fmax(worst, error);
        if (!(error <= 2e-6))
            fail_msg("%s[%d]: %g, PyTorch has %g", what, i, (double)values[i], wanted[i]);
    }
}

typedef struct setup {
    pwf_posterior_config posterior;
    bool reference;
    pwf_optim_config optim;
    pwf_stream noise;
    double clip;
} setup;

static setup read_setup(FILE *f)
{
    double x[VALUES];
    read_key(f, "settings", x, 10);
    return (setup){.noise = {.seed = (uint32_t)x[0],
                             .purpose = (pwf_rng_purpose)(int)x[1],
                             .step = (uint64_t)x[2]},
                   .optim = {.lr = x[3], .momentum = x[4], .weight_decay = x[5]},
                   .posterior = {.reg_weight = x[6], .reg_target = x[7]},
                   .reference = x[9] > 0.0,
                   .clip = x[8]};
}

static void one_step(FILE *f, const setup *set, pwf_pool *pool, pwf_state *s)
{
    double x[VALUES];
    float weights[TOTAL], dw[TOTAL], dmu[TOTAL], dsigma[POSTERIOR];
    int64_t sum[TOTAL] = {0};
    pwf_posterior_sample(s, pool, set->noise, false, weights);
    read_key(f, "weights", x, TOTAL);
    assert_array(weights, x, TOTAL, "weights");
    read_key(f, "dw", x, TOTAL);
    for (int i = 0; i < TOTAL; i++)
        dw[i] = (float)x[i];
    assert_true(pwf_exact_add(sum, dw, TOTAL));
    double squares, norm;
    pwf_posterior_gradient(s, &set->posterior, set->reference, pool, &set->noise, sum, dmu, dsigma,
                           &squares);
    read_key(f, "dmu", x, TOTAL);
    assert_array(dmu, x, TOTAL, "dmu");
    read_key(f, "dsigma", x, POSTERIOR);
    assert_array(dsigma, x, POSTERIOR, "dsigma");
    const float scale = pwf_clip_factor(&squares, 1, set->clip, &norm);
    read_key(f, "norm", x, 1);
    assert_true(fabs(norm - x[0]) <= 1e-6 * x[0]);
    const int16_t *code = set->reference ? NULL : s->code;
    const pwf_optimiser *sgd = pwf_optimiser_get(PWF_OPTIMISER_sgd);
    const pwf_optimiser_step step = {
        .config = &set->optim, .lr = (float)set->optim.lr, .scale = scale, .count = 1};
    float *const plain = s->mu_moment[0] + POSTERIOR;
    sgd->update(&step, s->mu, s->mu_moment, dmu, code, POSTERIOR);
    sgd->update(&step, s->mu + POSTERIOR, &plain, dmu + POSTERIOR, NULL, TOTAL - POSTERIOR);
    sgd->update(&step, s->sigma, s->sigma_moment, dsigma, code, POSTERIOR);
    read_key(f, "mu", x, TOTAL);
    assert_array(s->mu, x, TOTAL, "mu");
    read_key(f, "sigma", x, POSTERIOR);
    assert_array(s->sigma, x, POSTERIOR, "sigma");
}

static void steps_equal_pytorch(void **file)
{
    FILE *f = open_golden(*file);
    setup set = read_setup(f);
    /* The plain parameter is registered first but comes last in the flat order. */
    const int64_t counts[] = {11, 48, 5, 30};
    const pwf_role roles[] = {PWF_ROLE_PLAIN, PWF_ROLE_WEIGHT, PWF_ROLE_BIAS, PWF_ROLE_WEIGHT};
    pwf_registry *registry = table_new(counts, roles, 4);
    pwf_state *s;
    assert_int_equal(pwf_state_new(registry, (pwf_range){0, TOTAL}, 1, 7, &s).code, PWF_OK);
    double x[VALUES];
    read_key(f, "fixed", x, POSTERIOR);
    for (int i = 0; i < POSTERIOR; i++)
        s->code[i] = (int16_t)(x[i] > 0.0 ? i : PWF_FREE);
    read_key(f, "mu", x, TOTAL);
    for (int i = 0; i < TOTAL; i++)
        s->mu[i] = (float)x[i];
    read_key(f, "sigma", x, POSTERIOR);
    for (int i = 0; i < POSTERIOR; i++)
        s->sigma[i] = (float)x[i];
    pwf_pool *pool;
    assert_int_equal(pwf_pool_new(1, NULL, &pool).code, PWF_OK);
    for (int step = 0; step < 3; step++, set.noise.step++)
        one_step(f, &set, pool, s);
    pwf_pool_free(pool);
    pwf_state_free(s);
    pwf_registry_free(registry);
    fclose(f);
    print_message("%s: largest relative difference so far %.2g\n", (const char *)*file, worst);
}

int main(void)
{
    static char paper[] = "steps_paper.txt", unclipped[] = "steps_paper_unclipped.txt",
                reference[] = "steps_reference.txt";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_sigma_has_the_bits_of_numpy),
        cmocka_unit_test_prestate(steps_equal_pytorch, paper),
        cmocka_unit_test_prestate(steps_equal_pytorch, unclipped),
        cmocka_unit_test_prestate(steps_equal_pytorch, reference),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || pwf_mem_live() != 0;
}
