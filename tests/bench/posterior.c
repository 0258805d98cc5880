/* SPDX-License-Identifier: BSD-3-Clause */
/* Times the element-wise part of a step per instruction set: bench_posterior [weights] [threads]
 * [model] [repeats] [fp32|bf16]. The cells are of the best instruction set, and of that model's
 * step.
 */
#include "pwf/posterior/posterior.h"
#include "bench.h"
#include "pwf/core/clock.h"
#include "pwf/core/hash.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/optim/optimiser.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 5669800, TENSORS = 25 };

static struct {
    pwf_state *state;
    pwf_pool *pool;
    int64_t *sum;
    float *dmu, *dsigma;
    double *norm;
    pwf_hash *noted, *found;
    int64_t repeats;
    const char *model;
    bool bf16;
} all;

static double least(double a, double b)
{
    return a < b ? a : b;
}

static pwf_registry *table_new(int64_t weights)
{
    pwf_registry *registry;
    bench_check(pwf_registry_new(&registry));
    for (int i = 0; i < TENSORS; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        const pwf_param *p;
        const int64_t count = weights / TENSORS;
        bench_check(pwf_registry_add(registry, name, 1, &count, PWF_ROLE_WEIGHT, PWF_INIT_NORMAL,
                                     0.05f, &p));
    }
    bench_check(pwf_registry_close(registry, NULL, 0));
    return registry;
}

static const pwf_posterior_config settings = {.sigma_scale = 0.0025f,
                                              .sigma_min = 0x1p-30f,
                                              .sigma_max = 0.05f,
                                              .reg_weight = 0x1p-11f,
                                              .reg_target = 0.05f};

static void update_block(void *context, int task, int worker)
{
    static const pwf_optim_config config = {.momentum = 0.9, .weight_decay = 1e-4};
    const pwf_optimiser *sgd = pwf_optimiser_get(PWF_OPTIMISER_sgd);
    const float scale = *(const float *)context;
    pwf_state *s = all.state;
    const int64_t lo = (int64_t)task * PWF_BLOCK, left = s->total - lo;
    const int64_t count = left < PWF_BLOCK ? left : PWF_BLOCK;
    const pwf_optimiser_step step = {.config = &config, .lr = 1e-3f, .scale = scale, .count = 1};
    float *const mu[] = {s->mu_moment[0] + lo}, *const sigma[] = {s->sigma_moment[0] + lo};
    (void)worker;
    sgd->update(&step, s->mu + lo, mu, all.dmu + lo, s->code + lo, count);
    sgd->update(&step, s->sigma + lo, sigma, all.dsigma + lo, s->code + lo, count);
    pwf_state_hash_block(s, task, all.noted);
}

static void update(void)
{
    double total;
    const int64_t blocks = pwf_block_count(all.state->total);
    float scale = pwf_clip_factor(all.norm, blocks, 1.0, &total);
    pwf_pool_run(all.pool, (int)blocks, update_block, &scale);
}

/* As the check of the state before a step, with the hashes of the last update. */
static void hash_block(void *context, int task, int worker)
{
    (void)context;
    (void)worker;
    pwf_state_hash_block(all.state, task, all.found);
}

static void hash(void)
{
    const int64_t blocks = pwf_block_count(all.state->total);
    pwf_pool_run(all.pool, (int)blocks, hash_block, NULL);
    if (memcmp(all.found, all.noted, PWF_STATE_ARRAYS_MAX * (size_t)blocks * sizeof *all.found) !=
        0)
        bench_check(PWF_FAIL(PWF_BUG, "two hashes of the same bytes differ"));
}

enum { SAMPLE, GRADIENT, UPDATE, HASH, PARTS };

/* Bytes read and written for each weight: mu and sigma to a weight; an exact sum, sigma and code to
 * two gradients; value, momentum and gradient of both, and code, to values and momenta, which are
 * hashed while they are in cache; the whole state. */
static const struct {
    const char *name;
    double bytes;
} parts[PARTS] = {{"sampling", 12.0},
                  {"gradient of the posterior", 22.0},
                  {"update", 44.0},
                  {"hashes of the state", 18.0}};

