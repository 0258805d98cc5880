/* SPDX-License-Identifier: BSD-3-Clause */
/* Cross-entropy of one head's logits, or the mean of two heads'. Smoothed labels (Szegedy et al.
 * 2016) move a share of the target from the label to all classes alike. */
#include "operators.h"

static pwf_status infer(pwf_node *n)
{
    for (int i = 0; i < n->inputs; i++)
        if (pwf_pixels(n->in[i]) != 1)
            return PWF_FAIL(PWF_CONFIG, "the logits have %lldx%lld pixels; a network ends in one",
                            (long long)n->in[i].height, (long long)n->in[i].width);
    PWF_ASSERT(n->inputs == 1 || n->in[0].channels == n->in[1].channels);
    n->out = (pwf_shape){1, n->inputs, n->in[0].channels};
    return pwf_ok();
}

static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)own;
    need->workspace = (size_t)task->images * sizeof(float);
    return pwf_ok();
}

static double smoothed(const float *logits, int64_t n, int32_t label, double share)
{
    const double own = (double)logits[label];
    if (share == 0.0) return own;
    double sum = 0.0;
    for (int64_t j = 0; j < n; j++)
        sum += (double)logits[j];
    return (1.0 - share) * own + share * sum / (double)n;
}

/* y becomes the probabilities, those of the second head behind those of the first. */
static pwf_status forward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels;
    const double share = (double)c->node->smoothing;
    float *log_sum = c->workspace;
    double loss = 0.0;
    for (int h = 0; h < c->node->inputs; h++) {
        const float *x = c->x[h];
        pwf_kernels_now()->softmax(c->y + h * c->images * n, log_sum, x, c->images, n);
        for (int64_t i = 0; i < c->images; i++) {
            PWF_ASSERT(c->labels[i] >= 0 && c->labels[i] < n);
            loss += (double)log_sum[i] - smoothed(x + i * n, n, c->labels[i], share);
        }
    }
    *c->loss = loss / c->node->inputs;
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels;
    const float scale = c->scale / (float)c->node->inputs;
    const float others = c->node->smoothing / (float)n, label = 1.0f - c->node->smoothing + others;
    for (int h = 0; h < c->node->inputs; h++) {
        const float *probability = c->y + h * c->images * n;
        float *dx = c->dx[h];
        if (!dx) continue;
        for (int64_t i = 0; i < c->images; i++)
            for (int64_t j = 0; j < n; j++) {
                const float p = probability[i * n + j] - (j == c->labels[i] ? label : others);
                const float d = scale * p;
                dx[i * n + j] = c->add[h] ? dx[i * n + j] + d : d;
            }
    }
    return pwf_ok();
}

const pwf_operator pwf_op_cross_entropy = {.name = "cross_entropy",
                                           .needs_output = true,
                                           .infer = infer,
                                           .plan = plan,
                                           .forward = forward,
                                           .backward = backward};
