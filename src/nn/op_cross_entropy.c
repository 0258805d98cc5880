/* SPDX-License-Identifier: BSD-3-Clause */
/* Cross-entropy of one head's logits, or the mean over two heads. Smoothed labels (Szegedy et al.
 * 2016, arXiv:1512.00567) move a share of the target from the label evenly to all classes; mixed
 * images have two labels, which share the target. The last node of every graph; called through its
 * row, touches only the arrays of a call. */
#include "operator.h"

#include <string.h>

enum { SMOOTHING }; /* of node.real: share of the target for all classes, 0 to below 1 */

static pwf_status infer(pwf_node *n)
{
    for (int i = 0; i < n->inputs; i++)
        PWF_FAIL_IF(pwf_pixels(n->in[i]) != 1, PWF_CONFIG,
                    "logits of %lldx%lld pixels: the last layer of a network must have one pixel",
                    (long long)n->in[i].height, (long long)n->in[i].width);
    PWF_ASSERT(n->inputs == 1 || n->in[0].channels == n->in[1].channels);
    n->out = (pwf_shape){1, n->inputs, n->in[0].channels};
    return pwf_ok();
}

/* Mean of the logits of image i under its target distribution. The loss is log_sum minus this. */
static double expected(const pwf_call *c, const float *logits, int64_t i)
{
    const int64_t n = c->node->in[0].channels;
    const double smoothing = (double)c->node->real[SMOOTHING], share = (double)c->targets.share;
    double own = (double)logits[c->targets.labels[i]], sum = 0.0;
    if (c->targets.partners)
        own = share * own + (1.0 - share) * (double)logits[c->targets.partners[i]];
    if (smoothing == 0.0) return own;
    for (int64_t j = 0; j < n; j++)
        sum += (double)logits[j];
    return (1.0 - smoothing) * own + smoothing * sum / (double)n;
}

/* Whether label and partner of image i are classes; the data sets have checked them. */
static bool are_classes(const pwf_targets *targets, int64_t i, int64_t n)
{
    const int32_t label = targets->labels[i],
                  partner = targets->partners ? targets->partners[i] : 0;
    return label >= 0 && label < n && partner >= 0 && partner < n;
}

/* y = probabilities, [images, heads, classes]; the loss adds up in image order. */
static pwf_status forward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels, heads = c->node->inputs;
    double loss = 0.0;
    for (int64_t i = 0; i < c->images; i++) {
        PWF_ASSERT(are_classes(&c->targets, i, n));
        for (int64_t h = 0; h < heads; h++) {
            const float *x = c->x[h] + i * n;
            float log_sum;
            pwf_kernels_now()->softmax(c->y + (i * heads + h) * n, &log_sum, x, 1, n);
            loss += (double)log_sum - expected(c, x, i);
        }
    }
    *c->loss += loss / (double)heads;
    return pwf_ok();
}

/* dx = scale (probability - target) per head; a partner moves its part of the target from the
 * label. */
static pwf_status backward(const pwf_call *c)
{
    const int64_t n = c->node->in[0].channels, heads = c->node->inputs;
    const int32_t *labels = c->targets.labels, *partners = c->targets.partners;
    const float scale = c->scale / (float)heads;
    const float others = c->node->real[SMOOTHING] / (float)n,
                label = 1.0f - c->node->real[SMOOTHING] + others;
    const float moved = scale * (1.0f - c->node->real[SMOOTHING]) * (1.0f - c->targets.share);
    for (int64_t h = 0; h < heads; h++) {
        float *dx = c->dx[h];
        if (!dx) continue;
        for (int64_t i = 0; i < c->images; i++) {
            const float *probability = c->y + (i * heads + h) * n;
            for (int64_t j = 0; j < n; j++) {
                const float p = probability[j] - (j == labels[i] ? label : others);
                const float d = scale * p;
                dx[i * n + j] = c->add[h] ? dx[i * n + j] + d : d;
            }
            if (!partners || partners[i] == labels[i]) continue;
            dx[i * n + labels[i]] += moved;
            dx[i * n + partners[i]] -= moved;
        }
    }
    return pwf_ok();
}

const pwf_operator pwf_op_cross_entropy = {.name = "cross_entropy",
                                           .needs_output = true,
                                           .infer = infer,
                                           .forward = forward,
                                           .backward = backward};

pwf_value pwf_graph_cross_entropy(pwf_graph *graph, int heads, const pwf_value *logits,
                                  float smoothing)
{
    pwf_node node = {.op = &pwf_op_cross_entropy, .inputs = heads, .real[SMOOTHING] = smoothing};
    memcpy(node.input, logits, (size_t)heads * sizeof *logits);
    return pwf_graph_apply(graph, node);
}
