/* SPDX-License-Identifier: BSD-3-Clause */
/* A learnt token [C] before the tokens of every image: [T, C] to [T + 1, C].
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

#include <string.h>

static pwf_status infer(pwf_node *n)
{
    PWF_FAIL_IF(n->weight->count != n->in[0].channels, PWF_CONFIG,
                "%s has %lld values, but a token has %lld channels", pwf_param_text(n->weight),
                (long long)n->weight->count, (long long)n->in[0].channels);
    n->out = (pwf_shape){1, pwf_pixels(n->in[0]) + 1, n->in[0].channels};
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, rest = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++) {
        float *y = c->y + i * (rest + n);
        memcpy(y, c->weight, (size_t)n * sizeof *y);
        memcpy(y + n, c->x[0] + i * rest, (size_t)rest * sizeof *y);
    }
    return pwf_ok();
}

/* dtoken adds up in image order; dx is dy without its first token. */
static pwf_status backward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, rest = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++) {
        const float *dy = c->dy + i * (rest + n);
        pwf_kernels_now()->accumulate(c->dweight, dy, n);
        if (c->dx[0]) pwf_pass_gradient(c->dx[0] + i * rest, c->add[0], dy + n, rest);
    }
    return pwf_ok();
}

const pwf_operator pwf_op_prepend_token = {
    .name = "prepend_token", .infer = infer, .forward = forward, .backward = backward};

pwf_value pwf_graph_prepend_token(pwf_graph *graph, pwf_value x, const pwf_param *token)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_prepend_token, x, token, NULL));
}
