/* SPDX-License-Identifier: BSD-3-Clause */
/* ReLU and GELU, sum and mean of two values. */
#include "operators.h"

#include <math.h>
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

static pwf_status mean_forward(const pwf_call *c)
{
    for (int64_t i = 0; i < count_of(c); i++)
        c->y[i] = 0.5f * (c->x[0][i] + c->x[1][i]);
    return pwf_ok();
}

static pwf_status mean_backward(const pwf_call *c)
{
    for (int j = 0; j < 2; j++)
        for (int64_t i = 0; c->dx[j] && i < count_of(c); i++)
            c->dx[j][i] = c->add[j] ? fmaf(0.5f, c->dy[i], c->dx[j][i]) : 0.5f * c->dy[i];
    return pwf_ok();
}

/* Saved: the slope, so that neither x nor y is needed again. */
static pwf_status gelu_plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)own;
    need->saved = task->training ? (size_t)pwf_elements(task->node->in[0]) * sizeof(float) : 0;
    return pwf_ok();
}

static pwf_status gelu_forward(const pwf_call *c)
{
    pwf_kernels_now()->gelu_forward(c->y, c->training ? c->saved : NULL, c->x[0], count_of(c));
    return pwf_ok();
}

static pwf_status gelu_backward(const pwf_call *c)
{
    if (c->dx[0])
        pwf_kernels_now()->gelu_backward(c->dx[0], c->add[0], c->dy, c->saved, count_of(c));
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

const pwf_operator pwf_op_mean = {.name = "mean",
                                  .infer = infer_add,
                                  .plan = no_plan,
                                  .forward = mean_forward,
                                  .backward = mean_backward};

const pwf_operator pwf_op_gelu = {.name = "gelu",
                                  .saves = true,
                                  .in_place = true,
                                  .infer = infer_same,
                                  .plan = gelu_plan,
                                  .forward = gelu_forward,
                                  .backward = gelu_backward};
