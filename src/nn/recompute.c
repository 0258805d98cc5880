/* SPDX-License-Identifier: BSD-3-Clause */
/* Decides which results stay in memory from forward to backward and which are recomputed
 * (parallel.recompute; Chen et al. 2016, arXiv:1604.06174). Called by schedule.c; a pure function
 * of the graph. */
#include "schedule.h"

#include "operator.h"

/* Before the last stage, at most this many actions are recomputed for one value. Longer chains,
 * such as those of sums or concatenations, save little more memory but cost more time. */
enum { RECOMPUTED_MAX = 6 };

/* Marks the nodes whose results `reader` reads. */
static void mark_inputs(const pwf_graph *g, const pwf_node *reader, bool *redo)
{
    for (int j = 0; j < reader->inputs; j++) {
        const int from = g->values[reader->input[j]].producer;
        if (from >= 0) redo[from] = true;
    }
}

/* Extends the marks in `redo` to everything that recomputing them needs, from node `last` down,
 * and unmarks nodes whose results are already in memory. Returns the number of marked nodes. */
static int mark_needed(const pwf_graph *g, int last, const bool *present, bool *redo)
{
    int count = 0;
    for (int i = last; i >= 0; i--) {
        redo[i] = redo[i] && !present[i];
        if (!redo[i]) continue;
        mark_inputs(g, &g->nodes[i], redo);
        count++;
    }
    return count;
}

/* Whether the result of a node is kept. Results kept between stages are those of matrix products,
 * the costliest, and those that RECOMPUTED_MAX actions cannot recompute; the rest is recomputed. In
 * the last stage (forward, then backward, group by group) only joined branches are kept; products
 * are recomputed with the same group, so that libraries return the same bits. */
static bool is_kept(const pwf_graph *g, int node, bool turns_back, const bool *kept, bool *redo)
{
    const pwf_node *n = &g->nodes[node];
    /* A result written over a kept value is kept in its place. */
    if (pwf_graph_in_place(g, n, true) && kept[g->values[n->input[0]].producer]) return true;
    if (turns_back ? n->op->joins_branches : n->op->operations != NULL) return true;
    for (int i = 0; i < g->node_count; i++)
        redo[i] = i == node;
    return !turns_back && mark_needed(g, node, kept, redo) > RECOMPUTED_MAX;
}

void pwf_recompute_keep(const pwf_graph *graph, const int *stage, int stages, bool *kept,
                        bool *redo)
{
    int last = -1;
    for (int i = 0; i < graph->node_count; i++)
        kept[i] = false;
    for (int i = 0; i < graph->node_count; i++) {
        kept[i] = is_kept(graph, i, stage[i] == stages - 1, kept, redo);
        if (kept[i]) last = i;
    }
    /* Backward begins right after the nodes that follow the last kept one, so their results are
     * still in memory. */
    for (int i = last + 1; i < graph->node_count; i++)
        kept[i] = true;
}

void pwf_recompute_list(const pwf_graph *graph, const pwf_action *action, const bool *present,
                        bool *redo)
{
    const pwf_node *n = &graph->nodes[action->node];
    for (int i = 0; i < graph->node_count; i++)
        redo[i] = false;
    if (action->kind == PWF_ACTION_BACKWARD && (n->op->needs_output || n->op->saves))
        redo[action->node] = true;
    if (n->op->needs_input) mark_inputs(graph, n, redo);
    mark_needed(graph, action->node, present, redo);
}
