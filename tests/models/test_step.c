/* SPDX-License-Identifier: BSD-3-Clause */
/* A step gives the same bits whichever thread runs it, wherever its memory lies, whatever ran
 * before, and (plain back end) on every instruction set. */
#include "models/fashion.h"

#include "pwf/config/config.h"
#include "pwf/core/hash.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/models/model.h"
#include "pwf/nn/executor.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 4, STEPS = 3 };

typedef struct job {
    const pwf_registry *registry;
    const pwf_graph *graph;
    int shift; /* cache lines by which the heap is moved first */
    pwf_hash hash[STEPS];
    bool failed;
} job;

/* The gradient as reported piece by piece during the backward pass. */
typedef struct reported {
    const float *gradient;
    float *copy;
    int64_t count;
} reported;

static void copy_whole(void *context, int64_t lo, int64_t count)
{
    reported *t = context;
    memcpy(t->copy + lo, t->gradient + lo, (size_t)count * sizeof *t->copy);
    t->count += count;
}

/* The result of one step as a hash: gradient, statistics, loss. */
static bool run_step(const job *j, pwf_executor *executor, const float *weights, float *gradient,
                     float *copy, float *statistics, pwf_hash *hash)
{
    const int32_t labels[IMAGES] = {1, 9, 0, 4};
    const size_t total = (size_t)pwf_registry_total_count(j->registry);
    const size_t buffers = (size_t)pwf_registry_buffer_count(j->registry);
    double loss = 0.0;
    memset(gradient, 0, total * sizeof *gradient);
    memset(statistics, 0, buffers * sizeof *statistics);
    const pwf_targets targets = {.labels = labels};
    reported pieces = {.gradient = gradient, .copy = copy};
    memset(copy, 0xff, total * sizeof *copy);
    pwf_executor_watch_gradients(executor, copy_whole, &pieces);
    if (pwf_executor_train(executor, weights, &targets, 0.25f, gradient, statistics, &loss).code !=
        PWF_OK)
        return false;
    /* Each element was reported once, after the last addition to it. */
    if (pieces.count != (int64_t)total || memcmp(copy, gradient, total * sizeof *copy) != 0)
        return false;
    pwf_hasher hasher;
    pwf_hasher_begin(&hasher);
    pwf_hasher_add(&hasher, gradient, total * sizeof *gradient);
    pwf_hasher_add(&hasher, statistics, buffers * sizeof *statistics);
    pwf_hasher_add(&hasher, &loss, sizeof loss);
    *hash = pwf_hasher_digest(&hasher);
    return isfinite(loss);
}

static void *work(void *argument)
{
    job *j = argument;
    const int64_t total = pwf_registry_total_count(j->registry);
    float *shift, *weights, *gradient, *copy, *statistics;
    pwf_executor *executor;
    pwf_tensor_thread_start();
    j->failed =
        pwf_mem_alloc(PWF_MEM_BUFFERS, 16 * j->shift, sizeof(float), &shift).code != PWF_OK ||
        pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof(float), &weights).code != PWF_OK ||
        pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof(float), &gradient).code != PWF_OK ||
        pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof(float), &copy).code != PWF_OK ||
        pwf_mem_alloc(PWF_MEM_BUFFERS, pwf_registry_buffer_count(j->registry), sizeof(float),
                      &statistics)
                .code != PWF_OK ||
        pwf_executor_new(j->graph, IMAGES, PWF_MODE_TRAIN, PWF_FP32, &executor).code != PWF_OK;
    if (j->failed) return NULL;
    pwf_registry_start_values(j->registry, 7, weights, 0, total);
    /* The last scale of a block starts at 0, which would hide half the gradient. */
    for (int i = 0; i < pwf_registry_params(j->registry); i++) {
        const pwf_param *p = pwf_registry_param(j->registry, i);
        for (int64_t k = 0; p->init == PWF_INIT_ZERO && k < p->count; k++)
            weights[p->offset + k] = 0.5f;
    }
    int64_t height, width, channels, classes;
    pwf_graph_shape(j->graph, &height, &width, &channels, &classes);
    float *image = pwf_executor_images(executor);
    for (int64_t i = 0; i < IMAGES * height * width * channels; i++)
        image[i] = (float)(i * 7919 % 1009) / 1009.0f - 0.5f;
    for (int i = 0; i < STEPS; i++)
        if (!run_step(j, executor, weights, gradient, copy, statistics, &j->hash[i]))
            j->failed = true;
    pwf_executor_free(executor);
    pwf_mem_free(shift);
    pwf_mem_free(weights);
    pwf_mem_free(gradient);
    pwf_mem_free(copy);
    pwf_mem_free(statistics);
    return NULL;
}

