/* SPDX-License-Identifier: BSD-3-Clause */
/* GELU: y = x times the normal distribution function of x, not its approximation by tanh. The slope
 * is saved, so that backward needs neither x nor y. Called through its row; touches only the arrays
 * of a call. */
#include "operator.h"

static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)own;
    need->saved = task->training ? (size_t)pwf_elements(task->node->in[0]) * sizeof(float) : 0;
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    pwf_kernels_now()->gelu_forward(c->y, c->training ? c->saved : NULL, c->x[0],
                                    pwf_call_elements(c));
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    if (c->dx[0])
        pwf_kernels_now()->gelu_backward(c->dx[0], c->add[0], c->dy, c->saved,
                                         pwf_call_elements(c));
    return pwf_ok();
}

const pwf_operator pwf_op_gelu = {.name = "gelu",
                                  .saves = true,
                                  .in_place = true,
                                  .cheap = true,
                                  .plan = plan,
                                  .forward = forward,
                                  .backward = backward};

pwf_value pwf_graph_gelu(pwf_graph *graph, pwf_value x)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_gelu, x, NULL, NULL));
}
