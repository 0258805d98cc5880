/* SPDX-License-Identifier: BSD-3-Clause */
/* What several operators share, and the meaning of the members that an operator leaves out.
 * Called by op_*.c, the graph and the memory plan.
 * Touches only its arguments. */
#include "operator.h"

#include <string.h>

/* An operator without `infer` keeps the shape of its first input. */
pwf_status pwf_node_infer(pwf_node *node)
{
    node->out = node->in[0];
    return node->op->infer ? node->op->infer(node) : pwf_ok();
}

/* An operator without `plan` needs no memory. */
pwf_status pwf_node_plan(const pwf_plan_task *task, void **plan, pwf_need *need)
{
    return task->node->op->plan ? task->node->op->plan(task, plan, need) : pwf_ok();
}

pwf_status pwf_infer_equal(pwf_node *node)
{
    const pwf_shape a = node->in[0];
    for (int j = 1; j < node->inputs; j++) {
        const pwf_shape b = node->in[j];
        PWF_FAIL_IF(a.height != b.height || a.width != b.width || a.channels != b.channels,
                    PWF_CONFIG,
                    "%s of %lldx%lldx%lld and %lldx%lldx%lld: the branches of a block do not match",
                    node->op->name, (long long)a.height, (long long)a.width, (long long)a.channels,
                    (long long)b.height, (long long)b.width, (long long)b.channels);
    }
    return pwf_ok();
}

pwf_status pwf_infer_channels(pwf_node *node)
{
    const int64_t channels = node->in[0].channels;
    PWF_FAIL_IF(node->weight->count != channels || node->bias->count != channels ||
                    (node->mean && node->mean->count != channels) ||
                    (node->variance && node->variance->count != channels),
                PWF_CONFIG, "%s has %lld values, but its input has %lld channels",
                pwf_param_text(node->weight), (long long)node->weight->count, (long long)channels);
    return pwf_ok();
}

pwf_conv_shape pwf_window_shape(const pwf_node *node, int64_t images)
{
    return (pwf_conv_shape){.images = images,
                            .height = node->in[0].height,
                            .width = node->in[0].width,
                            .channels = node->in[0].channels,
                            .filters = node->out.channels,
                            .kernel_height = node->kernel_height,
                            .kernel_width = node->kernel_width,
                            .stride = node->stride,
                            .padding = node->padding,
                            .groups = 1};
}

pwf_status pwf_infer_pool(pwf_node *node)
{
    if (node->kernel_height == 0) {
        node->kernel_height = node->in[0].height;
        node->kernel_width = node->in[0].width;
    }
    /* Every window holds at least one pixel of the image. */
    PWF_ASSERT(node->stride >= 1 && node->kernel_height >= 1 && node->kernel_width >= 1);
    PWF_ASSERT(node->padding.top < node->kernel_height &&
               node->padding.bottom < node->kernel_height &&
               node->padding.left < node->kernel_width && node->padding.right < node->kernel_width);
    const pwf_conv_shape s = pwf_window_shape(node, 1);
    node->out = (pwf_shape){pwf_conv_out_height(&s), pwf_conv_out_width(&s), s.channels};
    PWF_FAIL_IF(node->out.height < 1 || node->out.width < 1, PWF_CONFIG,
                "a pooling window of %lldx%lld does not fit on %lldx%lld pixels; use a larger "
                "model.image_size",
                (long long)node->kernel_height, (long long)node->kernel_width,
                (long long)node->in[0].height, (long long)node->in[0].width);
    return pwf_ok();
}

void pwf_pass_gradient(float *dx, bool add, const float *dy, int64_t count)
{
    if (add)
        pwf_kernels_now()->accumulate(dx, dy, count);
    else
        memcpy(dx, dy, (size_t)count * sizeof *dx);
}
