/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends a graph with its loss.
 * Called by models as their last step; changes the graph alone.
 * Apart from graph.c because it uses operators, which use graph.c. */
#include "graph_parts.h"
#include "operator.h"

/* Adds the loss over the heads. The prediction need not lead to the loss: with two heads it is
 * their mean, while the loss reads both. */
static pwf_status end(pwf_graph *g, pwf_value logits, int heads, const pwf_value *head)
{
    pwf_graph_cross_entropy(g, heads, head, g->smoothing);
    if (g->status.code != PWF_OK) return g->status;
    for (int v = 0; v + 1 < g->value_count; v++)
        PWF_ASSERT(g->values[v].readers > 0 || v == logits);
    g->logits = logits;
    g->closed = true;
    return pwf_ok();
}

pwf_status pwf_graph_close(pwf_graph *graph, pwf_value logits)
{
    return end(graph, logits, 1, &logits);
}

pwf_status pwf_graph_close_heads(pwf_graph *graph, pwf_value a, pwf_value b)
{
    return end(graph, pwf_graph_mean(graph, a, b), 2, (const pwf_value[]){a, b});
}
