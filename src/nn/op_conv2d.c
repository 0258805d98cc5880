/* SPDX-License-Identifier: BSD-3-Clause */
/* Convolution and linear layer: both are a pwf_conv of the tensor room, which chooses the back end;
 * here are shapes, the bias gradient and the sum with other gradients of the same value. Called
 * through the rows pwf_op_conv2d and pwf_op_linear; touches only the arrays of a call. */
#include "operator.h"

enum { GROUPS }; /* of node.whole: groups of channels */

/* A bias has one value per output channel. */
static pwf_status check_bias(const pwf_node *n)
{
    PWF_FAIL_IF(n->bias && n->bias->count != n->weight->shape[0], PWF_CONFIG,
                "%s has %lld values, %s has %lld outputs", pwf_param_text(n->bias),
                (long long)n->bias->count, pwf_param_text(n->weight),
                (long long)n->weight->shape[0]);
    return pwf_ok();
}

/* [H, W, C] to [P, Q, K]; the window comes from the weight [K, C/groups, R, S]. */
static pwf_status infer_conv(pwf_node *n)
{
    const pwf_param *w = n->weight;
    PWF_ASSERT(w->dims == 4 && n->stride >= 1 && n->whole[GROUPS] >= 1);
    n->kernel_height = w->shape[2];
    n->kernel_width = w->shape[3];
    PWF_FAIL_IF(
        n->in[0].channels != w->shape[1] * n->whole[GROUPS] || w->shape[0] % n->whole[GROUPS] != 0,
        PWF_CONFIG,
        "%s has %lld filters over %lld channels in %lld groups, but its input has %lld channels",
        pwf_param_text(n->weight), (long long)w->shape[0], (long long)w->shape[1],
        (long long)n->whole[GROUPS], (long long)n->in[0].channels);
    const pwf_conv_shape s = pwf_window_shape(n, 1);
    n->out = (pwf_shape){pwf_conv_out_height(&s), pwf_conv_out_width(&s), w->shape[0]};
    PWF_FAIL_IF(n->out.height < 1 || n->out.width < 1, PWF_CONFIG,
                "%s: a window of %lldx%lld does not fit on %lldx%lld pixels; use a larger "
                "model.image_size or a shallower network",
                pwf_param_text(n->weight), (long long)n->kernel_height, (long long)n->kernel_width,
                (long long)n->in[0].height, (long long)n->in[0].width);
    return check_bias(n);
}

/* [H, W, C] to [H, W, K]: every pixel is a row of the product with the weight [K, C]. */
static pwf_status infer_linear(pwf_node *n)
{
    const pwf_param *w = n->weight;
    PWF_ASSERT(w->dims == 2);
    PWF_FAIL_IF(n->in[0].channels != w->shape[1], PWF_CONFIG,
                "%s has %lld inputs, but its input has %lldx%lld pixels with %lld channels",
                pwf_param_text(n->weight), (long long)w->shape[1], (long long)n->in[0].height,
                (long long)n->in[0].width, (long long)n->in[0].channels);
    n->out = (pwf_shape){n->in[0].height, n->in[0].width, w->shape[0]};
    return check_bias(n);
}

/* The convolution of a call; a linear layer has a weight of two dimensions. */
static pwf_conv_shape shape_of(const pwf_node *n, int64_t images)
{
    if (n->weight->dims == 2)
        return pwf_conv_shape_linear(images * pwf_pixels(n->in[0]), n->in[0].channels,
                                     n->out.channels);
    pwf_conv_shape s = pwf_window_shape(n, images);
    s.groups = n->whole[GROUPS];
    return s;
}

/* Workspace after the convolution's own, in bytes: the sums of the bias gradient (2 doubles per
 * channel) or a dx that is added later, which are not needed at the same time. */
