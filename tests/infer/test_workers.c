/* SPDX-License-Identifier: BSD-3-Clause */
/* Executors of two workers with prepacked weights: they are created when the work changes, and give
 * the same bits as an executor that is used alone. */
#include "pwf/config/config.h"
#include "pwf/infer/workers.h"
#include "pwf/models/model.h"
#include "pwf/tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 2, IMAGES = 3, TASKS = 8 };

static pwf_config config;
static pwf_registry *registry;
static pwf_graph *graph;
static int64_t pixels, classes;
static float *buffers;

static void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

typedef struct job {
    pwf_workers *workers;
    float logits[TASKS][IMAGES * 10];
    pwf_executor *seen[THREADS];
} job;

/* Image values that differ by task. */
static void fill(float *images, int task)
{
    for (int64_t i = 0; i < IMAGES * pixels; i++)
        images[i] = (float)((i * 7 + task * 13) % 29) / 29.0f;
}

static void run_task(void *context, int task, int worker)
{
    job *j = context;
    pwf_worker *w = &j->workers->each[worker];
    const float *logits = NULL;
    w->status = pwf_workers_executor(j->workers, w);
    if (w->status.code != PWF_OK) return;
    j->seen[worker] = w->executor;
    fill(pwf_executor_images(w->executor), task);
    w->status = pwf_executor_forward(w->executor, j->workers->weights, buffers, &logits);
    if (w->status.code == PWF_OK)
        memcpy(j->logits[task], logits, (size_t)(IMAGES * classes) * sizeof *logits);
}

static void set_weights(float *weights, int step)
{
    for (int64_t i = 0; i < pwf_registry_total_count(registry); i++)
        weights[i] = (float)((i * 11 + step) % 17 - 8) / 64.0f;
}

static void test_loop(void **state)
{
    (void)state;
    static job j;
    pwf_workers workers = {.pool = NULL};
    pwf_executor *alone = NULL;
    const pwf_work work = {IMAGES, PWF_MODE_PREDICT, PWF_FP32};
    good(pwf_workers_start(graph, THREADS, pwf_registry_total_count(registry), IMAGES, &workers));
    good(pwf_executor_new(graph, IMAGES, PWF_MODE_PREDICT, PWF_FP32, &alone));
    j.workers = &workers;
    for (int step = 0; step < 2; step++) { /* the weights change between two loops */
        set_weights(workers.weights, step);
        pwf_workers_begin(&workers, work);
        pwf_pool_run(workers.pool, TASKS, run_task, &j);
        good(pwf_workers_status(&workers));
        for (int task = 0; task < TASKS; task++) {
            const float *expected = NULL;
            fill(pwf_executor_images(alone), task);
            good(pwf_executor_forward(alone, workers.weights, buffers, &expected));
            assert_memory_equal(j.logits[task], expected,
                                (size_t)(IMAGES * classes) * sizeof *expected);
        }
    }
    pwf_executor_free(alone);
    pwf_workers_stop(&workers);
}

static void test_work(void **state)
{
    (void)state;
    pwf_workers workers = {.pool = NULL};
    const pwf_work predict = {IMAGES, PWF_MODE_PREDICT, PWF_FP32};
    const pwf_work train = {IMAGES, PWF_MODE_TRAIN, PWF_FP32};
    good(pwf_workers_start(graph, THREADS, pwf_registry_total_count(registry), IMAGES, &workers));
    pwf_workers_begin(&workers, predict);
    pwf_worker *first = &workers.each[0];
    pwf_executor *before = first->executor;
    assert_non_null(before);
    pwf_workers_begin(&workers, predict);
    assert_ptr_equal(first->executor, before); /* the same work: kept */
    pwf_workers_begin(&workers, train);
    good(pwf_workers_executor(&workers, first));
    assert_int_equal(first->work.mode, PWF_MODE_TRAIN);
    pwf_workers_stop(&workers);
}

static void test_status(void **state)
{
    (void)state;
    pwf_workers workers = {.pool = NULL};
    const pwf_work work = {IMAGES, PWF_MODE_PREDICT, PWF_FP32};
    good(pwf_workers_start(graph, THREADS, pwf_registry_total_count(registry), IMAGES, &workers));
    pwf_workers_begin(&workers, work);
    workers.each[0].decode_seconds = 1.0;
    workers.each[1].decode_seconds = 2.0;
    workers.each[0].finite = false;
    assert_int_equal(pwf_workers_status(&workers).code, PWF_NUMBERS);
    workers.each[1].status = PWF_FAIL(PWF_DATA, "second");
    assert_int_equal(pwf_workers_status(&workers).code, PWF_DATA);
    workers.each[0].status = PWF_FAIL(PWF_IO, "first");
    assert_int_equal(pwf_workers_status(&workers).code, PWF_IO);
    pwf_workers_begin(&workers, work); /* a new loop */
    good(pwf_workers_status(&workers));
    assert_true(pwf_workers_decode_seconds(&workers) == 3.0);
    pwf_workers_stop(&workers);
    assert_null(workers.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_status),
    };
    static const char *const settings[] = {"model.name=resnet",   "model.depths=1,1",
                                           "model.widths=8,16",   "model.classes=10",
                                           "model.image_size=16", "parallel.precision=fp32"};
    int64_t shape[3];
    pwf_config_defaults(&config);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        good(pwf_config_set(&config, settings[i]));
    pwf_tensor_thread_start();
    good(pwf_model_build(pwf_config_model(&config), &registry, &graph));
    pwf_graph_shape(graph, &shape[0], &shape[1], &shape[2], &classes);
    pixels = shape[0] * shape[1] * shape[2];
    static float statistics[1024];
    for (int i = 0; i < 1024; i++)
        statistics[i] = 1.0f;
    assert_true(pwf_registry_buffer_count(registry) <= 1024);
    buffers = statistics;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    return failed;
}
