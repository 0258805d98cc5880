/* SPDX-License-Identifier: BSD-3-Clause */
/* Every operator against its definition in double precision (PyTorch or numpy), on every back end.
 * Prints the largest difference, relative to the largest number of its array. */
#include "golden_file.h"
#include "nn/operators.h"
#include "op_case.h"

#include "pwf/core/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double worst[32][PWF_TENSOR_BACKENDS];
static bool seen[32];

static void take(float *to, const golden_case *g, const char *name, int64_t count)
{
    const golden_tensor *t = golden_find(g, name);
    if (!t) return;
    assert_int_equal(t->count, count);
    memcpy(to, t->data, (size_t)count * sizeof *to);
}

static double differ(const float *ours, const golden_case *g, const char *name)
{
    const golden_tensor *t = golden_find(g, name);
    return t ? golden_difference(ours, t->data, t->count) : 0.0;
}

static void copy_shape(pwf_param *p, const golden_tensor *t)
{
    if (!t) return;
    p->dims = t->dims;
    memcpy(p->shape, t->shape, sizeof p->shape);
}

static double run(const golden_case *g, const pwf_operator *op, pwf_tensor_backend backend)
{
    const golden_tensor *x = golden_find(g, "x");
    const golden_tensor *x1 = golden_find(g, "x1") ? golden_find(g, "x1") : x;
    const pwf_shape shape = {x->shape[1], x->shape[2], x->shape[3]};
    const pwf_shape second = {x1->shape[1], x1->shape[2], x1->shape[3]};
    op_case c = {.images = x->shape[0], .scale = 1.0f};
    const char *attribute = strcmp(op->name, "conv2d") == 0      ? "groups"
                            : strcmp(op->name, "attention") == 0 ? "heads"
                                                                 : "token";
    c.node = (pwf_node){.op = op,
                        .inputs = golden_find(g, "x1") ? 2 : 1,
                        .in = {shape, second},
                        .kernel_height = golden_int(g, "kernel"),
                        .kernel_width = golden_int(g, "kernel"),
                        .stride = golden_int(g, "stride"),
                        .padding = pwf_padding_around(golden_int(g, "padding")),
                        .whole = {golden_int(g, attribute)},
                        .real = {(float)golden_int(g, "smoothing_percent") / 100.0f}};
    copy_shape(&c.weight, golden_find(g, "weight"));
    copy_shape(&c.bias, golden_find(g, "bias"));
    op_case_start(&c, backend);
    take(c.x[0], g, "x", c.counts[0]);
    take(c.x[1], g, "x1", c.counts[1]);
    take(c.weights, g, "weight", c.weight.count);
    take(c.weights + c.bias.offset, g, "bias", c.bias.count);
    take(c.dy, g, "dy", c.out_count);
    const golden_tensor *labels = golden_find(g, "labels");
    for (int64_t i = 0; labels && i < c.images; i++)
        c.labels[i] = (int32_t)labels->data[i];
    op_case_forward(&c);
    op_case_backward(&c);
    const float loss = (float)c.loss;
    const double all[] = {differ(c.y, g, "y"),
                          differ(c.dx[0], g, "dx"),
                          differ(c.dx[1], g, "dx1"),
                          differ(c.dweights, g, "dweight"),
                          differ(c.dweights + c.bias.offset, g, "dbias"),
                          differ(c.statistics, g, "mean"),
                          differ(c.statistics + c.bias.count, g, "variance"),
                          differ(&loss, g, "loss")};
    double most = 0.0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!(all[i] <= most)) most = all[i];
    op_case_end(&c);
    return most;
}

static void run_file(const char *name)
{
    golden_file file;
    golden_case *g = malloc(sizeof *g);
    assert_non_null(g);
    golden_open(&file, name);
    while (golden_next(&file, g)) {
        const pwf_operator *op = operator_find(g->name);
        int i = 0;
        while (operator_at(i) != op)
            i++;
        for (int b = 0; b < PWF_TENSOR_BACKENDS; b++) {
            const double d = run(g, op, (pwf_tensor_backend)b);
            if (!(d <= worst[i][b])) worst[i][b] = d;
        }
        seen[i] = true;
        golden_case_free(g);
    }
    golden_close(&file);
    free(g);
}

static void test_golden(void **state)
{
    (void)state;
    assert_true((size_t)operator_count() <= sizeof worst / sizeof *worst);
    run_file("operators.golden");
    run_file("transformers.golden");
    run_file("activations.golden");
    printf("%-14s %9s %9s %9s %9s\n", "", "auto", "onednn", "openblas", "plain");
    for (int i = 0; i < operator_count(); i++) {
        printf("%-14s", operator_at(i)->name);
        for (int b = 0; b < PWF_TENSOR_BACKENDS; b++)
            printf(" %9.1e", worst[i][b]);
        printf("\n");
        assert_true(seen[i]);
        for (int b = 0; b < PWF_TENSOR_BACKENDS; b++)
            assert_true(worst[i][b] < 2e-6);
    }
    assert_int_equal(pwf_mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    pwf_tensor_thread_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
