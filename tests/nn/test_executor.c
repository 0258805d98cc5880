/* SPDX-License-Identifier: BSD-3-Clause */
/* Graphs and executors: gradients of odd topologies against differences along random directions, so
 * that a wrong lifetime of a block shows; prediction against training; graphs that are refused. */
#include "pwf/core/mem.h"
#include "pwf/nn/executor.h"
#include "pwf/nn/graph.h"
#include "pwf/registry/registry.h"
#include "schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 6, SIZE = 9, CHANNELS = 2, CLASSES = 4 };

static void expect(pwf_status status)
{
    assert_string_equal(status.text, "");
}

static float *numbers(int64_t count)
{
    float *memory;
    expect(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *memory, &memory));
    return memory;
}

typedef struct network {
    pwf_registry *registry;
    pwf_graph *graph;
} network;

static const pwf_param *parameter(network *n, const char *name, int dims, int64_t a, int64_t b,
                                  int64_t kernel)
{
    const pwf_param *out;
    const int64_t shape[] = {a, b, kernel, kernel};
    expect(pwf_registry_add(n->registry, name, dims, shape, PWF_ROLE_PLAIN, PWF_INIT_NORMAL, 0.4f,
                            &out));
    return out;
}

static pwf_value norm(network *n, pwf_value x, const char *prefix, int64_t channels)
{
    char name[4][32];
    const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    const pwf_buffer *mean, *variance;
    for (int i = 0; i < 4; i++)
        snprintf(name[i], sizeof name[i], "%s.%s", prefix, parts[i]);
    const pwf_param *scale = parameter(n, name[0], 1, channels, 1, 1);
    const pwf_param *shift = parameter(n, name[1], 1, channels, 1, 1);
    expect(pwf_registry_add_buffer(n->registry, name[2], channels, 0.0f, &mean));
    expect(pwf_registry_add_buffer(n->registry, name[3], channels, 1.0f, &variance));
    return pwf_graph_batch_norm(n->graph, x, scale, shift, mean, variance);
}

static void start(network *n, pwf_tensor_backend backend)
{
    expect(pwf_registry_new(&n->registry));
    expect(pwf_graph_new(backend, SIZE, SIZE, CHANNELS, &n->graph));
}

static void end(network *n)
{
    pwf_graph_free(n->graph);
    pwf_registry_free(n->registry);
}

/* Values with one, two, three and four readers; a sum of a value with itself; ReLU that may and
 * that may not run in place; the image read twice; both pools. */
static network odd(pwf_tensor_backend backend)
{
    network n;
    start(&n, backend);
    pwf_graph *g = n.graph;
    const pwf_value a = pwf_graph_conv2d(g, 0, parameter(&n, "a", 4, 8, CHANNELS, 3), NULL, 2,
                                         pwf_padding_around(1), 1);
    const pwf_value b =
        pwf_graph_conv2d(g, 0, parameter(&n, "b", 4, 8, CHANNELS, 1),
                         parameter(&n, "b.bias", 1, 8, 1, 1), 2, pwf_padding_around(0), 1);
    const pwf_value sum = pwf_graph_add(g, norm(&n, a, "na", 8), b);
    const pwf_value r = pwf_graph_relu(g, sum);
    const pwf_value twice = pwf_graph_add(g, r, r);
    const pwf_value c =
        pwf_graph_conv2d(g, r, parameter(&n, "c", 4, 8, 4, 3), NULL, 1, pwf_padding_around(1), 2);
    const pwf_value d = pwf_graph_relu(g, norm(&n, c, "nc", 8));
    const pwf_value e = pwf_graph_relu(g, pwf_graph_add(g, d, twice));
    const pwf_value pooled = pwf_graph_max_pool(g, e, 3, 1, pwf_padding_around(1));
    const pwf_value f = pwf_graph_add(g, pwf_graph_add(g, pooled, d), r);
    const pwf_value small = pwf_graph_avg_pool(g, f, 2, 2);
    const pwf_value mean = pwf_graph_global_pool(g, small);
    expect(pwf_graph_close(g, pwf_graph_linear(g, mean, parameter(&n, "fc", 2, CLASSES, 8, 1),
                                               parameter(&n, "fc.bias", 1, CLASSES, 1, 1))));
    expect(pwf_registry_close(n.registry, NULL, 0));
    return n;
}

