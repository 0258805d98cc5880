/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the table of operators and checks every gradient by central differences on every back end;
 * in bf16, which rounds, results are compared with those in fp32. An operator without a case here
 * fails the test. */
#include "nn/operators.h"
#include "op_case.h"

#include "pwf/core/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Attributes of an operator: whole[0] is groups, heads or token, real[0] the smoothing of labels.
 */
static const op_case cases[] = {
    {.node = {.inputs = 1, .in = {{5, 4, 3}}, .stride = 1, .padding = {1, 1, 1, 1}, .whole = {1}},
     .weight = {.name = "conv2d", .dims = 4, .shape = {4, 3, 3, 3}}},
    {.node = {.inputs = 1, .in = {{6, 5, 4}}, .stride = 2, .padding = {1, 1, 1, 1}, .whole = {2}},
     .weight = {.name = "conv2d", .dims = 4, .shape = {6, 2, 3, 3}},
     .bias = {.dims = 1, .shape = {6}}},
    {.node = {.inputs = 1, .in = {{3, 3, 16}}, .stride = 1, .whole = {1}},
     .weight = {.name = "conv2d", .dims = 4, .shape = {16, 16, 1, 1}}},
    {.node = {.inputs = 1, .in = {{1, 1, 7}}},
     .weight = {.name = "linear", .dims = 2, .shape = {5, 7}},
     .bias = {.dims = 1, .shape = {5}}},
    {.node = {.inputs = 1, .in = {{3, 4, 5}}},
     .weight = {.name = "batch_norm", .dims = 1, .shape = {5}},
     .bias = {.dims = 1, .shape = {5}}},
    {.node = {.inputs = 1, .in = {{3, 4, 5}}}, .weight = {.name = "relu"}},
    {.node = {.inputs = 2, .in = {{3, 4, 5}, {3, 4, 5}}}, .weight = {.name = "add"}},
    {.node = {.inputs = 1,
              .in = {{6, 5, 3}},
              .kernel_height = 3,
              .kernel_width = 3,
              .stride = 2,
              .padding = {1, 1, 1, 1}},
     .weight = {.name = "max_pool"}},
    {.node = {.inputs = 1, .in = {{6, 5, 3}}, .kernel_height = 3, .kernel_width = 2, .stride = 2},
     .weight = {.name = "avg_pool"}},
    {.node = {.inputs = 1, .in = {{1, 1, 6}}}, .weight = {.name = "cross_entropy"}},
    {.node = {.inputs = 1, .in = {{1, 1, 6}}, .real = {0.3f}}, .weight = {.name = "cross_entropy"}},
    {.node = {.inputs = 2, .in = {{1, 1, 6}, {1, 1, 6}}, .real = {0.1f}},
     .weight = {.name = "cross_entropy"}},
    {.node = {.inputs = 1, .in = {{1, 1, 6}}}, .share = 0.3f, .weight = {.name = "cross_entropy"}},
    {.node = {.inputs = 2, .in = {{1, 1, 6}, {1, 1, 6}}, .real = {0.1f}},
     .share = 0.8f,
     .weight = {.name = "cross_entropy"}},
    {.node = {.inputs = 2, .in = {{1, 1, 6}, {1, 1, 6}}}, .weight = {.name = "mean"}},
    {.node = {.inputs = 2, .in = {{3, 4, 5}, {3, 4, 2}}}, .weight = {.name = "concat"}},
    {.node = {.inputs = 3, .in = {{3, 2, 5}, {3, 2, 1}, {3, 2, 4}}}, .weight = {.name = "concat"}},
    {.node = {.inputs = 1, .in = {{6, 5, 4}}, .stride = 2, .padding = {0, 1, 2, 1}, .whole = {2}},
     .weight = {.name = "conv2d", .dims = 4, .shape = {6, 2, 3, 3}}},
    {.node = {.inputs = 1,
              .in = {{6, 5, 3}},
              .kernel_height = 3,
              .kernel_width = 2,
              .stride = 2,
              .padding = {2, 1, 0, 0}},
     .weight = {.name = "max_pool"}},
    {.node = {.inputs = 1, .in = {{3, 2, 4}}},
     .weight = {.name = "linear", .dims = 2, .shape = {5, 4}},
     .bias = {.dims = 1, .shape = {5}}},
    {.node = {.inputs = 1, .in = {{2, 3, 20}}},
     .weight = {.name = "layer_norm", .dims = 1, .shape = {20}},
     .bias = {.dims = 1, .shape = {20}}},
    {.node = {.inputs = 1, .in = {{3, 4, 5}}}, .weight = {.name = "gelu"}},
    {.node = {.inputs = 1, .in = {{3, 4, 5}}}, .weight = {.name = "hardswish"}},
    {.node = {.inputs = 1, .in = {{1, 5, 24}}, .whole = {2}}, .weight = {.name = "attention"}},
    {.node = {.inputs = 1, .in = {{2, 3, 9}}, .whole = {1}}, .weight = {.name = "attention"}},
    {.node = {.inputs = 1, .in = {{2, 3, 5}}},
     .weight = {.name = "prepend_token", .dims = 3, .shape = {1, 1, 5}}},
    {.node = {.inputs = 1, .in = {{2, 3, 5}}},
     .weight = {.name = "add_embedding", .dims = 3, .shape = {1, 6, 5}}},
    {.node = {.inputs = 1, .in = {{2, 3, 5}}, .whole = {4}}, .weight = {.name = "select_token"}},
};

