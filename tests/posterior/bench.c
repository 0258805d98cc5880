/* SPDX-License-Identifier: BSD-3-Clause */
/* Nanoseconds per weight of the element-wise part of a step, one thread, per instruction set, on
 * as many weights as a DeiT-Tiny has, or as the argument says; seconds of start values and
 * measures. */
#include "pwf/core/clock.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/optim/sgd.h"
#include "pwf/posterior/posterior.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 5669800, TENSORS = 25, REPEAT = 5 };

static void check(pwf_status status)
{
    if (status.code == PWF_OK) return;
    fprintf(stderr, "%s\n", status.text);
    exit(1);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static pwf_registry *table_new(int64_t weights)
{
    pwf_registry *registry;
    check(pwf_registry_new(&registry));
    for (int i = 0; i < TENSORS; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        const pwf_param *p;
        const int64_t count = weights / TENSORS;
        check(pwf_registry_add(registry, name, 1, &count, PWF_ROLE_WEIGHT, PWF_INIT_NORMAL, 0.05f,
                               &p));
    }
    check(pwf_registry_close(registry, NULL, 0));
    return registry;
}

static void measure_isa(pwf_isa isa, pwf_state *s, const pwf_posterior_settings *set,
                        pwf_pool *pool, const int64_t *sum, float *dmu, float *dsigma, double *norm)
{
    const pwf_sgd sgd = {.lr = 1e-3f, .momentum = 0.9f, .weight_decay = 1e-4f};
    pwf_stream noise = {.seed = 1, .purpose = PWF_RNG_NOISE};
    double sample = 1e9, gradient = 1e9, update = 1e9;
    pwf_isa_use(isa);
    for (int i = 0; i < REPEAT; i++, noise.step++) {
        const double t0 = pwf_clock_seconds();
        pwf_posterior_sample(s, pool, noise, dmu);
        const double t1 = pwf_clock_seconds();
        pwf_posterior_gradient(s, set, pool, &noise, sum, dmu, dsigma, norm);
        const double t2 = pwf_clock_seconds();
        double total;
        const float scale = pwf_clip_factor(norm, pwf_block_count(s->total), 1.0, &total);
        pwf_sgd_update(s->mu, s->mu_momentum, dmu, s->code, s->total, scale, sgd);
        pwf_sgd_update(s->sigma, s->sigma_momentum, dsigma, s->code, s->total, scale, sgd);
        const double t3 = pwf_clock_seconds();
        sample = least(sample, t1 - t0);
        gradient = least(gradient, t2 - t1);
        update = least(update, t3 - t2);
    }
    const double unit = 1e9 / (double)s->total;
    printf("%-7s sample %6.2f  gradient %6.2f  update (mu and sigma) %6.2f  ns per weight\n",
           pwf_isa_name(isa), sample * unit, gradient * unit, update * unit);
}

int main(int argc, char **argv)
{
    const pwf_posterior_settings set = {.sigma_scale = 0.0025f,
                                        .sigma_min = 0x1p-30f,
                                        .sigma_max = 0.05f,
                                        .reg_weight = 0x1p-11f,
                                        .reg_target = 0.05f};
    pwf_registry *registry = table_new(argc > 1 ? atoll(argv[1]) : COUNT);
    const int64_t n = pwf_registry_total_count(registry);
    pwf_state *s;
    check(pwf_state_new(registry, (pwf_range){0, n}, 1, 7, &s));
    pwf_pool *pool;
    check(pwf_pool_new(1, NULL, &pool));
    int64_t *sum;
    float *dmu, *dsigma;
    double *norm;
    check(pwf_mem_alloc(PWF_MEM_GRADIENTS, n, sizeof *sum, &sum));
    check(pwf_mem_alloc(PWF_MEM_GRADIENTS, n, sizeof *dmu, &dmu));
    check(pwf_mem_alloc(PWF_MEM_GRADIENTS, n, sizeof *dsigma, &dsigma));
    check(pwf_mem_alloc(PWF_MEM_GRADIENTS, pwf_block_count(n), sizeof *norm, &norm));
    for (int64_t i = 0; i < n; i++)
        sum[i] = (i * INT64_C(2654435761)) % (INT64_C(1) << 40) - (INT64_C(1) << 39);
    const double t0 = pwf_clock_seconds();
    check(pwf_posterior_start_sigma(s, &set, s->mu));
    const double t1 = pwf_clock_seconds();
    pwf_measures m;
    check(pwf_posterior_measures(s->mu, n, &m));
    const double t2 = pwf_clock_seconds();
    printf("%lld weights: start values of sigma %.3f s, measures %.3f s\n", (long long)n, t1 - t0,
           t2 - t1);
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++)
        measure_isa((pwf_isa)isa, s, &set, pool, sum, dmu, dsigma, norm);
    pwf_mem_free(norm);
    pwf_mem_free(dsigma);
    pwf_mem_free(dmu);
    pwf_mem_free(sum);
    pwf_pool_free(pool);
    pwf_state_free(s);
    pwf_registry_free(registry);
    return 0;
}
