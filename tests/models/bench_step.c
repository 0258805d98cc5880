/* SPDX-License-Identifier: BSD-3-Clause */
/* Times training steps of the Fashion-MNIST network, or another, on one thread, per back end and
 * operator: models_bench [images per slot] [seconds] [model], model one of timm's names at 224
 * pixels */
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"
#include "pwf/nn/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(pwf_status status)
{
    if (status.code == PWF_OK) return;
    fprintf(stderr, "%s\n", status.text);
    exit(1);
}

static void fashion_net(pwf_config *config)
{
    pwf_config_defaults(config);
    strcpy(config->model.name, "resnet");
    config->model.block = PWF_BLOCK_BASIC;
    config->model.depths = (pwf_int_list){3, {1, 1, 1}};
    config->model.widths = (pwf_int_list){3, {32, 64, 128}};
    config->model.stem_kernel = 3;
    config->model.stem_stride = 2;
    config->model.stem_pool = false;
    config->model.channels = 1;
    config->model.classes = 10;
    config->model.image_size = 28;
}

static void print_operators(const pwf_executor *executor, int64_t images)
{
    for (int i = 0; i < pwf_operator_count(); i++) {
        double forward, backward;
        pwf_executor_seconds(executor, pwf_operator_at(i)->name, &forward, &backward);
        printf("    %-14s %8.1f %8.1f us per image forward, backward\n", pwf_operator_at(i)->name,
               1e6 * forward / (double)images, 1e6 * backward / (double)images);
    }
}

static void measure(pwf_config *config, int64_t backend, int64_t images, double seconds)
{
    pwf_registry *registry;
    pwf_graph *graph;
    pwf_executor *executor;
    float *weights, *gradient, *statistics;
    config->parallel.backend = backend;
    check(pwf_model_build(config, &registry, &graph));
    check(pwf_executor_new(graph, images, PWF_MODE_TRAIN, &executor));
    const int64_t total = pwf_registry_total_count(registry);
    check(pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof(float), &weights));
    check(pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof(float), &gradient));
    check(pwf_mem_alloc(PWF_MEM_BUFFERS, pwf_registry_buffer_count(registry), sizeof(float),
                        &statistics));
    pwf_registry_start_values(registry, 1, weights, 0, total);
    int32_t *labels = calloc((size_t)images, sizeof *labels);
    const pwf_targets targets = {.labels = labels};
    float *image = pwf_executor_images(executor);
    int64_t height, width, channels, classes;
    pwf_graph_shape(graph, &height, &width, &channels, &classes);
    for (int64_t i = 0; i < images * height * width * channels; i++)
        image[i] = (float)(i * 7919 % 1009) / 1009.0f - 0.5f;
    double loss = 0.0, start = 0.0, spent = 0.0;
    int64_t slots = -3; /* the first ones warm up */
    while (spent < seconds || slots < 3) {
        check(pwf_executor_train(executor, weights, &targets, 1e-3f, gradient, statistics, &loss));
        if (++slots == 0) start = pwf_clock_seconds();
        if (slots > 0) spent = pwf_clock_seconds() - start;
    }
    const double flops = 3.0 * (double)pwf_graph_operations(graph);
    printf("%-24s %7.0f images/s, %6.1f GFLOP/s (%.1f MFLOP per image), %.1f MiB, loss %.4f\n",
           pwf_tensor_backend_text(backend), (double)(slots * images) / spent,
           1e-9 * flops * (double)(slots * images) / spent, 1e-6 * flops,
           (double)pwf_mem_now(PWF_MEM_ACTIVATIONS) / 1048576.0, loss / (double)images);
    print_operators(executor, (slots + 3) * images);
    pwf_executor_free(executor);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    pwf_mem_free(weights);
    pwf_mem_free(gradient);
    pwf_mem_free(statistics);
    free(labels);
}

int main(int argc, char **argv)
{
    pwf_config *config = calloc(1, sizeof *config);
    const int64_t images = argc > 1 ? atoll(argv[1]) : 16;
    const double seconds = argc > 2 ? atof(argv[2]) : 2.0;
    if (!config) return 1;
    pwf_tensor_thread_start();
    fashion_net(config);
    if (argc > 3) {
        snprintf(config->model.name, sizeof config->model.name, "%s", argv[3]);
        config->model.channels = 3;
        config->model.classes = 1000;
        config->model.image_size = 224;
    }
    for (int64_t backend = PWF_BACKEND_AUTO; backend <= PWF_BACKEND_PLAIN; backend++)
        measure(config, backend, images, seconds);
    free(config);
    return 0;
}
