/* SPDX-License-Identifier: BSD-3-Clause */
/* Times fixing rounds on synthetic weights of the shape of a vision transformer's: mu normal with
 * deviation 0.03, sigma by the rule of docs/explanation/method.md, section 1. Not a test.
 *   mpirun -n R bench_round [weights] [fraction] [repeats] [alone]
 * First one round at `fraction` from scratch, and the memory of all ranks together; then, unless
 * that is to be `alone`, all ten published rounds in a row. */
#include "pwf/cluster/round.h"
#include "bench.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    pwf_mesh *mesh;
    int64_t total, local;
    pwf_round_weights weights;
    pwf_codebook codebook;
    pwf_fixing_config settings;
} bench;

/* r of section 1: 0 at a power of two, largest in the middle between two. */
static double between_powers(double size)
{
    int exponent = 0;
    const double part = frexp(size, &exponent);
    const double below = ldexp(1.0, exponent - 1), above = part == 0.5 ? below : 2.0 * below;
    return (above - size) / size * ((size - below) / size);
}

/* The 75th percentile of r over normal weights is taken from a sample, the same for all ranks. */
static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double third_quarter(pwf_stream stream)
{
    enum { SAMPLE = 65536 };
    static float normals[SAMPLE];
    static double r[SAMPLE];
    pwf_rng_normals(normals, stream, 0, SAMPLE);
    for (int i = 0; i < SAMPLE; i++)
        r[i] = between_powers(fabs(0.03 * (double)normals[i]) + 1e-30);
    qsort(r, SAMPLE, sizeof *r, ascending);
    return r[SAMPLE * 3 / 4];
}

static void fill(bench *b)
{
    const pwf_stream stream = {.seed = 1};
    const double quarter = third_quarter(stream);
    b->codebook.count = 0;
    pwf_rng_normals(b->weights.mu, stream, b->weights.own.lo, b->local);
    for (int64_t i = 0; i < b->local; i++) {
        b->weights.mu[i] *= 0.03f;
        const double r = between_powers(fabs((double)b->weights.mu[i]) + 1e-30);
        b->weights.sigma[i] = (float)fmin(fmax(0.0025 * r / quarter, 0x1p-30), 0.05);
        b->weights.code[i] = PWF_FREE;
    }
}

/* What a rank holds in addition to its weights. */
static int64_t extra_bytes;

static double one_round(bench *b, double fraction, bool show)
{
    pwf_round_result result;
    b->settings.fractions.at[0] = fraction;
    pwf_mesh_barrier(b->mesh);
    const double start = pwf_clock_seconds();
    bench_check(pwf_cluster_round(b->mesh, &b->settings, 0, &b->weights, &result));
    const double seconds = pwf_clock_seconds() - start;
    int64_t bytes = (int64_t)result.extra_bytes;
    pwf_mesh_max_i64(b->mesh, PWF_WORLD, &bytes, 1);
    if (bytes > extra_bytes) extra_bytes = bytes;
    if (show && pwf_mesh_rank(b->mesh, PWF_WORLD) == 0)
        printf("  to %-6g %8.3f s  %5lld steps  %11lld fixed  %5.2f bytes per local weight\n",
               fraction, seconds, (long long)result.count, (long long)result.fixed,
               (double)bytes / (double)(b->local ? b->local : 1));
    pwf_mem_free(result.steps);
    return seconds;
}

static void report(const bench *b, const char *what, double seconds)
{
    char row[128], remark[64];
    snprintf(row, sizeof row, "%s, %lld weights, %d ranks", what, (long long)b->total,
             pwf_mesh_size(b->mesh, PWF_WORLD));
    snprintf(remark, sizeof remark, "%.1f MB more a rank", 1e-6 * (double)extra_bytes);
    bench_cell(BENCH_OTHERS, row, "value", seconds);
    bench_text(BENCH_OTHERS, row, "unit", "s");
    bench_cell(BENCH_OTHERS, row, "extra_bytes", (double)extra_bytes);
    bench_text(BENCH_OTHERS, row, "remark", remark);
}

static void run(bench *b, double fraction, int repeats, bool alone)
{
    static const double rounds[] = {0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1.0};
    const bool root = pwf_mesh_rank(b->mesh, PWF_WORLD) == 0;
    if (root)
        printf("%lld weights on %d ranks\n", (long long)b->total,
               pwf_mesh_size(b->mesh, PWF_WORLD));
    for (int i = 0; i < repeats; i++) {
        fill(b);
        const double seconds = one_round(b, fraction, true);
        if (root) report(b, "one round", seconds);
    }
    int64_t peak = (int64_t)pwf_mem_process_peak();
    pwf_mesh_sum_i64(b->mesh, PWF_WORLD, &peak, 1);
    if (root) printf("  all processes together: %.2f GiB\n", (double)peak / 1073741824.0);
    if (alone) return;
    fill(b);
    double sum = 0.0;
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
        sum += one_round(b, rounds[i], true);
    if (!root) return;
    printf("  all ten: %.3f s, %d values\n", sum, b->codebook.count);
    report(b, "all ten rounds", sum);
}

int main(int argc, char **argv)
{
    bench_check(pwf_mesh_start(&argc, &argv));
    bench b = {
        .total = argc > 1 ? atoll(argv[1]) : 5669800,
        .settings = {
            .delta = 1.0, .delta_growth = 2.0, .max_order = 4, .min_power = 7, .zero_fix = true}};
    bench_check(pwf_mesh_new(1, &b.mesh));
    b.weights.total = b.total;
    b.weights.own = pwf_shard_range(b.total, pwf_mesh_size(b.mesh, PWF_WORLD),
                                    pwf_mesh_rank(b.mesh, PWF_WORLD));
    b.weights.codebook = &b.codebook;
    b.codebook.min_power = 7;
    b.local = b.weights.own.hi - b.weights.own.lo;
    bench_check(pwf_mem_alloc(PWF_MEM_STATE, b.local, sizeof(float), &b.weights.mu));
    bench_check(pwf_mem_alloc(PWF_MEM_STATE, b.local, sizeof(float), &b.weights.sigma));
    bench_check(pwf_mem_alloc(PWF_MEM_STATE, b.local, sizeof(int16_t), &b.weights.code));
    bench_check(pwf_mem_alloc(PWF_MEM_STATE, PWF_CODES_MAX, sizeof(int32_t), &b.codebook.entry));
    run(&b, argc > 2 ? atof(argv[2]) : 0.2, argc > 3 ? atoi(argv[3]) : 2,
        argc > 4 && strcmp(argv[4], "alone") == 0);
    pwf_mem_free(b.weights.mu);
    pwf_mem_free(b.weights.sigma);
    pwf_mem_free(b.weights.code);
    pwf_mem_free(b.codebook.entry);
    pwf_mesh_free(b.mesh);
    pwf_mesh_stop();
    return 0;
}