static pwf_value dense(network *n, const char *prefix, pwf_value x, int64_t in, int64_t out)
{
    char name[2][32];
    snprintf(name[0], sizeof name[0], "%s.weight", prefix);
    snprintf(name[1], sizeof name[1], "%s.bias", prefix);
    return pwf_graph_linear(n->graph, x, parameter(n, name[0], 2, out, in, 1),
                            parameter(n, name[1], 1, out, 1, 1));
}

static pwf_value row_norm(network *n, const char *prefix, pwf_value x)
{
    char name[2][32];
    snprintf(name[0], sizeof name[0], "%s.weight", prefix);
    snprintf(name[1], sizeof name[1], "%s.bias", prefix);
    return pwf_graph_layer_norm(n->graph, x, parameter(n, name[0], 1, 8, 1, 1),
                                parameter(n, name[1], 1, 8, 1, 1));
}

/* A transformer of three blocks with two heads: a single stage, in which products are recomputed.
 */
static network tokens(pwf_tensor_backend backend)
{
    network n;
    char name[32];
    start(&n, backend);
    pwf_graph *g = n.graph;
    pwf_value x =
        pwf_graph_conv2d(g, 0, parameter(&n, "a", 4, 8, CHANNELS, 3),
                         parameter(&n, "a.bias", 1, 8, 1, 1), 3, pwf_padding_around(0), 1);
    x = pwf_graph_prepend_token(g, x, parameter(&n, "token", 1, 8, 1, 1));
    x = pwf_graph_add_embedding(g, x, parameter(&n, "position", 2, 10, 8, 1));
    for (int i = 0; i < 3; i++) {
        const char *const parts[] = {"norm1", "qkv", "proj", "norm2", "fc1", "fc2"};
        char layer[6][32];
        for (int j = 0; j < 6; j++)
            snprintf(layer[j], sizeof layer[j], "%d.%s", i, parts[j]);
        pwf_value y = dense(&n, layer[1], row_norm(&n, layer[0], x), 8, 24);
        x = pwf_graph_add(g, dense(&n, layer[2], pwf_graph_attention(g, y, 2), 8, 8), x);
        y = pwf_graph_gelu(g, dense(&n, layer[4], row_norm(&n, layer[3], x), 8, 32));
        x = pwf_graph_add(g, dense(&n, layer[5], y, 32, 8), x);
    }
    x = row_norm(&n, "norm", x);
    pwf_value heads[2];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "head%d", i);
        heads[i] = dense(&n, name, pwf_graph_select_token(g, x, i), 8, CLASSES);
    }
    expect(pwf_graph_close_heads(g, heads[0], heads[1]));
    expect(pwf_registry_close(n.registry, NULL, 0));
    return n;
}

/* Long chains of sums and concatenations, and a pool that saves indices: cheap values, some of
 * which must be kept, or each would need the recomputation of all before it. */
static network chains(pwf_tensor_backend backend)
{
    network n;
    char name[4][32];
    start(&n, backend);
    pwf_graph *g = n.graph;
    pwf_value x = pwf_graph_conv2d(g, 0, parameter(&n, "a", 4, 8, CHANNELS, 3), NULL, 2,
                                   pwf_padding_around(1), 1);
    x = pwf_graph_max_pool(g, pwf_graph_relu(g, norm(&n, x, "na", 8)), 3, 1, pwf_padding_around(1));
    int64_t channels = 8;
    for (int i = 0; i < 12; i++) {
        const char *const parts[] = {"conv", "norm", "conv2", "norm2"};
        const int64_t out = i < 6 ? channels : 2;
        for (int j = 0; j < 4; j++)
            snprintf(name[j], sizeof name[j], "%d.%s", i, parts[j]);
        pwf_value y = pwf_graph_relu(g, norm(&n, x, name[1], channels));
        y = pwf_graph_conv2d(g, y, parameter(&n, name[0], 4, out, channels, 3), NULL, 1,
                             pwf_padding_around(1), 1);
        y = norm(&n, y, name[3], out);
        x = i < 6 ? pwf_graph_relu(g, pwf_graph_add(g, y, x))
                  : pwf_graph_concat(g, 2, (const pwf_value[]){x, y});
        if (i >= 6) channels += 2;
    }
    const pwf_value mean = pwf_graph_global_pool(g, x);
    expect(pwf_graph_close(g, dense(&n, "fc", mean, channels, CLASSES)));
    expect(pwf_registry_close(n.registry, NULL, 0));
    return n;
}