static pwf_config *fashion_net(int64_t backend)
{
    pwf_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    pwf_config_defaults(config);
    set_fashion_net(&config->model);
    config->model.stem_pool = true;
    config->parallel.backend = (pwf_tensor_backend)backend;
    return config;
}

static bool same(pwf_hash a, pwf_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

static const char *const names[] = {"resnet", "vit_micro"};

/* Two threads at once, then one more alone, with the heap moved; all steps of all agree. */
static pwf_hash check(int64_t backend, const char *name)
{
    pwf_registry *registry;
    pwf_graph *graph;
    pwf_config *config = fashion_net(backend);
    strcpy(config->model.name, name);
    assert_int_equal(pwf_model_build(pwf_config_model(config), &registry, &graph).code, PWF_OK);
    job jobs[3] = {{registry, graph, 1, {{0, 0}}, false},
                   {registry, graph, 5, {{0, 0}}, false},
                   {registry, graph, 1027, {{0, 0}}, false}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    work(&jobs[2]);
    for (int i = 0; i < 3; i++) {
        assert_false(jobs[i].failed);
        for (int s = 0; s < STEPS; s++)
            assert_true(same(jobs[i].hash[s], jobs[0].hash[0]));
    }
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    free(config);
    return jobs[0].hash[0];
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int64_t backend = PWF_TENSOR_AUTO; backend <= PWF_TENSOR_PLAIN; backend++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            check(backend, names[i]);
    assert_int_equal(pwf_mem_live(), 0);
}

static void test_instruction_sets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const pwf_hash best = check(PWF_TENSOR_PLAIN, names[i]);
        for (int isa = PWF_ISA_BASE; isa < (int)pwf_isa_best(); isa++) {
            pwf_isa_use((pwf_isa)isa);
            assert_true(same(check(PWF_TENSOR_PLAIN, names[i]), best));
        }
        pwf_isa_use(pwf_isa_best());
    }
}

/* BatchNorm's statistics of a slot of `images` copies of one image, whose values are large. */
static float *statistics_of(const pwf_registry *registry, const pwf_graph *graph,
                            const float *weights, int64_t images)
{
    pwf_executor *executor;
    float *statistics;
    int64_t height, width, channels, classes;
    assert_int_equal(pwf_mem_alloc(PWF_MEM_BUFFERS, pwf_registry_buffer_count(registry),
                                   sizeof(float), &statistics)
                         .code,
                     PWF_OK);
    assert_int_equal(pwf_executor_new(graph, images, PWF_MODE_TRAIN, PWF_FP32, &executor).code,
                     PWF_OK);
    pwf_graph_shape(graph, &height, &width, &channels, &classes);
    const int64_t pixels = height * width * channels;
    for (int64_t i = 0; i < images * pixels; i++)
        pwf_executor_images(executor)[i] = (float)(i % pixels * 7919 % 1009) - 400.0f;
    assert_int_equal(pwf_executor_statistics(executor, weights, statistics).code, PWF_OK);
    pwf_executor_free(executor);
    return statistics;
}

/* The means of copies of an image are those of the image: nothing else enters the sums. */
static void test_copies(void **state)
{
    (void)state;
    pwf_config *config = fashion_net(PWF_TENSOR_AUTO);
    pwf_registry *registry;
    pwf_graph *graph;
    float *weights;
    config->model.stem_pool = false;
    assert_int_equal(pwf_model_build(pwf_config_model(config), &registry, &graph).code, PWF_OK);
    const int64_t total = pwf_registry_total_count(registry);
    assert_int_equal(pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof(float), &weights).code, PWF_OK);
    pwf_registry_start_values(registry, 7, weights, 0, total);
    float *one = statistics_of(registry, graph, weights, 1);
    for (int64_t images = 2; images <= 16; images *= 2) {
        float *many = statistics_of(registry, graph, weights, images);
        for (int i = 0; i < pwf_registry_buffers(registry); i++) {
            const pwf_buffer *b = pwf_registry_buffer(registry, i);
            if (!strstr(b->name, "mean")) continue;
            float most = 0.0f;
            for (int64_t k = b->offset; k < b->offset + b->count; k++)
                most = fmaxf(most, fabsf(one[k]));
            for (int64_t k = b->offset; k < b->offset + b->count; k++)
                assert_true(fabsf(many[k] - one[k]) <= 1e-4f * most);
        }
        pwf_mem_free(many);
    }
    pwf_mem_free(one);
    pwf_mem_free(weights);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copies),
                                       cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
