/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax attention among the tokens of an image (Vaswani et al. 2017, arXiv:1706.03762):
 * y = softmax(q k^T / sqrt(D)) v per head. The input holds queries, keys and values of all heads,
 * [B, T, 3 H D], in the order of timm's blocks.N.attn.qkv; the result is [B, T, H D]. Called
 * through its row; touches only the arrays of a call. */
#include "operator.h"
#include "pwf/tensor/attention.h"

#include <stdlib.h>

enum { HEADS }; /* of node.whole */

/* [T, 3 H D] to [T, H D] */
static pwf_status infer(pwf_node *n)
{
    PWF_ASSERT(n->whole[HEADS] >= 1);
    PWF_FAIL_IF(n->in[0].channels % (3 * n->whole[HEADS]) != 0, PWF_CONFIG,
                "attention over %lld channels: must be a multiple of 3 * model.heads = 3 * %lld",
                (long long)n->in[0].channels, (long long)n->whole[HEADS]);
    n->out = (pwf_shape){n->in[0].height, n->in[0].width, n->in[0].channels / 3};
    return pwf_ok();
}

/* Heads are processed one by one; the plan is the shape of one. Its stride_y is the number of
 * channels of all heads. */
static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const pwf_node *n = task->node;
    const int64_t channels = n->out.channels;
    const pwf_attention p = {.backend = task->backend,
                             .tokens = pwf_pixels(n->in[0]),
                             .depth = channels / n->whole[HEADS],
                             .stride_qkv = 3 * channels,
                             .stride_y = channels,
                             .precision = task->precision};
    PWF_TRY(pwf_attention_check(&p));
    pwf_attention *copy = malloc(sizeof *copy);
    PWF_FAIL_IF(!copy, PWF_RESOURCE, "no memory for the plan of an attention");
    *copy = p;
    *own = copy;
    need->saved = task->training ? (size_t)n->whole[HEADS] * pwf_attention_saved(&p) : 0;
    need->workspace = pwf_attention_workspace(&p, task->backward);
    return pwf_ok();
}

/* Offsets of a head of an image in the input (queries) and in the result, and its saved data. */
typedef struct head_data {
    int64_t qkv, y;
    void *saved;
} head_data;

/* `head` counts over images, then over the heads of an image. */
static head_data head_of(const pwf_call *c, int64_t head)
{
    const pwf_attention *p = c->plan;
    const int64_t heads = c->node->whole[HEADS], image = head / heads, number = head % heads;
    const int64_t y = image * p->tokens * p->stride_y;
    char *saved = c->saved;
    if (saved) saved += (size_t)head * pwf_attention_saved(p);
    return (head_data){3 * y + number * p->depth, y + number * p->depth, saved};
}

static pwf_status forward(const pwf_call *c)
{
    const pwf_attention *p = c->plan;
    for (int64_t head = 0; head < c->images * c->node->whole[HEADS]; head++) {
        const head_data at = head_of(c, head);
        const float *q = c->x[0] + at.qkv, *k = q + p->stride_y, *v = k + p->stride_y;
        PWF_TRY(pwf_attention_forward(p, c->y + at.y, at.saved, q, k, v, c->workspace));
    }
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    const pwf_attention *p = c->plan;
    if (!c->dx[0]) return pwf_ok();
    for (int64_t head = 0; head < c->images * c->node->whole[HEADS]; head++) {
        const head_data at = head_of(c, head);
        const float *q = c->x[0] + at.qkv, *k = q + p->stride_y, *v = k + p->stride_y;
        float *dq = c->dx[0] + at.qkv, *dk = dq + p->stride_y, *dv = dk + p->stride_y;
        const pwf_attention_past past = {q, k, v, c->y + at.y, c->dy + at.y, at.saved};
        PWF_TRY(pwf_attention_backward(p, dq, dk, dv, c->add[0], &past, c->workspace));
    }
    return pwf_ok();
}

/* Two products of T x T x D per head, each a multiplication and an addition. */
static int64_t operations(const pwf_node *n)
{
    return 4 * pwf_pixels(n->out) * pwf_pixels(n->out) * n->out.channels;
}

const pwf_operator pwf_op_attention = {.name = "attention",
                                       .needs_input = true,
                                       .needs_output = true,
                                       .saves = true,
                                       .operations = operations,
                                       .infer = infer,
                                       .plan = plan,
                                       .release = free,
                                       .forward = forward,
                                       .backward = backward};

pwf_value pwf_graph_attention(pwf_graph *graph, pwf_value qkv, int64_t heads)
{
    pwf_node node = pwf_node_of(&pwf_op_attention, qkv, NULL, NULL);
    node.whole[HEADS] = heads;
    return pwf_graph_apply(graph, node);
}
