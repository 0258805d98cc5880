/* SPDX-License-Identifier: BSD-3-Clause */
/* Times the slots of a training step, operator by operator, on several threads at once:
 *   bench_step MODEL [images of a slot] [threads] [milliseconds] [images of a step] [back end]
 *              [precision] [recompute]
 * MODEL is one of timm's names, or `fashion` for the network of configs/fashion_mnist.yaml; with
 * `recompute`, the last word, the backward pass recomputes as with parallel.recompute. Each
 * operator's time is that of its fastest slot. */
#include "bench.h"
#include "duty.h"
#include "models/fashion.h"
#include "nn/operators.h"
#include "pwf/config/config.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/mesh/exact.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 64, PARTS_MAX = 64, PACK = 0, EXACT, OPERATORS };

/* Seconds of one slot. */
typedef struct spent {
    double forward, backward;
} spent;

/* What a thread owns. */
typedef struct worker {
    pwf_executor *executor;
    float *gradient, *statistics;
    int64_t *sum;
    int32_t *labels;
    double adding; /* seconds of the current slot */
    spent before[PARTS_MAX], least[PARTS_MAX];
    bool warm;
} worker;

static const char *const precisions[PWF_PRECISIONS] = {"fp32", "bf16"};

static struct {
    pwf_config config;
    pwf_registry *registry;
    pwf_graph *graph;
    const char *model;
    int64_t total, images, threads, batch;
    pwf_precision precision;
    pwf_mode mode;
    float *weights;
    void *packed;
    double packed_bytes, packing; /* seconds of one thread, once a step */
    worker workers[THREADS_MAX];
} all;

static void build(const char *model, int64_t backend)
{
    pwf_config_defaults(&all.config);
    all.model = model;
    all.config.parallel.backend = (pwf_tensor_backend)backend;
    if (strcmp(model, "fashion") == 0)
        set_fashion_net(&all.config.model);
    else
        snprintf(all.config.model.name, sizeof all.config.model.name, "%s", model);
    bench_check(pwf_model_build(pwf_config_model(&all.config), &all.registry, &all.graph));
    all.total = pwf_registry_total_count(all.registry);
    PWF_ASSERT(OPERATORS + operator_count() <= PARTS_MAX);
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, all.total, sizeof(float), &all.weights));
    pwf_registry_start_values(all.registry, 1, all.weights, 0, all.total);
}

/* As pwf_workers_begin does once per step; all threads share the prepacked weights. */
static void pack(void)
{
    pwf_executor *e;
    int pieces;
    bench_check(pwf_executor_new(all.graph, all.images, all.mode, all.precision, &e));
    const int64_t bytes = (int64_t)pwf_executor_packed(e, &pieces);
    all.packed = NULL;
    all.packed_bytes = (double)bytes;
    all.packing = 0.0;
    if (pieces > 0) bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, bytes, 1, &all.packed));
    for (int turn = 0; turn < 2; turn++) { /* the first one touches the memory */
        const double start = pwf_clock_seconds();
        for (int piece = 0; piece < pieces; piece++)
            bench_check(pwf_executor_pack(e, all.weights, all.packed, piece));
        all.packing = pwf_clock_seconds() - start;
    }
    pwf_executor_free(e);
}

static void begin(void *context, int thread)
{
    (void)context;
    worker *w = &all.workers[thread];
    pwf_tensor_thread_start();
    bench_check(pwf_executor_new(all.graph, all.images, all.mode, all.precision, &w->executor));
    pwf_executor_use_packed(w->executor, all.packed);
    pwf_executor_measure(w->executor);
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, all.total, sizeof(float), &w->gradient));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, all.total, sizeof(int64_t), &w->sum));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, pwf_registry_buffer_count(all.registry),
                              sizeof(float), &w->statistics));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, all.images, sizeof(int32_t), &w->labels));
    for (int i = 0; i < PARTS_MAX; i++)
        w->least[i] = (spent){1e30, 1e30};
    int64_t height, width, channels, classes;
    pwf_graph_shape(all.graph, &height, &width, &channels, &classes);
    float *image = pwf_executor_images(w->executor);
    for (int64_t i = 0; i < all.images * height * width * channels; i++)
        image[i] = (float)(i * 7919 % 1009) / 1009.0f - 0.5f;
}

