/* SPDX-License-Identifier: BSD-3-Clause */
/* One token of each image: [T, C] to [1, C].
 * Called through its row.
 * Touches only the arrays of a call. */
#include "operator.h"

#include <string.h>

enum { TOKEN }; /* of node.whole: from 0 */

static pwf_status infer(pwf_node *n)
{
    PWF_ASSERT(n->whole[TOKEN] >= 0);
    PWF_FAIL_IF(n->whole[TOKEN] >= pwf_pixels(n->in[0]), PWF_CONFIG,
                "token %lld does not exist: there are %lld tokens", (long long)n->whole[TOKEN] + 1,
                (long long)pwf_pixels(n->in[0]));
    n->out = (pwf_shape){1, 1, n->in[0].channels};
    return pwf_ok();
}

static pwf_status forward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, all = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++)
        memcpy(c->y + i * n, c->x[0] + i * all + c->node->whole[TOKEN] * n,
               (size_t)n * sizeof *c->y);
    return pwf_ok();
}

/* dx is dy at the token and 0 elsewhere. */
static pwf_status backward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, all = pwf_elements(c->node->in[0]);
    if (!c->dx[0]) return pwf_ok();
    if (!c->add[0]) memset(c->dx[0], 0, (size_t)(c->images * all) * sizeof *c->dx[0]);
    for (int64_t i = 0; i < c->images; i++)
        pwf_pass_gradient(c->dx[0] + i * all + c->node->whole[TOKEN] * n, c->add[0], c->dy + i * n,
                          n);
    return pwf_ok();
}

const pwf_operator pwf_op_select_token = {
    .name = "select_token", .infer = infer, .forward = forward, .backward = backward};

pwf_value pwf_graph_select_token(pwf_graph *graph, pwf_value x, int64_t token)
{
    pwf_node node = pwf_node_of(&pwf_op_select_token, x, NULL, NULL);
    node.whole[TOKEN] = token;
    return pwf_graph_apply(graph, node);
}