static void report(const double *seconds)
{
    const double n = (double)all.state->total;
    char group[128];
    snprintf(group, sizeof group, BENCH_PARTS "%s, %s", all.model, all.bf16 ? "bf16" : "fp32");
    for (int i = 0; i < PARTS; i++) {
        bench_cell(group, parts[i].name, i == SAMPLE ? "forward" : "backward", 1e3 * seconds[i]);
        bench_cell(group, parts[i].name, "memory", 1e-9 * n * parts[i].bytes);
        if (i == HASH || (i != SAMPLE && all.bf16)) continue;
        char row[128];
        snprintf(row, sizeof row, "%s%s, %lld weights, %d threads", parts[i].name,
                 all.bf16 ? " and rounding to bf16" : "", (long long)all.state->total,
                 pwf_pool_threads(all.pool));
        bench_cell(BENCH_OTHERS, row, "value", 1e-9 * n * parts[i].bytes / seconds[i]);
        bench_text(BENCH_OTHERS, row, "unit", "GB/s");
        bench_cell(BENCH_OTHERS, row, "elements", n / seconds[i]);
        char remark[64];
        snprintf(remark, sizeof remark, "%.2f billion elements a second", 1e-9 * n / seconds[i]);
        bench_text(BENCH_OTHERS, row, "remark", remark);
    }
}

static void measure_isa(pwf_isa isa)
{
    pwf_stream noise = {.seed = 1, .purpose = PWF_RNG_NOISE};
    double seconds[PARTS];
    for (int i = 0; i < PARTS; i++)
        seconds[i] = 1e9;
    pwf_isa_use(isa);
    for (int64_t i = 0; i < all.repeats; i++, noise.step++) {
        double t[PARTS + 1] = {pwf_clock_seconds()};
        pwf_posterior_sample(all.state, all.pool, noise, all.bf16, all.dmu);
        t[1] = pwf_clock_seconds();
        pwf_posterior_gradient(all.state, &settings, false, all.pool, &noise, all.sum, all.dmu,
                               all.dsigma, all.norm);
        t[2] = pwf_clock_seconds();
        update();
        t[3] = pwf_clock_seconds();
        hash();
        t[4] = pwf_clock_seconds();
        for (int part = 0; part < PARTS; part++)
            seconds[part] = least(seconds[part], t[part + 1] - t[part]);
    }
    const double unit = 1e9 / (double)all.state->total;
    printf("%-7s sample %6.2f  gradient %6.2f  update (mu and sigma) %6.2f  hashes %6.2f  ns "
           "per weight\n",
           pwf_isa_name(isa), seconds[SAMPLE] * unit, seconds[GRADIENT] * unit,
           seconds[UPDATE] * unit, seconds[HASH] * unit);
    if (isa == pwf_isa_best() && all.model) report(seconds);
}

static void start(int64_t n)
{
    const double t0 = pwf_clock_seconds();
    bench_check(pwf_posterior_start_sigma(all.state, &settings, all.state->mu));
    const double t1 = pwf_clock_seconds();
    pwf_measures m;
    bench_check(pwf_posterior_measures(all.state->mu, n, &m));
    const double t2 = pwf_clock_seconds();
    printf("%lld weights: start values of sigma %.3f s, measures %.3f s\n", (long long)n, t1 - t0,
           t2 - t1);
}

int main(int argc, char **argv)
{
    pwf_registry *registry = table_new(bench_argument(argc, argv, 1, COUNT));
    const int64_t n = pwf_registry_total_count(registry);
    bench_check(pwf_state_new(registry, (pwf_range){0, n}, 1, 7, &all.state));
    bench_check(pwf_pool_new((int)bench_argument(argc, argv, 2, 1), NULL, &all.pool));
    all.model = argc > 3 ? argv[3] : NULL;
    all.repeats = bench_argument(argc, argv, 4, 5);
    all.bf16 = argc > 5 && strcmp(argv[5], "bf16") == 0;
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, n, sizeof *all.sum, &all.sum));
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, n, sizeof *all.dmu, &all.dmu));
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, n, sizeof *all.dsigma, &all.dsigma));
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, pwf_block_count(n), sizeof *all.norm, &all.norm));
    const int64_t hashes = PWF_STATE_ARRAYS_MAX * pwf_block_count(n);
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, hashes, sizeof *all.noted, &all.noted));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, hashes, sizeof *all.found, &all.found));
    for (int64_t i = 0; i < n; i++)
        all.sum[i] = (i * INT64_C(2654435761)) % (INT64_C(1) << 40) - (INT64_C(1) << 39);
    start(n);
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++)
        measure_isa((pwf_isa)isa);
    pwf_mem_free(all.found);
    pwf_mem_free(all.noted);
    pwf_mem_free(all.norm);
    pwf_mem_free(all.dsigma);
    pwf_mem_free(all.dmu);
    pwf_mem_free(all.sum);
    pwf_pool_free(all.pool);
    pwf_state_free(all.state);
    pwf_registry_free(registry);
    return 0;
}