static void fill_images(pwf_executor *executor)
{
    float *image = pwf_executor_images(executor);
    for (int i = 0; i < IMAGES * SIZE * SIZE * CHANNELS; i++)
        image[i] = (float)(i * 7919 % 1009) / 504.5f - 1.0f;
}

static const int32_t labels[IMAGES] = {0, 3, 1, 1, 2, 0};
static const pwf_targets targets = {.labels = labels};

/* The slope of the loss along a direction, once from the gradient and once by differences. */
static void check_direction(pwf_executor *executor, const pwf_param *p, float *weights,
                            const float *gradient, float *scratch, float *statistics)
{
    const float step = 0x1p-9f;
    double expected = 0.0, size = 0.0, loss[2];
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < p->count; i++) {
            const float v = (float)(i * 31 % 17) / 8.0f - 1.0f;
            const double d = (double)v * (double)gradient[p->offset + i];
            weights[p->offset + i] += side ? -2.0f * step * v : step * v;
            if (side) continue;
            expected += d;
            size += fabs(d);
        }
        expect(pwf_executor_train(executor, weights, &targets, 1.0f, scratch, statistics,
                                  &loss[side]));
    }
    for (int64_t i = 0; i < p->count; i++)
        weights[p->offset + i] += step * ((float)(i * 31 % 17) / 8.0f - 1.0f);
    const double slope = (loss[0] - loss[1]) / (2.0 * (double)step);
    if (fabs(slope - expected) > 2e-2 * size + 1e-3)
        fail_msg("%s: slope %g, gradient says %g", p->name, slope, expected);
}

static void test_odd(void **state)
{
    (void)state;
    for (int backend = 0; backend < PWF_TENSOR_BACKENDS; backend++) {
        network n = odd((pwf_tensor_backend)backend);
        pwf_executor *executor;
        double loss;
        const int64_t total = pwf_registry_total_count(n.registry);
        float *weights = numbers(total), *gradient = numbers(total), *scratch = numbers(total);
        float *statistics = numbers(pwf_registry_buffer_count(n.registry));
        pwf_registry_start_values(n.registry, 3, weights, 0, total);
        expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_TRAIN, PWF_FP32, &executor));
        fill_images(executor);
        expect(pwf_executor_train(executor, weights, &targets, 1.0f, gradient, statistics, &loss));
        for (int i = 0; i < pwf_registry_params(n.registry); i++)
            check_direction(executor, pwf_registry_param(n.registry, i), weights, gradient, scratch,
                            statistics);
        pwf_executor_free(executor);
        pwf_mem_free(weights);
        pwf_mem_free(gradient);
        pwf_mem_free(scratch);
        pwf_mem_free(statistics);
        end(&n);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

/* Gradients are added and scaled (continuing a sum rounds differently from doubling it); a step
 * without loss gives the same statistics. */
static void test_accumulation(void **state)
{
    (void)state;
    network n = odd(PWF_TENSOR_AUTO);
    pwf_executor *executor;
    double loss;
    const int64_t total = pwf_registry_total_count(n.registry);
    const int64_t buffers = pwf_registry_buffer_count(n.registry);
    float *weights = numbers(total), *once = numbers(total), *both = numbers(total);
    float *statistics = numbers(buffers), *again = numbers(buffers);
    pwf_registry_start_values(n.registry, 3, weights, 0, total);
    expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_TRAIN, PWF_FP32, &executor));
    fill_images(executor);
    expect(pwf_executor_train(executor, weights, &targets, 0.5f, once, statistics, &loss));
    expect(pwf_executor_train(executor, weights, &targets, 0.5f, both, statistics, &loss));
    expect(pwf_executor_train(executor, weights, &targets, 0.5f, both, statistics, &loss));
    float most = 0.0f;
    for (int64_t i = 0; i < total; i++)
        most = fmaxf(most, fabsf(once[i]));
    assert_true(most > 0.0f);
    for (int64_t i = 0; i < total; i++)
        assert_true(fabsf(both[i] - 2.0f * once[i]) <= 1e-6f * most);
    expect(pwf_executor_statistics(executor, weights, again));
    assert_memory_equal(statistics, again, (size_t)buffers * sizeof(float));
    pwf_executor_free(executor);
    float *const all[] = {weights, once, both, statistics, again};
    for (int i = 0; i < 5; i++)
        pwf_mem_free(all[i]);
    end(&n);
}

