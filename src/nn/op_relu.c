/* SPDX-License-Identifier: BSD-3-Clause */
/* ReLU: y = max(x, 0).
 * Backward reads the result y, so that y may replace x.
 * Called through its row; touches only the arrays of a call. */
#include "operator.h"

static pwf_status forward(const pwf_call *c)
{
    pwf_kernels_now()->relu_forward(c->y, c->x[0], pwf_call_elements(c));
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    if (c->dx[0])
        pwf_kernels_now()->relu_backward(c->dx[0], c->add[0], c->dy, c->y, pwf_call_elements(c));
    return pwf_ok();
}

const pwf_operator pwf_op_relu = {.name = "relu",
                                  .needs_output = true,
                                  .in_place = true,
                                  .cheap = true,
                                  .forward = forward,
                                  .backward = backward};

pwf_value pwf_graph_relu(pwf_graph *graph, pwf_value x)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_relu, x, NULL, NULL));
}
