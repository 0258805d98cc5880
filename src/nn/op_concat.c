/* SPDX-License-Identifier: BSD-3-Clause */
/* The channels of one to PWF_NODE_INPUTS values one after the other.
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

#include <string.h>

/* Equal pixels; the channels add up. */
static pwf_status infer(pwf_node *n)
{
    n->out = n->in[0];
    for (int j = 1; j < n->inputs; j++) {
        PWF_FAIL_IF(n->in[j].height != n->out.height || n->in[j].width != n->out.width, PWF_CONFIG,
                    "channels of %lldx%lld and %lldx%lld pixels cannot be concatenated",
                    (long long)n->out.height, (long long)n->out.width, (long long)n->in[j].height,
                    (long long)n->in[j].width);
        n->out.channels += n->in[j].channels;
    }
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const int64_t pixels = c->images * pwf_pixels(c->node->out), n = c->node->out.channels;
    int64_t at = 0;
    for (int j = 0; j < c->node->inputs; j++) {
        const int64_t own = c->node->in[j].channels;
        for (int64_t i = 0; i < pixels; i++)
            memcpy(c->y + i * n + at, c->x[j] + i * own, (size_t)own * sizeof *c->y);
        at += own;
    }
    return pwf_ok();
}

static pwf_status backward(const pwf_call *c)
{
    const int64_t pixels = c->images * pwf_pixels(c->node->out), n = c->node->out.channels;
    int64_t at = 0;
    for (int j = 0; j < c->node->inputs; j++) {
        const int64_t own = c->node->in[j].channels;
        for (int64_t i = 0; c->dx[j] && i < pixels; i++)
            pwf_pass_gradient(c->dx[j] + i * own, c->add[j], c->dy + i * n + at, own);
        at += own;
    }
    return pwf_ok();
}

const pwf_operator pwf_op_concat = {
    .name = "concat", .infer = infer, .forward = forward, .backward = backward};

pwf_value pwf_graph_concat(pwf_graph *graph, int count, const pwf_value *x)
{
    pwf_node node = {.op = &pwf_op_concat, .inputs = count};
    PWF_ASSERT(count >= 1 && count <= PWF_NODE_INPUTS);
    memcpy(node.input, x, (size_t)count * sizeof *x);
    return pwf_graph_apply(graph, node);
}