/* Groups of any size give the same losses and statistics, and gradients that differ by rounding. */
static void test_groups(void **state)
{
    (void)state;
    const int64_t usual = pwf_schedule_group_bytes;
    network n = odd(PWF_TENSOR_PLAIN);
    double first = 0.0, loss;
    const int64_t total = pwf_registry_total_count(n.registry);
    const int64_t buffers = pwf_registry_buffer_count(n.registry);
    float *weights = numbers(total), *whole = numbers(total), *gradient = numbers(total);
    float *statistics = numbers(buffers), *again = numbers(buffers);
    size_t most = 0;
    pwf_registry_start_values(n.registry, 3, weights, 0, total);
    for (int64_t images = IMAGES; images >= 1; images--) {
        pwf_executor *executor;
        /* The largest value is 5 x 5 x 8. */
        pwf_schedule_group_bytes = images * 5 * 5 * 8 * (int64_t)sizeof(float);
        const size_t before = pwf_mem_now(PWF_MEM_ACTIVATIONS);
        expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_TRAIN, PWF_FP32, &executor));
        const size_t bytes = pwf_mem_now(PWF_MEM_ACTIVATIONS) - before;
        fill_images(executor);
        memset(gradient, 0, (size_t)total * sizeof *gradient);
        float *now = images == IMAGES ? whole : gradient;
        expect(pwf_executor_train(executor, weights, &targets, 1.0f, now,
                                  images == IMAGES ? statistics : again, &loss));
        if (images == IMAGES) {
            first = loss;
            most = bytes;
        } else {
            assert_true(bytes < most);
            assert_true(fabs(loss - first) < 1e-12 * fabs(first));
            assert_memory_equal(statistics, again, (size_t)buffers * sizeof(float));
            for (int64_t i = 0; i < total; i++)
                assert_true(fabsf(gradient[i] - whole[i]) <= 1e-5f * fabsf(whole[i]) + 1e-5f);
        }
        pwf_executor_free(executor);
    }
    pwf_schedule_group_bytes = usual;
    float *const all[] = {weights, whole, gradient, statistics, again};
    for (int i = 0; i < 5; i++)
        pwf_mem_free(all[i]);
    end(&n);
}

/* Weights prepacked by one executor serve another, with the bits of calls that pack for themselves.
 */
static void check_packed(pwf_precision precision)
{
    network n = odd(PWF_TENSOR_ONEDNN);
    pwf_executor *one, *other;
    double first, loss;
    int pieces;
    const int64_t total = pwf_registry_total_count(n.registry);
    float *weights = numbers(total), *usual = numbers(total), *gradient = numbers(total);
    float *statistics = numbers(pwf_registry_buffer_count(n.registry));
    expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_TRAIN, precision, &one));
    expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_TRAIN, precision, &other));
    const int64_t words = (int64_t)pwf_executor_packed(one, &pieces) / 4;
    assert_true(pieces > 4 && words > 0);
    float *packed = numbers(words);
    pwf_registry_start_values(n.registry, 3, weights, 0, total);
    fill_images(one);
    expect(pwf_executor_train(one, weights, &targets, 1.0f, usual, statistics, &first));
    for (int i = 0; i < pieces; i++)
        expect(pwf_executor_pack(one, weights, packed, i));
    pwf_executor_use_packed(other, packed);
    fill_images(other);
    expect(pwf_executor_train(other, weights, &targets, 1.0f, gradient, statistics, &loss));
    assert_true(loss == first);
    assert_memory_equal(gradient, usual, (size_t)total * sizeof(float));
    memset(packed, 0, (size_t)words * sizeof(float));
    expect(pwf_executor_train(other, weights, &targets, 1.0f, gradient, statistics, &loss));
    assert_true(loss != first);
    pwf_executor_free(one);
    pwf_executor_free(other);
    float *const all[] = {weights, usual, gradient, statistics, packed};
    for (int i = 0; i < 5; i++)
        pwf_mem_free(all[i]);
    end(&n);
}

static void test_packed(void **state)
{
    (void)state;
    check_packed(PWF_FP32);
    check_packed(PWF_BF16);
    assert_int_equal(pwf_mem_live(), 0);
}

/* With the slot's own mean and biased variance as running statistics, prediction and training give
 * the same logits; prediction needs less memory. */
