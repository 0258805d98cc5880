/* SPDX-License-Identifier: BSD-3-Clause */
/* Sum of two values, which joins the branches of a residual block.
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

static pwf_status forward(const pwf_call *c)
{
    pwf_kernels_now()->add(c->y, c->x[0], c->x[1], pwf_call_elements(c));
    return pwf_ok();
}

/* dx may be dy itself: the gradient then needs no copy. */
static pwf_status backward(const pwf_call *c)
{
    for (int i = 0; i < 2; i++) {
        if (!c->dx[i] || c->dx[i] == c->dy) continue;
        pwf_pass_gradient(c->dx[i], c->add[i], c->dy, pwf_call_elements(c));
    }
    return pwf_ok();
}

const pwf_operator pwf_op_add = {.name = "add",
                                 .in_place = true,
                                 .joins_branches = true,
                                 .infer = pwf_infer_equal,
                                 .forward = forward,
                                 .backward = backward};

pwf_value pwf_graph_add(pwf_graph *graph, pwf_value a, pwf_value b)
{
    return pwf_graph_apply(graph, (pwf_node){.op = &pwf_op_add, .inputs = 2, .input = {a, b}});
}
