/* SPDX-License-Identifier: BSD-3-Clause */
#include "graph_parts.h"

#include <stdlib.h>

/* Makes room for one more node, and for the value it makes. */
static pwf_status grow(pwf_graph *g)
{
    if (g->node_count + 1 < g->room) return pwf_ok();
    const int room = g->room ? 2 * g->room : 64;
    pwf_node *nodes = realloc(g->nodes, (size_t)room * sizeof *nodes);
    if (nodes) g->nodes = nodes;
    pwf_graph_value *values = realloc(g->values, (size_t)room * sizeof *values);
    if (values) g->values = values;
    if (!nodes || !values)
        return PWF_FAIL(PWF_RESOURCE, "no memory for a graph of %d operators", room);
    g->room = room;
    return pwf_ok();
}

pwf_status pwf_graph_new(pwf_tensor_backend backend, int64_t height, int64_t width,
                         int64_t channels, pwf_graph **out)
{
    *out = NULL;
    pwf_graph *g = calloc(1, sizeof *g);
    if (!g) return PWF_FAIL(PWF_RESOURCE, "no memory for a graph");
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
    PWF_TRY(node->op->infer(node));
    for (int i = 0; i < node->inputs; i++)
        g->values[node->input[i]].readers++;
    node->output = g->value_count;
    g->values[g->value_count++] =
        (pwf_graph_value){.shape = node->out, .producer = g->node_count, .gradient = gradient};
    g->nodes[g->node_count++] = *node;
    return pwf_ok();
}

/* Adds a node unless something has failed before; the value is then 0, which nobody will use. */
static pwf_value push(pwf_graph *g, const char *name, pwf_node node)
{
    if (g->status.code != PWF_OK) return 0;
    node.op = pwf_operator_find(name);
    g->status = append(g, &node);
    return g->status.code == PWF_OK ? node.output : 0;
}

pwf_value pwf_graph_conv2d(pwf_graph *graph, pwf_value x, const pwf_param *weight,
                           const pwf_param *bias, int64_t stride, int64_t padding, int64_t groups)
{
    return push(graph, "conv2d",
                (pwf_node){.inputs = 1,
                           .input = {x},
                           .weight = weight,
                           .bias = bias,
                           .stride = stride,
                           .padding = padding,
                           .groups = groups});
}

pwf_value pwf_graph_linear(pwf_graph *graph, pwf_value x, const pwf_param *weight,
                           const pwf_param *bias)
{
    return push(graph, "linear",
                (pwf_node){.inputs = 1, .input = {x}, .weight = weight, .bias = bias});
}

pwf_value pwf_graph_batch_norm(pwf_graph *graph, pwf_value x, const pwf_param *scale,
                               const pwf_param *shift, const pwf_buffer *mean,
                               const pwf_buffer *variance)
{
    return push(graph, "batch_norm",
                (pwf_node){.inputs = 1,
                           .input = {x},
                           .weight = scale,
                           .bias = shift,
                           .mean = mean,
                           .variance = variance});
}

pwf_value pwf_graph_relu(pwf_graph *graph, pwf_value x)
{
    return push(graph, "relu", (pwf_node){.inputs = 1, .input = {x}});
}

pwf_value pwf_graph_add(pwf_graph *graph, pwf_value a, pwf_value b)
{
    return push(graph, "add", (pwf_node){.inputs = 2, .input = {a, b}});
}

pwf_value pwf_graph_max_pool(pwf_graph *graph, pwf_value x, int64_t kernel, int64_t stride,
                             int64_t padding)
{
    return push(graph, "max_pool",
                (pwf_node){.inputs = 1,
                           .input = {x},
                           .kernel_height = kernel,
                           .kernel_width = kernel,
                           .stride = stride,
                           .padding = padding});
}

pwf_value pwf_graph_avg_pool(pwf_graph *graph, pwf_value x, int64_t kernel, int64_t stride)
{
    return push(graph, "avg_pool",
                (pwf_node){.inputs = 1,
                           .input = {x},
                           .kernel_height = kernel,
                           .kernel_width = kernel,
                           .stride = stride});
}