static void test_predict(void **state)
{
    (void)state;
    network n = odd(PWF_TENSOR_AUTO);
    pwf_executor *train, *predict;
    const float *trained, *predicted;
    const int64_t total = pwf_registry_total_count(n.registry);
    float *weights = numbers(total);
    float *statistics = numbers(pwf_registry_buffer_count(n.registry));
    pwf_registry_start_values(n.registry, 3, weights, 0, total);
    const size_t before = pwf_mem_now(PWF_MEM_ACTIVATIONS);
    expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_TRAIN, PWF_FP32, &train));
    const size_t training = pwf_mem_now(PWF_MEM_ACTIVATIONS) - before;
    expect(pwf_executor_new(n.graph, IMAGES, PWF_MODE_PREDICT, PWF_FP32, &predict));
    assert_true(pwf_mem_now(PWF_MEM_ACTIVATIONS) - before - training < training);
    fill_images(train);
    fill_images(predict);
    expect(pwf_executor_statistics(train, weights, statistics));
    for (int i = 0; i < pwf_registry_buffers(n.registry); i++) {
        const pwf_buffer *b = pwf_registry_buffer(n.registry, i);
        const float rows = (float)(IMAGES * 25); /* all normalisations are over 5 x 5 pixels */
        for (int64_t c = 0; strstr(b->name, "running_var") && c < b->count; c++)
            statistics[b->offset + c] *= (rows - 1.0f) / rows;
    }
    expect(pwf_executor_forward(train, weights, NULL, &trained));
    expect(pwf_executor_forward(predict, weights, statistics, &predicted));
    for (int i = 0; i < IMAGES * CLASSES; i++)
        assert_true(fabsf(trained[i] - predicted[i]) < 1e-5f);
    /* The images remain in the executor; a second run gives the same. */
    float first[IMAGES * CLASSES];
    memcpy(first, predicted, sizeof first);
    expect(pwf_executor_forward(predict, weights, statistics, &predicted));
    assert_memory_equal(first, predicted, sizeof first);
    pwf_executor_free(train);
    pwf_executor_free(predict);
    pwf_mem_free(weights);
    pwf_mem_free(statistics);
    end(&n);
}

/* The results of two runs of an executor, as one array, and the memory it takes. */
static size_t two_runs(const network *n, pwf_mode mode, pwf_precision precision, float *results)
{
    pwf_executor *executor;
    double loss[2];
    const int64_t total = pwf_registry_total_count(n->registry);
    const int64_t buffers = pwf_registry_buffer_count(n->registry);
    float *weights = numbers(total);
    pwf_registry_start_values(n->registry, 3, weights, 0, total);
    const size_t before = pwf_mem_now(PWF_MEM_ACTIVATIONS);
    expect(pwf_executor_new(n->graph, IMAGES, mode, precision, &executor));
    const size_t bytes = pwf_mem_now(PWF_MEM_ACTIVATIONS) - before;
    fill_images(executor);
    for (int run = 0; run < 2; run++)
        expect(pwf_executor_train(executor, weights, &targets, 0.5f, results,
                                  results + total + run * buffers, &loss[run]));
    expect(pwf_executor_statistics(executor, weights, results + total + 2 * buffers));
    memcpy(results + total + 3 * buffers, loss, sizeof loss);
    pwf_executor_free(executor);
    pwf_mem_free(weights);
    return bytes;
}

static int count_again(const network *n, pwf_mode mode)
{
    int count = 0;
    pwf_node_schedule schedule;
    expect(pwf_schedule_new(n->graph, IMAGES, mode, &schedule));
    for (int i = 0; i < schedule.action_count; i++)
        count += schedule.actions[i].kind == PWF_ACTION_RECOMPUTE;
    pwf_schedule_free(&schedule);
    return count;
}

static void check_recompute(const network *n, pwf_precision precision, bool short_one)
{
    const int64_t count =
        pwf_registry_total_count(n->registry) + 3 * pwf_registry_buffer_count(n->registry) + 4;
    float *kept = numbers(count), *again = numbers(count);
    assert_int_equal(count_again(n, PWF_MODE_TRAIN), 0);
    assert_true(count_again(n, PWF_MODE_RECOMPUTE) > 0);
    const size_t much = two_runs(n, PWF_MODE_TRAIN, precision, kept);
    const size_t little = two_runs(n, PWF_MODE_RECOMPUTE, precision, again);
    assert_true(little < much || short_one);
    assert_memory_equal(kept, again, (size_t)count * sizeof(float));
    pwf_mem_free(kept);
    pwf_mem_free(again);
}

