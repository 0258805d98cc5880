/* SPDX-License-Identifier: BSD-3-Clause */
/* Cost of exact sums of gradients compared with fp32 sums on this number of ranks: bench_sums
 * WEIGHTS SLOTS SECONDS REPEATS PRECISION, of a step with SLOTS slots per rank. A step adds each
 * slot's gradient to 64-bit integers, twice the bytes of fp32, and reduces these over the ranks.
 * The reduction of fp32 is taken as that of half as many integers, which moves its bytes. */
#include "bench.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/mesh/exact.h"
#include "pwf/shard/shard.h"
#include "pwf/tensor/kernels.h"

#include <stdio.h>
#include <stdlib.h>

enum { ADD, REDUCE, PLAIN_ADD, PLAIN_REDUCE, PARTS };

static struct {
    pwf_exchange *exact, *half;
    int64_t *sum;
    float *plain, *gradient;
    int64_t count;
} all;

static void run(int part)
{
    switch (part) {
    case ADD:
        if (!pwf_exact_add(all.sum, all.gradient, all.count))
            bench_check(PWF_FAIL(PWF_NUMBERS, "a gradient is not finite"));
        break;
    case PLAIN_ADD:
        pwf_kernels_now()->accumulate(all.plain, all.gradient, all.count);
        break;
    default: {
        pwf_exchange *e = part == REDUCE ? all.exact : all.half;
        pwf_exchange_reduce_begin(e, all.sum, 1);
        pwf_exchange_reduce_end(e);
    }
    }
}

static void prepare(const pwf_mesh *mesh, int64_t count)
{
    all.count = count;
    bench_check(pwf_exchange_new(mesh, count, 0, &all.exact));
    bench_check(pwf_exchange_new(mesh, (count + 1) / 2, 0, &all.half));
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, count, sizeof *all.sum, &all.sum));
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, count, sizeof *all.plain, &all.plain));
    bench_check(pwf_mem_alloc(PWF_MEM_GRADIENTS, count, sizeof *all.gradient, &all.gradient));
    for (int64_t i = 0; i < count; i++)
        all.gradient[i] = (float)(i % 1001 - 500) * 0x1p-20f;
}

static void release(void)
{
    pwf_exchange_free(all.exact);
    pwf_exchange_free(all.half);
    pwf_mem_free(all.sum);
    pwf_mem_free(all.plain);
    pwf_mem_free(all.gradient);
}

static void report(int ranks, const char *precision, double slots, double step,
                   const double *seconds)
{
    const double exact = slots * seconds[ADD] + seconds[REDUCE];
    const double plain = slots * seconds[PLAIN_ADD] + seconds[PLAIN_REDUCE];
    char row[128], remark[128];
    printf("exact %.2f ms a slot and %.2f ms, plain %.2f and %.2f; %.2f %% of a step of %.0f ms\n",
           1e3 * seconds[ADD], 1e3 * seconds[REDUCE], 1e3 * seconds[PLAIN_ADD],
           1e3 * seconds[PLAIN_REDUCE], 100.0 * (exact - plain) / step, 1e3 * step);
    snprintf(row, sizeof row, "exact sums more than plain ones, %lld weights, %d ranks, %s",
             (long long)all.count, ranks, precision);
    snprintf(remark, sizeof remark, "%.2f ms a step, exact %.2f, plain %.2f", 1e3 * (exact - plain),
             1e3 * exact, 1e3 * plain);
    bench_cell(BENCH_OTHERS, row, "value", 100.0 * (exact - plain) / step);
    bench_text(BENCH_OTHERS, row, "unit", "% of a step");
    bench_text(BENCH_OTHERS, row, "remark", remark);
}

int main(int argc, char **argv)
{
    pwf_mesh *mesh = NULL;
    double seconds[PARTS] = {1e9, 1e9, 1e9, 1e9};
    bench_check(pwf_mesh_start(&argc, &argv));
    bench_check(pwf_mesh_new(1, &mesh));
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const int64_t count = bench_argument(argc, argv, 1, 5669800);
    const long long slots = bench_argument(argc, argv, 2, 4);
    const double step = argc > 3 ? atof(argv[3]) : 1.0;
    const long long repeats = bench_argument(argc, argv, 4, 9);
    prepare(mesh, count);
    for (long long i = 0; i < repeats; i++)
        for (int part = 0; part < PARTS; part++) {
            pwf_mesh_barrier(mesh);
            const double begun = pwf_clock_seconds();
            run(part);
            const double taken = pwf_clock_seconds() - begun;
            if (taken < seconds[part]) seconds[part] = taken;
        }
    pwf_mesh_max_f64(mesh, PWF_WORLD, seconds, PARTS);
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0)
        report(ranks, argc > 5 ? argv[5] : "fp32", (double)slots, step, seconds);
    release();
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return 0;
}