pwf_value pwf_graph_global_pool(pwf_graph *graph, pwf_value x)
{
    if (graph->status.code != PWF_OK) return 0;
    const pwf_shape s = graph->values[x].shape;
    return push(graph, "avg_pool",
                (pwf_node){.inputs = 1,
                           .input = {x},
                           .kernel_height = s.height,
                           .kernel_width = s.width,
                           .stride = 1});
}

pwf_value pwf_graph_concat(pwf_graph *graph, pwf_value a, pwf_value b)
{
    return push(graph, "concat", (pwf_node){.inputs = 2, .input = {a, b}});
}

pwf_value pwf_graph_layer_norm(pwf_graph *graph, pwf_value x, const pwf_param *scale,
                               const pwf_param *shift)
{
    return push(graph, "layer_norm",
                (pwf_node){.inputs = 1, .input = {x}, .weight = scale, .bias = shift});
}

pwf_value pwf_graph_gelu(pwf_graph *graph, pwf_value x)
{
    return push(graph, "gelu", (pwf_node){.inputs = 1, .input = {x}});
}

pwf_value pwf_graph_attention(pwf_graph *graph, pwf_value qkv, int64_t heads)
{
    return push(graph, "attention", (pwf_node){.inputs = 1, .input = {qkv}, .heads = heads});
}

pwf_value pwf_graph_prepend_token(pwf_graph *graph, pwf_value x, const pwf_param *token)
{
    return push(graph, "prepend_token", (pwf_node){.inputs = 1, .input = {x}, .weight = token});
}

pwf_value pwf_graph_add_embedding(pwf_graph *graph, pwf_value x, const pwf_param *embedding)
{
    return push(graph, "add_embedding", (pwf_node){.inputs = 1, .input = {x}, .weight = embedding});
}

pwf_value pwf_graph_select_token(pwf_graph *graph, pwf_value x, int64_t token)
{
    return push(graph, "select_token", (pwf_node){.inputs = 1, .input = {x}, .token = token});
}

void pwf_graph_smooth_labels(pwf_graph *graph, float share)
{
    PWF_ASSERT(share >= 0.0f && share < 1.0f);
    graph->smoothing = share;
}

/* Ends the graph with `loss`; what is predicted need not lead to it. */
static pwf_status end(pwf_graph *g, pwf_value logits, pwf_node loss)
{
    loss.smoothing = g->smoothing;
    push(g, "cross_entropy", loss);
    if (g->status.code != PWF_OK) return g->status;
    for (int v = 0; v + 1 < g->value_count; v++)
        PWF_ASSERT(g->values[v].readers > 0 || v == logits);
    g->logits = logits;
    g->closed = true;
    return pwf_ok();
}

pwf_status pwf_graph_close(pwf_graph *graph, pwf_value logits)
{
    return end(graph, logits, (pwf_node){.inputs = 1, .input = {logits}});
}

pwf_status pwf_graph_close_heads(pwf_graph *graph, pwf_value a, pwf_value b)
{
    const pwf_value mean = push(graph, "mean", (pwf_node){.inputs = 2, .input = {a, b}});
    return end(graph, mean, (pwf_node){.inputs = 2, .input = {a, b}});
}

void pwf_graph_shape(const pwf_graph *graph, int64_t *height, int64_t *width, int64_t *channels,
                     int64_t *classes)
{
    PWF_ASSERT(graph->closed);
    *height = graph->values[0].shape.height;
    *width = graph->values[0].shape.width;
    *channels = graph->values[0].shape.channels;
    *classes = graph->values[graph->logits].shape.channels;
}

pwf_tensor_backend pwf_graph_backend(const pwf_graph *graph)
{
    return graph->backend;
}

bool pwf_graph_in_place(const pwf_graph *graph, const pwf_node *node, bool training)
{
    const pwf_graph_value *x = &graph->values[node->input[0]];
    if (!node->op->in_place || x->readers != 1 || x->producer < 0) return false;
    return !training || (!node->op->needs_input && !graph->nodes[x->producer].op->needs_output);
}

int64_t pwf_graph_operations(const pwf_graph *graph)
{
    int64_t sum = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const pwf_node *n = &graph->nodes[i];
        const int64_t rows = n->out.height * n->out.width;
        if (n->groups) sum += 2 * rows * n->weight->count;
        if (n->heads) sum += 4 * rows * rows * n->out.channels;
    }
    return sum;
}
