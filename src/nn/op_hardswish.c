/* SPDX-License-Identifier: BSD-3-Clause */
/* Hardswish: y = x min(max(x + 3, 0), 6) / 6.
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

static pwf_status forward(const pwf_call *c)
{
    pwf_kernels_now()->hardswish_forward(c->y, c->x[0], pwf_call_elements(c));
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    if (c->dx[0])
        pwf_kernels_now()->hardswish_backward(c->dx[0], c->add[0], c->dy, c->x[0],
                                              pwf_call_elements(c));
    return pwf_ok();
}

const pwf_operator pwf_op_hardswish = {.name = "hardswish",
                                       .needs_input = true,
                                       .in_place = true,
                                       .cheap = true,
                                       .forward = forward,
                                       .backward = backward};

pwf_value pwf_graph_hardswish(pwf_graph *graph, pwf_value x)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_hardswish, x, NULL, NULL));
}
