/* SPDX-License-Identifier: BSD-3-Clause */
/* Maximum and mean over a window. */
#include "operators.h"

static pwf_status infer(pwf_node *n)
{
    PWF_ASSERT(n->stride >= 1 && n->kernel_height >= 1 && n->kernel_width >= 1);
    PWF_ASSERT(2 * n->padding <= n->kernel_height && 2 * n->padding <= n->kernel_width);
    n->out = (pwf_shape){pwf_conv_extent(n->in[0].height, n->kernel_height, n->stride, n->padding),
                         pwf_conv_extent(n->in[0].width, n->kernel_width, n->stride, n->padding),
                         n->in[0].channels};
    if (n->out.height < 1 || n->out.width < 1)
        return PWF_FAIL(PWF_CONFIG,
                        "a pooling window of %lldx%lld does not fit on %lldx%lld pixels; use a "
                        "larger model.image_size",
                        (long long)n->kernel_height, (long long)n->kernel_width,
                        (long long)n->in[0].height, (long long)n->in[0].width);
    return pwf_ok();
}

static pwf_pool_shape shape_of(const pwf_call *c)
{
    const pwf_node *n = c->node;
    return (pwf_pool_shape){.images = c->images,
                            .height = n->in[0].height,
                            .width = n->in[0].width,
                            .channels = n->in[0].channels,
                            .kernel_height = n->kernel_height,
                            .kernel_width = n->kernel_width,
                            .stride = n->stride,
                            .padding = n->padding};
}

/* The places of the maxima are saved; in prediction they are written all the same. */
static pwf_status plan_max(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const size_t image = (size_t)pwf_elements(task->node->out) * sizeof(int32_t);
    (void)own;
    if (task->training)
        need->saved = image;
    else
        need->workspace = (size_t)task->images * image;
    return pwf_ok();
}

static pwf_status max_forward(const pwf_call *c)
{
    const pwf_pool_shape s = shape_of(c);
    pwf_kernels_now()->max_pool_forward(c->y, c->training ? c->saved : c->workspace, c->x[0], &s);
    return pwf_ok();
}

static pwf_status max_backward(const pwf_call *c)
{
    const pwf_pool_shape s = shape_of(c);
    if (c->dx[0]) pwf_kernels_now()->max_pool_backward(c->dx[0], c->add[0], c->dy, c->saved, &s);
    return pwf_ok();
}

static pwf_status plan_avg(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)own;
    (void)need;
    PWF_ASSERT(task->node->padding == 0);
    return pwf_ok();
}

static pwf_status avg_forward(const pwf_call *c)
{
    const pwf_pool_shape s = shape_of(c);
    pwf_kernels_now()->avg_pool_forward(c->y, c->x[0], &s);
    return pwf_ok();
}

static pwf_status avg_backward(const pwf_call *c)
{
    const pwf_pool_shape s = shape_of(c);
    if (c->dx[0]) pwf_kernels_now()->avg_pool_backward(c->dx[0], c->add[0], c->dy, &s);
    return pwf_ok();
}

const pwf_operator pwf_op_max_pool = {.name = "max_pool",
                                      .saves = true,
                                      .infer = infer,
                                      .plan = plan_max,
                                      .forward = max_forward,
                                      .backward = max_backward};

const pwf_operator pwf_op_avg_pool = {.name = "avg_pool",
                                      .infer = infer,
                                      .plan = plan_avg,
                                      .forward = avg_forward,
                                      .backward = avg_backward};