/* Recomputation changes no bit and needs less memory; the odd network is too short to gain. */
static void test_recompute(void **state)
{
    (void)state;
    static network (*const build[])(pwf_tensor_backend) = {odd, tokens, chains};
    const int64_t usual = pwf_schedule_group_bytes;
    for (int backend = 0; backend < PWF_TENSOR_BACKENDS; backend++)
        for (int net = 0; net < 3; net++) {
            network n = build[net]((pwf_tensor_backend)backend);
            /* Groups of one image; of all, and where values are larger than in the odd one, some */
            for (int images = 1; images <= IMAGES; images += IMAGES - 1) {
                pwf_schedule_group_bytes = images * 5 * 5 * 8 * (int64_t)sizeof(float);
                check_recompute(&n, PWF_FP32, net == 0);
                if (backend != PWF_TENSOR_OPENBLAS) check_recompute(&n, PWF_BF16, net == 0);
            }
            end(&n);
        }
    pwf_schedule_group_bytes = usual;
    assert_int_equal(pwf_mem_live(), 0);
}

static void refused(network *n, pwf_value logits, const char *part)
{
    const pwf_status status = pwf_graph_close(n->graph, logits);
    assert_int_equal(status.code, PWF_CONFIG);
    if (!strstr(status.text, part)) fail_msg("\"%s\" does not say \"%s\"", status.text, part);
    end(n);
}

static void test_refusals(void **state)
{
    (void)state;
    network n;
    start(&n, PWF_TENSOR_PLAIN);
    refused(&n,
            pwf_graph_conv2d(n.graph, 0, parameter(&n, "w", 4, 4, 3, 3), NULL, 1,
                             pwf_padding_around(1), 1),
            "has 2 channels");
    start(&n, PWF_TENSOR_PLAIN);
    refused(&n,
            pwf_graph_conv2d(n.graph, 0, parameter(&n, "w", 4, 4, 2, 11), NULL, 1,
                             pwf_padding_around(0), 1),
            "does not fit");
    start(&n, PWF_TENSOR_PLAIN);
    refused(&n, pwf_graph_linear(n.graph, 0, parameter(&n, "w", 2, 4, 2, 1), NULL), "9x9 pixels");
    start(&n, PWF_TENSOR_PLAIN);
    refused(&n, norm(&n, 0, "bn", 3), "has 2 channels");
    start(&n, PWF_TENSOR_PLAIN);
    refused(&n,
            pwf_graph_add(n.graph, 0, pwf_graph_max_pool(n.graph, 0, 3, 2, pwf_padding_around(1))),
            "do not match");
    start(&n, PWF_TENSOR_PLAIN);
    refused(&n, 0, "logits");
    /* The first failure is returned; later calls do nothing. */
    start(&n, PWF_TENSOR_PLAIN);
    const pwf_value bad = pwf_graph_max_pool(n.graph, 0, 11, 1, pwf_padding_around(0));
    refused(&n, pwf_graph_relu(n.graph, bad), "pooling window");
    assert_int_equal(pwf_mem_live(), 0);
}

static void test_one_pixel(void **state)
{
    (void)state;
    network n;
    pwf_executor *executor;
    start(&n, PWF_TENSOR_AUTO);
    const pwf_value x = norm(&n, pwf_graph_global_pool(n.graph, 0), "bn", CHANNELS);
    expect(pwf_graph_close(n.graph, x));
    expect(pwf_registry_close(n.registry, NULL, 0));
    const pwf_status status = pwf_executor_new(n.graph, 1, PWF_MODE_TRAIN, PWF_FP32, &executor);
    assert_int_equal(status.code, PWF_CONFIG);
    assert_non_null(strstr(status.text, "parallel.slots"));
    assert_null(executor);
    expect(pwf_executor_new(n.graph, 1, PWF_MODE_PREDICT, PWF_FP32, &executor));
    pwf_executor_free(executor);
    end(&n);
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd),      cmocka_unit_test(test_accumulation),
        cmocka_unit_test(test_groups),   cmocka_unit_test(test_packed),
        cmocka_unit_test(test_predict),  cmocka_unit_test(test_recompute),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_one_pixel)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
