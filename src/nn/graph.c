/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds a graph: a growing array of nodes in execution order and one of values, with shapes
 * inferred node by node. The builder functions of the operators (op_*.c) end in pwf_graph_apply;
 * models call them, executors read the closed graph. Holds no parameters, only pointers into the
 * registry. */
#include "graph_parts.h"
#include "operator.h"

#include <stdlib.h>

/* Makes room for one more node and its value. */
static pwf_status grow(pwf_graph *g)
{
    if (g->node_count + 1 < g->room) return pwf_ok();
    const int room = g->room ? 2 * g->room : 64;
    pwf_node *nodes = realloc(g->nodes, (size_t)room * sizeof *nodes);
    if (nodes) g->nodes = nodes;
    pwf_graph_value *values = realloc(g->values, (size_t)room * sizeof *values);
    if (values) g->values = values;
    PWF_FAIL_IF(!nodes || !values, PWF_RESOURCE, "no memory for a graph of %d operators", room);
    g->room = room;
    return pwf_ok();
}

pwf_status pwf_graph_new(pwf_tensor_backend backend, int64_t height, int64_t width,
                         int64_t channels, pwf_graph **out)
{
    *out = NULL;
    pwf_graph *g = calloc(1, sizeof *g);
    PWF_FAIL_IF(!g, PWF_RESOURCE, "no memory for a graph");
    g->backend = backend;
    g->logits = -1;
    g->status = grow(g);
    if (g->status.code != PWF_OK) {
        const pwf_status status = g->status;
        pwf_graph_free(g);
        return status;
    }
    g->values[0] = (pwf_graph_value){.shape = {height, width, channels}, .producer = -1};
    g->value_count = 1;
    *out = g;
    return pwf_ok();
}

void pwf_graph_free(pwf_graph *graph)
{
    if (!graph) return;
    free(graph->nodes);
    free(graph->values);
    free(graph);
}

/* Copies the node into the graph, with the shapes of its inputs and of its result. A value has a
 * gradient if a parameter contributes to it. */
static pwf_status append(pwf_graph *g, pwf_node *node)
{
    PWF_TRY(grow(g));
    PWF_ASSERT(!g->closed);
    bool gradient = node->weight != NULL;
    for (int i = 0; i < node->inputs; i++) {
        PWF_ASSERT(node->input[i] >= 0 && node->input[i] < g->value_count);
        node->in[i] = g->values[node->input[i]].shape;
        gradient = gradient || g->values[node->input[i]].gradient;
    }
    PWF_TRY(pwf_node_infer(node));
    for (int i = 0; i < node->inputs; i++)
        g->values[node->input[i]].readers++;
    node->output = g->value_count;
    g->values[g->value_count++] =
        (pwf_graph_value){.shape = node->out, .producer = g->node_count, .gradient = gradient};
    g->nodes[g->node_count++] = *node;
    return pwf_ok();
}

pwf_value pwf_graph_apply(pwf_graph *g, pwf_node node)
{
    if (g->status.code != PWF_OK) return 0;
    g->status = append(g, &node);
    return g->status.code == PWF_OK ? node.output : 0;
}

void pwf_graph_smooth_labels(pwf_graph *graph, float share)
{
    PWF_ASSERT(share >= 0.0f && share < 1.0f);
    graph->smoothing = share;
}

/* Classes are the channels of the logits. */
void pwf_graph_shape(const pwf_graph *graph, int64_t *height, int64_t *width, int64_t *channels,
                     int64_t *classes)
{
    PWF_ASSERT(graph->closed);
    *height = graph->values[0].shape.height;
    *width = graph->values[0].shape.width;
    *channels = graph->values[0].shape.channels;
    *classes = graph->values[graph->logits].shape.channels;
}

/* Only the sole reader of a value may overwrite it. The input image is never overwritten, nor in
 * training a value that a backward pass reads. */
bool pwf_graph_in_place(const pwf_graph *graph, const pwf_node *node, bool training)
{
    const pwf_graph_value *x = &graph->values[node->input[0]];
    if (!node->op->in_place || x->readers != 1 || x->producer < 0) return false;
    return !training || (!node->op->needs_input && !graph->nodes[x->producer].op->needs_output);
}
