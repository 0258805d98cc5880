/* SPDX-License-Identifier: BSD-3-Clause */
/* Maximum over a window.
 * The index of each maximum within its window is saved for backward.
 * Called through its row; touches only the arrays of a call. */
#include "operator.h"

/* The kernel writes indices in prediction too; there they go to the workspace. */
static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const size_t image = (size_t)pwf_elements(task->node->out) * sizeof(int32_t);
    (void)own;
    if (task->training)
        need->saved = image;
    else
        need->workspace = (size_t)task->images * image;
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const pwf_conv_shape s = pwf_window_shape(c->node, c->images);
    pwf_kernels_now()->max_pool_forward(c->y, c->training ? c->saved : c->workspace, c->x[0], &s);
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    const pwf_conv_shape s = pwf_window_shape(c->node, c->images);
    if (c->dx[0]) pwf_kernels_now()->max_pool_backward(c->dx[0], c->add[0], c->dy, c->saved, &s);
    return pwf_ok();
}

const pwf_operator pwf_op_max_pool = {.name = "max_pool",
                                      .saves = true,
                                      .infer = pwf_infer_pool,
                                      .plan = plan,
                                      .forward = forward,
                                      .backward = backward};

pwf_value pwf_graph_max_pool(pwf_graph *graph, pwf_value x, int64_t kernel, int64_t stride,
                             pwf_padding padding)
{
    pwf_node node = pwf_node_of(&pwf_op_max_pool, x, NULL, NULL);
    node.kernel_height = node.kernel_width = kernel;
    node.stride = stride;
    node.padding = padding;
    return pwf_graph_apply(graph, node);
}
