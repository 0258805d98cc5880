/* SPDX-License-Identifier: BSD-3-Clause */
#include "recompute.h"

#include "operators.h"

/* Cheap forward actions that are done again to have one value at most; with more, as in a chain of
 * sums or concatenations, memory falls slowly and time grows. */
enum { AGAIN_MAX = 6 };

static void ask(const pwf_graph *g, const pwf_node *reader, bool *again)
{
    for (int j = 0; j < reader->inputs; j++) {
        const int from = g->values[reader->input[j]].producer;
        if (from >= 0) again[from] = true;
    }
}

/* Marks what must be made again for the nodes marked, up to `last`; how many they are. */
static int follow(const pwf_graph *g, int last, const bool *there, bool *again)
{
    int count = 0;
    for (int i = last; i >= 0; i--) {
        again[i] = again[i] && !there[i];
        if (!again[i]) continue;
        ask(g, &g->nodes[i], again);
        count++;
    }
    return count;
}

/* The rule. Products cost most: where the images of the slot wait for each other their results are
 * kept, and what lies between them is made again. In the stage that turns back nobody waits; there
 * the sums of branches are kept, and what leads from one to the next is made again, products too,
 * with the same groups, so that a library's bits are the same. */
static bool is_kept(const pwf_graph *g, int node, bool turns_back, const bool *kept, bool *again)
{
    const pwf_node *n = &g->nodes[node];
    /* What is written over a kept value is kept in its place. */
    if (pwf_graph_in_place(g, n, true) && kept[g->values[n->input[0]].producer]) return true;
    if (turns_back ? n->op->joins_branches : n->op->operations != NULL) return true;
    for (int i = 0; i < g->node_count; i++)
        again[i] = i == node;
    return !turns_back && follow(g, node, kept, again) > AGAIN_MAX;
}

void pwf_recompute_keep(const pwf_graph *graph, const int *stage, int stages, bool *kept,
                        bool *again)
{
    int last = -1;
    for (int i = 0; i < graph->node_count; i++)
        kept[i] = false;
    for (int i = 0; i < graph->node_count; i++) {
        kept[i] = is_kept(graph, i, stage[i] == stages - 1, kept, again);
        if (kept[i]) last = i;
    }
    /* Behind the last of them backward begins, before anything has had to make room. */
    for (int i = last + 1; i < graph->node_count; i++)
        kept[i] = true;
}

void pwf_recompute_list(const pwf_graph *graph, const pwf_action *action, const bool *there,
                        bool *again)
{
    const pwf_node *n = &graph->nodes[action->node];
    for (int i = 0; i < graph->node_count; i++)
        again[i] = false;
    if (action->kind == PWF_ACTION_BACKWARD && (n->op->needs_output || n->op->saves))
        again[action->node] = true;
    if (n->op->needs_input) ask(graph, n, again);
    follow(graph, action->node, there, again);
}
