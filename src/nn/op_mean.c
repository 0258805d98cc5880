/* SPDX-License-Identifier: BSD-3-Clause */
/* Mean of two values, the prediction of a network with two heads.
 * Added to a graph by pwf_graph_close_heads.
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

#include <math.h>

static pwf_status forward(const pwf_call *c)
{
    for (int64_t i = 0; i < pwf_call_elements(c); i++)
        c->y[i] = 0.5f * (c->x[0][i] + c->x[1][i]);
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    for (int j = 0; j < 2; j++)
        for (int64_t i = 0; c->dx[j] && i < pwf_call_elements(c); i++)
            c->dx[j][i] = c->add[j] ? fmaf(0.5f, c->dy[i], c->dx[j][i]) : 0.5f * c->dy[i];
    return pwf_ok();
}

const pwf_operator pwf_op_mean = {
    .name = "mean", .infer = pwf_infer_equal, .forward = forward, .backward = backward};

pwf_value pwf_graph_mean(pwf_graph *graph, pwf_value a, pwf_value b)
{
    return pwf_graph_apply(graph, (pwf_node){.op = &pwf_op_mean, .inputs = 2, .input = {a, b}});
}