static void end(void *context, int thread)
{
    (void)context;
    worker *w = &all.workers[thread];
    pwf_executor_free(w->executor);
    pwf_mem_free(w->gradient);
    pwf_mem_free(w->sum);
    pwf_mem_free(w->statistics);
    pwf_mem_free(w->labels);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* The seconds that the executor has counted since the last slot. */
static void note(worker *w)
{
    for (int i = 0; i < operator_count(); i++) {
        spent now, *before = &w->before[OPERATORS + i], *best = &w->least[OPERATORS + i];
        pwf_executor_seconds(w->executor, operator_at(i)->name, &now.forward, &now.backward);
        if (w->warm) {
            best->forward = least(best->forward, now.forward - before->forward);
            best->backward = least(best->backward, now.backward - before->backward);
        }
        *before = now;
    }
    if (w->warm) w->least[EXACT].backward = least(w->least[EXACT].backward, w->adding);
    w->warm = true;
}

static void add_gradient(void *context, int64_t lo, int64_t count)
{
    worker *w = context;
    const double begun = pwf_clock_seconds();
    if (!pwf_exact_add(w->sum + lo, w->gradient + lo, count))
        bench_check(PWF_FAIL(PWF_NUMBERS, "a gradient is not finite"));
    memset(w->gradient + lo, 0, (size_t)count * sizeof *w->gradient);
    w->adding += pwf_clock_seconds() - begun;
}

/* Computes a slot as src/train/slots.c does. */
static double work(void *context, int thread)
{
    (void)context;
    worker *w = &all.workers[thread];
    const pwf_targets targets = {.labels = w->labels};
    double loss = 0.0;
    w->adding = 0.0;
    pwf_executor_watch_gradients(w->executor, add_gradient, w);
    bench_check(pwf_executor_train(w->executor, all.weights, &targets, 1.0f / (float)all.batch,
                                   w->gradient, w->statistics, &loss));
    note(w);
    return (double)all.images;
}

/* Cells are of a whole step on all threads: milliseconds, GFLOP and GB. */
static void report(const char *name, int part, const duty *d)
{
    char group[128];
    spent s = {1e30, 1e30};
    for (int64_t t = 0; t < all.threads; t++) {
        s.forward = least(s.forward, all.workers[t].least[part].forward);
        s.backward = least(s.backward, all.workers[t].least[part].backward);
    }
    if (part == PACK) s = (spent){all.packing * (double)all.images / (double)all.batch, 0.0};
    if (part == EXACT) s.forward = 0.0;
    if (!(s.forward + s.backward > 0.0 && s.forward < 1e30 && s.backward < 1e30)) return;
    const double slots = (double)all.batch / (double)all.images;
    const double scale = 1e3 * slots / (double)all.threads;
    snprintf(group, sizeof group, BENCH_PARTS "%s, %s", all.model, precisions[all.precision]);
    printf("    %-14s %8.1f %8.1f us per image forward, backward\n", name,
           1e6 * s.forward / (double)all.images, 1e6 * s.backward / (double)all.images);
    bench_cell(group, name, "forward", scale * s.forward);
    bench_cell(group, name, "backward", scale * s.backward);
    bench_cell(group, name, "operations", 1e-9 * slots * d->operations);
    bench_cell(group, name, "second", 1e-9 * slots * d->second);
    bench_cell(group, name, "third", 1e-9 * slots * d->third);
    bench_cell(group, name, "memory", 1e-9 * slots * d->memory);
}

static void tell_all(void)
{
    const double gradient = 4.0 * (double)all.total;
    duty d = {0};
    for (int i = 0; i < operator_count(); i++) {
        const duty op = duty_of(all.graph, operator_at(i), all.images, (int)all.threads);
        report(operator_at(i)->name, OPERATORS + i, &op);
    }
    duty_touch(&d, gradient + all.packed_bytes, (double)all.images / (double)all.batch,
               (int)all.threads);
    report("pack the weights", PACK, &d);
    d = (duty){0};
    duty_touch(&d, 6.0 * gradient, 1.0,
               (int)all.threads); /* the gradient and sums of twice its size, read and written */
    report("exact sums", EXACT, &d);
}

static void measure(const char *model, int64_t backend, double seconds)
{
    memset(all.workers, 0, sizeof all.workers);
    build(model, backend);
    pack();
    const bench_job job = {begin, end, work, NULL};
    const double rate = bench_rate((int)all.threads, seconds, &job);
    const double operations = 3e-9 * (double)duty_operations(all.graph);
    printf("%s, %s, %s: %.1f images/s, %.1f GFLOP/s (%.2f GFLOP per image), %.1f MiB a thread\n",
           model, pwf_tensor_backend_text(backend).text, precisions[all.precision], rate,
           rate * operations, operations,
           (double)pwf_mem_peak(PWF_MEM_ACTIVATIONS) / 1048576.0 / (double)all.threads);
    char row[128];
    snprintf(row, sizeof row, "%s, training, %s", model, precisions[all.precision]);
    bench_cell(BENCH_STEPS, row, "operations", operations);
    snprintf(row, sizeof row, "%s, evaluation, %s", model, precisions[all.precision]);
    bench_cell(BENCH_STEPS, row, "operations", operations / 3.0);
    tell_all();
    pwf_graph_free(all.graph);
    pwf_registry_free(all.registry);
    pwf_mem_free(all.weights);
    pwf_mem_free(all.packed);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"auto", "onednn", "openblas", "plain"};
    const char *model = argc > 1 ? argv[1] : "fashion", *wanted = argc > 6 ? argv[6] : "auto";
    all.images = bench_argument(argc, argv, 2, 16);
    all.threads = bench_argument(argc, argv, 3, 1);
    const double seconds = 1e-3 * (double)bench_argument(argc, argv, 4, 2000);
    all.batch = bench_argument(argc, argv, 5, 64);
    all.mode = strcmp(argv[argc - 1], "recompute") == 0 ? PWF_MODE_RECOMPUTE : PWF_MODE_TRAIN;
    if (all.threads > THREADS_MAX) return PWF_USAGE;
    if (argc > 7 && strcmp(argv[7], precisions[PWF_BF16]) == 0) all.precision = PWF_BF16;
    pwf_tensor_thread_start();
    for (int64_t backend = PWF_TENSOR_AUTO; backend <= PWF_TENSOR_PLAIN; backend++)
        if (strcmp(names[backend], wanted) == 0) measure(model, backend, seconds);
    return 0;
}