/* Numbers in [-1, 1] no two of which are closer than twice the step of the difference, and none
 * of them near 0: a maximum or a sign does not change inside a step. */
static void spread(float *out, int64_t count, int64_t seed)
{
    int64_t prime = 1009;
    while (count % prime == 0)
        prime += 2;
    for (int64_t i = 0; i < count; i++) {
        const int64_t place = (i * prime + seed) % count;
        out[i] = (2.0f * (float)place + 1.0f) / (float)count - 1.0f;
    }
}

static double value_of(op_case *c)
{
    op_case_forward(c);
    if (c->node.weight == NULL && strcmp(c->node.op->name, "cross_entropy") == 0)
        return (double)c->scale * c->loss;
    double sum = 0.0;
    for (int64_t i = 0; i < c->out_count; i++)
        sum += (double)c->y[i] * (double)c->dy[i];
    return sum;
}

/* Compares `gradient` with differences over the `count` numbers at `at`. */
static double compare(op_case *c, float *at, const float *gradient, int64_t count)
{
    double most = 0.0, size = 1e-3;
    const float step = 0.8f / (float)(count > 80 ? count : 80);
    for (int64_t i = 0; i < count; i++) {
        const float old = at[i];
        at[i] = old + step;
        const float above = at[i];
        const double high = value_of(c);
        at[i] = old - step;
        const double low = value_of(c), width = (double)above - (double)at[i];
        at[i] = old;
        const double d = fabs((high - low) / width - (double)gradient[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)gradient[i]) > size) size = fabs((double)gradient[i]);
    }
    return most / size;
}

static float *copy(const float *values, int64_t count)
{
    float *out = malloc((size_t)count * sizeof *out + 1);
    assert_non_null(out);
    if (count > 0) memcpy(out, values, (size_t)count * sizeof *out);
    return out;
}

static void expect_double(const float *now, const float *before, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        assert_true(fabsf(now[i] - 2.0f * before[i]) <= 1e-5f * fabsf(before[i]) + 1e-6f);
}

/* A case with inputs, forward and backward. */
static op_case begin(const op_case *prototype, const pwf_operator *op, pwf_tensor_backend backend,
                     pwf_precision precision)
{
    op_case c = *prototype;
    c.node.op = op;
    c.precision = precision;
    c.images = 2;
    c.scale = 0.5f;
    op_case_start(&c, backend);
    for (int i = 0; i < c.node.inputs; i++)
        spread(c.x[i], c.counts[i], 5 + i);
    spread(c.dy, c.out_count, 3);
    const int64_t weights = c.weight.count + c.bias.count;
    if (weights) spread(c.weights, weights, 1);
    for (int64_t i = 0; i < c.images; i++)
        c.labels[i] = (int32_t)(i % c.node.in[0].channels);
    /* One pair of two classes and one of the same. */
    for (int64_t i = 0; c.partners && i < c.images; i++)
        c.partners[i] = (int32_t)(i == 0 ? 4 : c.labels[i]);
    op_case_forward(&c);
    op_case_backward(&c);
    return c;
}

