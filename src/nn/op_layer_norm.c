/* SPDX-License-Identifier: BSD-3-Clause */
/* Layer normalisation over the channels of each pixel or token; Ba, Kiros and Hinton 2016. */
#include "operators.h"

static const double EPSILON = 1e-6; /* timm's for vision transformers */

static pwf_status infer(pwf_node *n)
{
    const int64_t channels = n->in[0].channels;
    if (n->weight->count != channels || n->bias->count != channels)
        return PWF_FAIL(PWF_CONFIG, "%s has %lld values, but its input has %lld channels",
                        n->weight->name ? n->weight->name : "?", (long long)n->weight->count,
                        (long long)channels);
    n->out = n->in[0];
    return pwf_ok();
}

static int64_t rows_of(const pwf_call *c)
{
    return c->images * pwf_pixels(c->node->in[0]);
}

/* Mean and 1 / standard deviation of each row: saved; in prediction they are written all the same.
 */
static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const size_t rows = (size_t)(task->images * pwf_pixels(task->node->in[0]));
    const size_t channels = (size_t)task->node->in[0].channels;
    (void)own;
    if (!task->training) {
        need->workspace = 2 * rows * sizeof(float);
        return pwf_ok();
    }
    need->saved = 2 * rows * sizeof(float);
    need->workspace = 2 * channels * sizeof(double);
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const int64_t rows = rows_of(c);
    float *mean = c->training ? c->saved : c->workspace;
    pwf_kernels_now()->layer_norm_forward(c->y, mean, mean + rows, c->x[0], c->weight, c->bias,
                                          EPSILON, rows, c->node->in[0].channels);
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    const pwf_kernels *k = pwf_kernels_now();
    const int64_t rows = rows_of(c), n = c->node->in[0].channels;
    const float *mean = c->saved, *inverse = mean + rows;
    double *dscale = c->workspace, *dshift = dscale + n;
    k->layer_norm_sums(dscale, dshift, c->dy, c->x[0], mean, inverse, rows, n);
    for (int64_t i = 0; i < n; i++) {
        c->dweight[i] += (float)dscale[i];
        c->dbias[i] += (float)dshift[i];
    }
    float *room = c->workspace;
    if (c->dx[0])
        k->layer_norm_backward(c->dx[0], c->add[0], room, room + n, c->dy, c->x[0], mean, inverse,
                               c->weight, rows, n);
    return pwf_ok();
}

const pwf_operator pwf_op_layer_norm = {.name = "layer_norm",
                                        .needs_input = true,
                                        .infer = infer,
                                        .plan = plan,
                                        .forward = forward,
                                        .backward = backward};
