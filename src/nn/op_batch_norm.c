/* SPDX-License-Identifier: BSD-3-Clause */
/* Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167): y = scale (x - mean) inverse +
 * shift for each channel, inverse = 1 / sqrt(variance + EPSILON). In training mean and variance are
 * those of the slot, so the schedule runs `sums` over all images of the slot before any forward,
 * and the same for backward. Sums over pixels are double, in pixel order. */
#include "operator.h"

#include <math.h>

static const double EPSILON = 1e-5;

/* Kept in training, each [C]: sums over the slot; mean and 1 / standard deviation; the factors of
 * the element-wise passes. */
typedef struct kept {
    double *sum, *product;
    float *mean, *inverse, *factor, *offset, *slope;
} kept;

enum { DOUBLES = 2, FLOATS = 5 };

/* The arrays within the kept memory of a node. */
static kept kept_of(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels;
    double *d = c->kept;
    float *f = (float *)(void *)(d + DOUBLES * n);
    return (kept){d, d + n, f, f + n, f + 2 * n, f + 3 * n, f + 4 * n};
}

static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const pwf_shape s = task->node->in[0];
    (void)own;
    PWF_FAIL_IF(task->training && task->slot_images * pwf_pixels(s) < 2, PWF_CONFIG,
                "%s: a slot of one pixel has no variance; use fewer parallel.slots, a larger "
                "train.batch or a larger model.image_size",
                pwf_param_text(task->node->weight));
    if (task->training)
        need->kept = (size_t)s.channels * (DOUBLES * sizeof(double) + FLOATS * sizeof(float));
    else
        need->workspace = (size_t)s.channels * sizeof(float);
    return pwf_ok();
}

/* Pixels of all images of the call. */
static int64_t rows_of(const pwf_call *c)
{
    return c->images * pwf_pixels(c->node->in[0]);
}

/* k.sum += x, k.product += x^2 */
static void sums(const pwf_call *c)
{
    const kept k = kept_of(c);
    pwf_kernels_now()->column_moments(k.sum, k.product, c->x[0], rows_of(c),
                                      c->node->in[0].channels);
}

/* Mean and inverse deviation of the slot from the sums, and the statistics for the running buffers:
 * the mean and the unbiased variance. */
static void settle(const pwf_call *c)
{
    const kept k = kept_of(c);
    const double rows = (double)rows_of(c);
    for (int64_t i = 0; i < c->node->in[0].channels; i++) {
        const double mean = k.sum[i] / rows;
        double squares = fma(-k.sum[i], mean, k.product[i]);
        if (squares < 0.0) squares = 0.0; /* by rounding; NaN stays NaN */
        k.mean[i] = (float)mean;
        k.inverse[i] = (float)(1.0 / sqrt(squares / rows + EPSILON));
        k.factor[i] = c->weight[i] * k.inverse[i];
        c->mean[i] = k.mean[i];
        c->variance[i] = (float)(squares / (rows - 1.0));
        k.sum[i] = k.product[i] = 0.0; /* for the backward pass */
    }
}

/* y = (x - mean) factor + shift; in prediction the factor comes from the running variance. */
static pwf_status forward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels;
    const float *mean = c->running_mean, *factor;
    if (c->training) {
        const kept k = kept_of(c);
        mean = k.mean;
        factor = k.factor;
    } else {
        float *f = c->workspace;
        for (int64_t i = 0; i < n; i++)
            f[i] = (float)((double)c->weight[i] / sqrt((double)c->running_variance[i] + EPSILON));
        factor = f;
    }
    pwf_kernels_now()->norm_forward(c->y, c->x[0], mean, factor, c->bias, rows_of(c), n);
    return pwf_ok();
}

/* k.sum += dy, k.product += dy (x - mean) */
static void sums_back(const pwf_call *c)
{
    const kept k = kept_of(c);
    pwf_kernels_now()->norm_sums(k.sum, k.product, c->dy, c->x[0], k.mean, rows_of(c),
                                 c->node->in[0].channels);
}

/* Parameter gradients, and the factors of
 * dx = scale inverse (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - mean) inverse. */
static void settle_back(const pwf_call *c)
{
    const kept k = kept_of(c);
    const double rows = (double)rows_of(c);
    for (int64_t i = 0; i < c->node->in[0].channels; i++) {
        const double inverse = (double)k.inverse[i];
        c->dweight[i] += (float)(k.product[i] * inverse);
        c->dbias[i] += (float)k.sum[i];
        k.offset[i] = (float)(k.sum[i] / rows);
        k.slope[i] = (float)(k.product[i] * inverse * inverse / rows);
        k.sum[i] = k.product[i] = 0.0;
    }
}

static pwf_status backward(const pwf_call *c)
{
    const kept k = kept_of(c);
    if (c->dx[0])
        pwf_kernels_now()->norm_backward(c->dx[0], c->add[0], c->dy, c->x[0], k.mean, k.factor,
                                         k.offset, k.slope, rows_of(c), c->node->in[0].channels);
    return pwf_ok();
}

const pwf_operator pwf_op_batch_norm = {.name = "batch_norm",
                                        .needs_input = true,
                                        .cheap = true,
                                        .infer = pwf_infer_channels,
                                        .plan = plan,
                                        .forward = forward,
                                        .backward = backward,
                                        .sums = sums,
                                        .settle = settle,
                                        .sums_back = sums_back,
                                        .settle_back = settle_back};

pwf_value pwf_graph_batch_norm(pwf_graph *graph, pwf_value x, const pwf_param *scale,
                               const pwf_param *shift, const pwf_buffer *mean,
                               const pwf_buffer *variance)
{
    pwf_node node = pwf_node_of(&pwf_op_batch_norm, x, scale, shift);
    node.mean = mean;
    node.variance = variance;
    return pwf_graph_apply(graph, node);
}