static double check(const op_case *prototype, const pwf_operator *op, pwf_tensor_backend backend)
{
    op_case c = begin(prototype, op, backend, PWF_FP32);
    const int64_t weights = c.weight.count + c.bias.count;
    double most = compare(&c, c.weights, c.dweights, weights);
    for (int i = 0; i < c.node.inputs; i++) {
        const double d = compare(&c, c.x[i], c.dx[i], c.counts[i]);
        if (!(d <= most)) most = d;
    }
    /* A second pass that adds its gradients doubles them, up to rounding. */
    float *before[PWF_NODE_INPUTS + 1] = {NULL};
    for (int i = 0; i < c.node.inputs; i++)
        before[i] = copy(c.dx[i], c.counts[i]);
    before[PWF_NODE_INPUTS] = copy(c.dweights, weights);
    c.add = true;
    op_case_forward(&c);
    op_case_backward(&c);
    for (int i = 0; i < c.node.inputs; i++)
        expect_double(c.dx[i], before[i], c.counts[i]);
    expect_double(c.dweights, before[PWF_NODE_INPUTS], weights);
    for (int i = 0; i <= PWF_NODE_INPUTS; i++)
        free(before[i]);
    op_case_end(&c);
    return most;
}

/* The largest difference, as part of the largest number. */
static double apart(const float *a, const float *b, int64_t count)
{
    double most = 0.0, size = 1e-3;
    for (int64_t i = 0; i < count; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)b[i]) > size) size = fabs((double)b[i]);
    }
    return most / size;
}

static void test_bf16(void **state)
{
    (void)state;
    static const pwf_tensor_backend backends[] = {PWF_TENSOR_AUTO, PWF_TENSOR_ONEDNN,
                                                  PWF_TENSOR_PLAIN};
    for (size_t j = 0; j < sizeof cases / sizeof *cases; j++)
        for (size_t k = 0; k < sizeof backends / sizeof *backends; k++) {
            const pwf_operator *op = operator_find(cases[j].weight.name);
            op_case c = begin(&cases[j], op, backends[k], PWF_BF16);
            op_case exact = begin(&cases[j], op, backends[k], PWF_FP32);
            double most = apart(c.y, exact.y, c.out_count);
            most = fmax(most, apart(c.dweights, exact.dweights, c.weight.count + c.bias.count));
            for (int i = 0; i < c.node.inputs; i++)
                most = fmax(most, apart(c.dx[i], exact.dx[i], c.counts[i]));
            const bool products = op->operations != NULL;
            if (products && k == 0) printf("%-14s %.1e\n", op->name, most);
            if (products)
                assert_true(most < 2e-2 && (most > 1e-5 || backends[k] != PWF_TENSOR_PLAIN));
            else
                assert_true(most == 0.0);
            op_case_end(&c);
            op_case_end(&exact);
        }
    assert_int_equal(pwf_mem_live(), 0);
}

static void test_gradients(void **state)
{
    (void)state;
    for (int i = 0; i < operator_count(); i++) {
        const pwf_operator *op = operator_at(i);
        int found = 0;
        for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
            if (strcmp(cases[j].weight.name, op->name) != 0) continue;
            for (int backend = 0; backend < PWF_TENSOR_BACKENDS; backend++) {
                const double d = check(&cases[j], op, (pwf_tensor_backend)backend);
                if (backend == 0) printf("%-14s %.1e\n", op->name, d);
                assert_true(d < 2e-4);
            }
            found++;
        }
        if (!found) fail_msg("operator %s has no gradient check", op->name);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients),
                                       cmocka_unit_test(test_bf16)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
