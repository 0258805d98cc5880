/* SPDX-License-Identifier: BSD-3-Clause */
/* Mean over a window without padding, or over the whole image.
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

static pwf_status forward(const pwf_call *c)
{
    const pwf_conv_shape s = pwf_window_shape(c->node, c->images);
    pwf_kernels_now()->avg_pool_forward(c->y, c->x[0], &s);
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    const pwf_conv_shape s = pwf_window_shape(c->node, c->images);
    if (c->dx[0]) pwf_kernels_now()->avg_pool_backward(c->dx[0], c->add[0], c->dy, &s);
    return pwf_ok();
}

const pwf_operator pwf_op_avg_pool = {
    .name = "avg_pool", .infer = pwf_infer_pool, .forward = forward, .backward = backward};

/* A kernel of 0 pixels stands for the whole image, see pwf_infer_pool. */
pwf_value pwf_graph_avg_pool(pwf_graph *graph, pwf_value x, int64_t kernel, int64_t stride)
{
    pwf_node node = pwf_node_of(&pwf_op_avg_pool, x, NULL, NULL);
    node.kernel_height = node.kernel_width = kernel;
    node.stride = stride;
    return pwf_graph_apply(graph, node);
}

pwf_value pwf_graph_global_pool(pwf_graph *graph, pwf_value x)
{
    return pwf_graph_avg_pool(graph, x, 0, 1);
}
