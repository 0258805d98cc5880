/* SPDX-License-Identifier: BSD-3-Clause */
/* ReLU, sum of two values, cross-entropy. */
#include "operators.h"

#include <string.h>

static pwf_status no_plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)task;
    (void)own;
    (void)need;
    return pwf_ok();
}

static int64_t count_of(const pwf_call *c)
{
    return c->images * pwf_elements(c->node->in[0]);
}

static pwf_status infer_same(pwf_node *n)
{
    n->out = n->in[0];
    return pwf_ok();
}

static pwf_status relu_forward(const pwf_call *c)
{
    pwf_kernels_now()->relu_forward(c->y, c->x[0], count_of(c));
    return pwf_ok();
}

static pwf_status relu_backward(const pwf_call *c)
{
    if (c->dx[0]) pwf_kernels_now()->relu_backward(c->dx[0], c->add[0], c->dy, c->y, count_of(c));
    return pwf_ok();
}

static pwf_status infer_add(pwf_node *n)
{
    const pwf_shape a = n->in[0], b = n->in[1];
    if (a.height != b.height || a.width != b.width || a.channels != b.channels)
        return PWF_FAIL(PWF_CONFIG,
                        "a sum of %lldx%lldx%lld and %lldx%lldx%lld: the branches of a block do "
                        "not match",
                        (long long)a.height, (long long)a.width, (long long)a.channels,
                        (long long)b.height, (long long)b.width, (long long)b.channels);
    n->out = a;
    return pwf_ok();
}

static pwf_status add_forward(const pwf_call *c)
{
    pwf_kernels_now()->add(c->y, c->x[0], c->x[1], count_of(c));
    return pwf_ok();
}

static pwf_status add_backward(const pwf_call *c)
{
    for (int i = 0; i < 2; i++) {
        if (!c->dx[i] || c->dx[i] == c->dy) continue;
        if (c->add[i])
            pwf_kernels_now()->accumulate(c->dx[i], c->dy, count_of(c));
        else
            memcpy(c->dx[i], c->dy, (size_t)count_of(c) * sizeof(float));
    }
    return pwf_ok();
}

static pwf_status infer_cross_entropy(pwf_node *n)
{
    if (pwf_pixels(n->in[0]) != 1)
        return PWF_FAIL(PWF_CONFIG, "the logits have %lldx%lld pixels; a network ends in one",
                        (long long)n->in[0].height, (long long)n->in[0].width);
    n->out = n->in[0];
    return pwf_ok();
}

static pwf_status plan_cross_entropy(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)own;
    need->workspace = (size_t)task->images * sizeof(float);
    return pwf_ok();
}

/* y becomes the probabilities. */
static pwf_status cross_entropy_forward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels;
    float *log_sum = c->workspace;
    pwf_kernels_now()->softmax(c->y, log_sum, c->x[0], c->images, n);
    double loss = 0.0;
    for (int64_t i = 0; i < c->images; i++) {
        PWF_ASSERT(c->labels[i] >= 0 && c->labels[i] < n);
        loss += (double)log_sum[i] - (double)c->x[0][i * n + c->labels[i]];
    }
    *c->loss = loss;
    return pwf_ok();
}

static pwf_status cross_entropy_backward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels;
    if (!c->dx[0]) return pwf_ok();
    for (int64_t i = 0; i < c->images; i++)
        for (int64_t j = 0; j < n; j++) {
            const float p = c->y[i * n + j] - (j == c->labels[i] ? 1.0f : 0.0f);
            const float d = c->scale * p;
            c->dx[0][i * n + j] = c->add[0] ? c->dx[0][i * n + j] + d : d;
        }
    return pwf_ok();
}

const pwf_operator pwf_op_relu = {.name = "relu",
                                  .needs_output = true,
                                  .in_place = true,
                                  .infer = infer_same,
                                  .plan = no_plan,
                                  .forward = relu_forward,
                                  .backward = relu_backward};

const pwf_operator pwf_op_add = {.name = "add",
                                 .in_place = true,
                                 .infer = infer_add,
                                 .plan = no_plan,
                                 .forward = add_forward,
                                 .backward = add_backward};

const pwf_operator pwf_op_cross_entropy = {.name = "cross_entropy",
                                           .needs_output = true,
                                           .infer = infer_cross_entropy,
                                           .plan = plan_cross_entropy,
                                           .forward = cross_entropy_forward,
                                           .backward = cross_entropy_backward};
