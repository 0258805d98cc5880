/* SPDX-License-Identifier: BSD-3-Clause */
/* What this machine can do at best: bench_ceilings [threads] [milliseconds of each]. Every row is
 * the best of many short runs in which all threads work at once. */
#include "bench.h"
#include "products.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/tensor/tensor.h"
#include "registers.h"

#include <stdio.h>
#include <string.h>

static int threads;
static double seconds;

static double greater(double a, double b)
{
    return a > b ? a : b;
}

/* 0: this machine has none. */
static double report(const char *row, double value, const char *unit)
{
    if (value > 0.0) {
        printf("%-62s %9.1f %s\n", row, value, unit);
        bench_cell(BENCH_CEILINGS, row, "value", value);
    } else {
        printf("%-62s %9s\n", row, "-");
        bench_text(BENCH_CEILINGS, row, "value", "-");
    }
    bench_text(BENCH_CEILINGS, row, "unit", unit);
    return value;
}

static double from_registers(void *context, int thread)
{
    (void)thread;
    return ((const registers_kind *)context)->work();
}

static void registers(registers_kind kind)
{
    const bench_job job = {NULL, NULL, from_registers, &kind};
    report(kind.name, kind.here ? 1e-9 * bench_rate(threads, seconds, &job) : 0.0, "GFLOP/s");
}

enum { THREADS_MAX = 256 };

/* Arrays are copied piece by piece; the copy restarts at their end. */
typedef struct copy_job {
    size_t bytes, piece;
    size_t at[THREADS_MAX];
    char *from[THREADS_MAX], *to[THREADS_MAX];
} copy_job;

static void copy_begin(void *context, int thread)
{
    copy_job *job = context;
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)job->bytes, 1, &job->from[thread]));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)job->bytes, 1, &job->to[thread]));
    for (size_t i = 0; i < job->bytes; i += 64)
        job->from[thread][i] = job->to[thread][i] = (char)i;
}

static void copy_end(void *context, int thread)
{
    copy_job *job = context;
    pwf_mem_free(job->from[thread]);
    pwf_mem_free(job->to[thread]);
}

static double copy_work(void *context, int thread)
{
    copy_job *job = context;
    size_t *at = &job->at[thread];
    registers_copy(job->to[thread] + *at, job->from[thread] + *at, job->piece);
    *at = *at + 2 * job->piece <= job->bytes ? *at + job->piece : 0;
    return 2.0 * (double)job->piece;
}

/* `bytes` is what one thread reads and writes. */
static void copy(const char *row, long long bytes)
{
    enum { PIECE = 1 << 20 };
    static copy_job job;
    memset(&job, 0, sizeof job);
    job.bytes = (size_t)(bytes / 2 / 4096 * 4096);
    job.piece = job.bytes < PIECE ? job.bytes : PIECE;
    const bench_job work = {copy_begin, copy_end, copy_work, &job};
    report(row, bytes > 0 ? 1e-9 * bench_rate(threads, seconds, &work) : 0.0, "GB/s");
}

static void copies(void)
{
    const long long second = bench_second_level(), third = bench_third_level();
    const long long share = third / threads;
    copy(BENCH_COPY_SECOND, second / 2);
    copy(BENCH_COPY_THIRD, share >= 3 * second ? share / 2 : 0); /* else the same or memory */
    /* A tenth of a second and less is a test of the bench. */
    copy(BENCH_COPY_MEMORY, seconds > 0.1 ? 4 * third : 8 << 20);
}

static void products(void)
{
    static const product shapes[] = {{788, 192, 576}, {788, 192, 768}, {788, 768, 192}};
    static const char *const passes[] = {"", ", gradient of the input",
                                         ", gradient of the weights"};
    const double unit = 1e-9;
    double best[2] = {0.0, 0.0};
    char row[128];
    for (int bf16 = 0; bf16 < 2; bf16++)
        for (int i = 0; i < 3; i++) {
            const product *s = &shapes[i];
            snprintf(row, sizeof row, "oneDNN, %s, %lldx%lldx%lld", bf16 ? "bf16" : "fp32", s->rows,
                     s->inputs, s->outputs);
            best[bf16] = greater(
                best[bf16],
                report(row, unit * products_onednn(*s, bf16 != 0, threads, seconds), "GFLOP/s"));
        }
    for (int bf16 = 0; bf16 < 2; bf16++)
        for (int i = 0; i < 3; i++)
            for (int pass = 0; pass < 3; pass++) {
                const product *s = &shapes[i];
                snprintf(row, sizeof row, "our linear layer, %s, %lldx%lldx%lld%s",
                         bf16 ? "bf16" : "fp32", s->rows, s->inputs, s->outputs, passes[pass]);
                const double rate = products_linear(*s, pass, bf16 != 0, threads, seconds);
                best[bf16] = greater(best[bf16], report(row, unit * rate, "GFLOP/s"));
            }
    report(BENCH_PRODUCTS_FP32, best[0], "GFLOP/s");
    report(BENCH_PRODUCTS_BF16, best[1], "GFLOP/s");
}

int main(int argc, char **argv)
{
    threads = (int)bench_argument(argc, argv, 1, 2);
    seconds = 1e-3 * (double)bench_argument(argc, argv, 2, 500);
    if (threads > THREADS_MAX) return PWF_USAGE;
    pwf_tensor_thread_start();
    bench_text("machine", "kernels", "value", pwf_isa_name(pwf_isa_best()));
    bench_text("machine", "library", "value", pwf_tensor_backend_text(PWF_TENSOR_ONEDNN).text);
    bench_cell("machine", "threads", "value", threads);
    bench_cell("machine", "second-level cache of a core, MiB", "value",
               (double)bench_second_level() * 0x1p-20);
    bench_cell("machine", "third-level cache, MiB", "value", (double)bench_third_level() * 0x1p-20);
    registers(registers_fp32());
    registers(registers_bf16_vectors());
    registers(registers_bf16_tiles());
    copies();
    products();
    return 0;
}
