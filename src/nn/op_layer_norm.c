/* SPDX-License-Identifier: BSD-3-Clause */
/* Layer normalisation over the channels of each pixel or token (Ba, Kiros and Hinton 2016,
 * arXiv:1607.06450): y = scale (x - mean) inverse + shift. Mean and inverse deviation of each row
 * are saved. Images are processed one by one, so parameter gradients add up in image order. Called
 * through its row; touches only the arrays of a call. */
#include "operator.h"

static const double EPSILON = 1e-6; /* of timm's vision transformers */

/* Saved: mean and 1 / standard deviation of each row; in prediction the kernel writes them to the
 * workspace. Backward uses the workspace for the sums of dscale and dshift (double) and for the
 * kernel's scratch. */
static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const size_t both = 2 * (size_t)pwf_pixels(task->node->in[0]) * sizeof(float);
    const size_t channels = (size_t)task->node->in[0].channels;
    const size_t sums = 2 * channels * sizeof(double) + 18 * channels * sizeof(float);
    (void)own;
    need->saved = task->training ? both : 0;
    need->workspace = both > sums ? both : sums;
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const int64_t rows = pwf_pixels(c->node->in[0]), n = c->node->in[0].channels;
    for (int64_t i = 0; i < c->images; i++) {
        float *mean = c->training ? (float *)c->saved + 2 * i * rows : c->workspace;
        pwf_kernels_now()->layer_norm_forward(c->y + i * rows * n, mean, mean + rows,
                                              c->x[0] + i * rows * n, c->weight, c->bias, EPSILON,
                                              rows, n);
    }
    return pwf_ok();
}

/* dx of one image, and its share of dscale and dshift. */
static void image_backward(const pwf_call *c, int64_t image)
{
    const int64_t rows = pwf_pixels(c->node->in[0]), n = c->node->in[0].channels,
                  at = image * rows * n;
    const float *mean = (const float *)c->saved + 2 * image * rows, *inverse = mean + rows;
    double *dscale = c->workspace, *dshift = dscale + n;
    pwf_kernels_now()->layer_norm_backward(c->dx[0] ? c->dx[0] + at : NULL, c->add[0], dscale,
                                           dshift, (float *)(void *)(dshift + n), c->dy + at,
                                           c->x[0] + at, mean, inverse, c->weight, rows, n);
    for (int64_t i = 0; i < n; i++) {
        c->dweight[i] += (float)dscale[i];
        c->dbias[i] += (float)dshift[i];
    }
}

static pwf_status backward(const pwf_call *c)
{
    for (int64_t i = 0; i < c->images; i++)
        image_backward(c, i);
    return pwf_ok();
}

const pwf_operator pwf_op_layer_norm = {.name = "layer_norm",
                                        .needs_input = true,
                                        .saves = true,
                                        .infer = pwf_infer_channels,
                                        .plan = plan,
                                        .forward = forward,
                                        .backward = backward};

pwf_value pwf_graph_layer_norm(pwf_graph *graph, pwf_value x, const pwf_param *scale,
                               const pwf_param *shift)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_layer_norm, x, scale, shift));
}
