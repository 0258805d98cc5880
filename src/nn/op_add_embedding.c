/* SPDX-License-Identifier: BSD-3-Clause */
/* A learnt embedding [T, C] added to every image.
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

static pwf_status infer(pwf_node *n)
{
    PWF_FAIL_IF(n->weight->count != pwf_elements(n->in[0]), PWF_CONFIG,
                "%s has %lld values, but its input has %lld tokens with %lld channels each",
                pwf_param_text(n->weight), (long long)n->weight->count,
                (long long)pwf_pixels(n->in[0]), (long long)n->in[0].channels);
    n->out = n->in[0];
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const int64_t n = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++)
        pwf_kernels_now()->add(c->y + i * n, c->x[0] + i * n, c->weight, n);
    return pwf_ok();
}

/* The gradient of the embedding adds up in image order; dx may be dy itself. */
static pwf_status backward(const pwf_call *c)
{
    const int64_t n = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++)
        pwf_kernels_now()->accumulate(c->dweight, c->dy + i * n, n);
    if (c->dx[0] && c->dx[0] != c->dy) pwf_pass_gradient(c->dx[0], c->add[0], c->dy, c->images * n);
    return pwf_ok();
}

const pwf_operator pwf_op_add_embedding = {.name = "add_embedding",
                                           .in_place = true,
                                           .infer = infer,
                                           .forward = forward,
                                           .backward = backward};

pwf_value pwf_graph_add_embedding(pwf_graph *graph, pwf_value x, const pwf_param *embedding)
{
    return pwf_graph_apply(graph, pwf_node_of(&pwf_op_add_embedding, x, embedding, NULL));
}