static size_t extra_bytes(const pwf_node *n, int64_t images, bool gradient)
{
    const size_t sums = 2 * (size_t)n->out.channels * sizeof(double);
    const size_t dx = gradient ? (size_t)(images * pwf_elements(n->in[0])) * sizeof(float) : 0;
    return dx > sums ? dx : sums;
}

static pwf_status plan(const pwf_plan_task *task, void **out, pwf_need *need)
{
    const pwf_conv_shape shape = shape_of(task->node, task->images);
    const pwf_conv_use use = {.forward = !task->backward,
                              .bias = task->node->bias != NULL,
                              .backward_data = task->backward && task->gradient[0],
                              .backward_weights = task->backward,
                              .precision = task->precision};
    pwf_conv *conv;
    PWF_TRY(pwf_conv_new(task->backend, &shape, use, &conv));
    need->packed = pwf_conv_packed(conv);
    need->workspace = pwf_lines(pwf_conv_workspace(conv));
    if (task->backward) need->workspace += extra_bytes(task->node, task->images, task->gradient[0]);
    *out = conv;
    return pwf_ok();
}

static void release(void *own)
{
    pwf_conv_free(own);
}

static pwf_status pack(const pwf_call *c)
{
    return pwf_conv_pack(c->plan, c->packed, c->weight, c->workspace);
}

/* One multiplication and one addition per weight and output pixel. */
static int64_t operations(const pwf_node *n)
{
    return 2 * pwf_pixels(n->out) * n->weight->count;
}

static pwf_status forward(const pwf_call *c)
{
    pwf_conv_use_packed(c->plan, c->packed);
    return pwf_conv_forward(c->plan, c->y, c->x[0], c->weight, c->bias, c->workspace);
}

/* dweight, dbias (sums over pixels in double), then dx. No back end adds to dx, so a dx that must
 * be added is computed in the workspace first. */
static pwf_status backward(const pwf_call *c)
{
    const pwf_kernels *k = pwf_kernels_now();
    const pwf_shape out = c->node->out;
    char *extra = (char *)c->workspace + pwf_lines(pwf_conv_workspace(c->plan));
    pwf_conv_use_packed(c->plan, c->packed);
    PWF_TRY(pwf_conv_backward_weights(c->plan, c->dweight, c->dy, c->x[0], c->workspace));
    if (c->dbias) {
        double *sum = (double *)(void *)extra;
        k->column_sums(sum, c->dy, c->images * pwf_pixels(out), out.channels);
        for (int64_t i = 0; i < out.channels; i++)
            c->dbias[i] += (float)sum[i];
    }
    if (!c->dx[0]) return pwf_ok();
    float *dx = c->add[0] ? (float *)(void *)extra : c->dx[0];
    PWF_TRY(pwf_conv_backward_data(c->plan, dx, c->dy, c->weight, c->workspace));
    if (c->add[0]) k->accumulate(c->dx[0], dx, c->images * pwf_elements(c->node->in[0]));
    return pwf_ok();
}

#define PRODUCT                                                                                    \
    .needs_input = true, .plan = plan, .release = release, .forward = forward,                     \
    .backward = backward, .pack = pack, .operations = operations

const pwf_operator pwf_op_conv2d = {.name = "conv2d", .infer = infer_conv, PRODUCT};

const pwf_operator pwf_op_linear = {.name = "linear", .infer = infer_linear, PRODUCT};

pwf_value pwf_graph_conv2d(pwf_graph *graph, pwf_value x, const pwf_param *weight,
                           const pwf_param *bias, int64_t stride, pwf_padding padding,
                           int64_t groups)
{
    pwf_node node = pwf_node_of(&pwf_op_conv2d, x, weight, bias);
    node.stride = stride;
    node.padding = padding;
    node.whole[GROUPS] = groups;
    return pwf_graph_apply(graph, node);
}

pwf_value pwf_graph_linear(pwf_graph *graph, pwf_value x, const pwf_param *weight,
                           const pwf_param *bias)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_linear, x, weight, bias));
}
