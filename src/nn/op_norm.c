/* SPDX-License-Identifier: BSD-3-Clause */
/* Batch normalisation. Sums over pixels are double, in pixel order; Ioffe and Szegedy 2015. */
#include "operators.h"

#include <math.h>

static const double EPSILON = 1e-5;

static pwf_status infer(pwf_node *n)
{
    const int64_t channels = n->in[0].channels;
    if (n->weight->count != channels || n->bias->count != channels || n->mean->count != channels ||
        n->variance->count != channels)
        return PWF_FAIL(PWF_CONFIG, "%s has %lld values, but its input has %lld channels",
                        n->weight->name ? n->weight->name : "?", (long long)n->weight->count,
                        (long long)channels);
    n->out = n->in[0];
    return pwf_ok();
}

/* Saved from forward to backward: mean and 1 / standard deviation. */
static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const pwf_shape s = task->node->in[0];
    (void)own;
    if (task->training && task->images * pwf_pixels(s) < 2)
        return PWF_FAIL(PWF_CONFIG,
                        "%s: one pixel per slot has no variance; use fewer parallel.slots or a "
                        "larger train.batch or model.image_size",
                        task->node->weight->name ? task->node->weight->name : "?");
    need->saved = task->training ? 2 * (size_t)s.channels * sizeof(float) : 0;
    need->workspace = (size_t)s.channels * (2 * sizeof(double) + 3 * sizeof(float));
    return pwf_ok();
}

typedef struct room {
    double *sum, *product;
    float *a, *b, *c;
} room;

static room room_of(const pwf_call *call)
{
    const int64_t n = call->node->in[0].channels;
    double *d = call->workspace;
    float *f = (float *)(void *)(d + 2 * n);
    return (room){d, d + n, f, f + n, f + 2 * n};
}

/* Mean and inverse deviation of the slot, and what the running statistics will take. */
static void measure(const pwf_call *c, float *mean, float *inverse)
{
    const pwf_kernels *k = pwf_kernels_now();
    const room r = room_of(c);
    const int64_t n = c->node->in[0].channels, rows = c->images * pwf_pixels(c->node->in[0]);
    k->column_sums(r.sum, c->x[0], rows, n);
    for (int64_t i = 0; i < n; i++)
        mean[i] = (float)(r.sum[i] / (double)rows);
    /* Squares about the rounded mean; what rounding moved is taken off again. */
    k->column_squares(r.product, c->x[0], mean, rows, n);
    for (int64_t i = 0; i < n; i++) {
        const double moved = r.sum[i] / (double)rows - (double)mean[i];
        double squares = r.product[i] - (double)rows * moved * moved;
        if (squares < 0.0) squares = 0.0;
        inverse[i] = (float)(1.0 / sqrt(squares / (double)rows + EPSILON));
        c->mean[i] = mean[i];
        c->variance[i] = (float)(squares / (double)(rows - 1));
    }
}

static pwf_status forward(const pwf_call *c)
{
    const pwf_kernels *k = pwf_kernels_now();
    const room r = room_of(c);
    const int64_t n = c->node->in[0].channels, rows = c->images * pwf_pixels(c->node->in[0]);
    const float *mean = c->running_mean;
    if (c->training) {
        float *saved = c->saved;
        measure(c, saved, saved + n);
        mean = saved;
        for (int64_t i = 0; i < n; i++)
            r.a[i] = c->weight[i] * saved[n + i];
    } else {
        for (int64_t i = 0; i < n; i++)
            r.a[i] = (float)((double)c->weight[i] / sqrt((double)c->running_variance[i] + EPSILON));
    }
    k->norm_forward(c->y, c->x[0], mean, r.a, c->bias, rows, n);
    return pwf_ok();
}

/* dx = scale inverse (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - mean) inverse */
static pwf_status backward(const pwf_call *c)
{
    const pwf_kernels *k = pwf_kernels_now();
    const room r = room_of(c);
    const int64_t n = c->node->in[0].channels, rows = c->images * pwf_pixels(c->node->in[0]);
    const float *mean = c->saved, *inverse = mean + n;
    k->norm_sums(r.sum, r.product, c->dy, c->x[0], mean, rows, n);
    for (int64_t i = 0; i < n; i++) {
        const double inv = (double)inverse[i];
        c->dweight[i] += (float)(r.product[i] * inv);
        c->dbias[i] += (float)r.sum[i];
        r.a[i] = c->weight[i] * inverse[i];
        r.b[i] = (float)(r.sum[i] / (double)rows);
        r.c[i] = (float)(r.product[i] * inv * inv / (double)rows);
    }
    if (c->dx[0])
        k->norm_backward(c->dx[0], c->add[0], c->dy, c->x[0], mean, r.a, r.b, r.c, rows, n);
    return pwf_ok();
}

const pwf_operator pwf_op_batch_norm = {.name = "batch_norm",
                                        .needs_input = true,
                                        .infer = infer,
                                        .plan = plan,
                                        .forward = forward,
                                        .backward = backward};
