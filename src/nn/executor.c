/* SPDX-License-Identifier: BSD-3-Clause */
/* Time runs over the operators forward (0 .. n-1) and then back (n .. 2n-1). A value lives from its
 * producer to its last reader, which in training may be a backward call; its gradient from the
 * backward call of its last reader to that of its producer. All of them share one arena. */
#include "pwf/nn/executor.h"

#include "arena.h"
#include "graph_parts.h"
#include "operators.h"
#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"

#include <stdlib.h>
#include <string.h>

enum { NO_BLOCK = -1 };

typedef struct node_state {
    void *plan;
    pwf_need need;
    int saved;                    /* block */
    bool wanted[PWF_NODE_INPUTS]; /* dx */
    bool add[PWF_NODE_INPUTS];
    double forward_seconds, backward_seconds;
} node_state;

typedef struct value_state {
    int block, gradient; /* blocks; in place means the same one as another value's */
} value_state;

struct pwf_executor {
    const pwf_graph *graph;
    int64_t images;
    bool training;
    node_state *nodes;
    value_state *values;
    pwf_arena_block *blocks;
    int block_count;
    int workspace; /* block */
    char *arena;
    float *statistics; /* where the caller does not ask for them */
};

static int add_block(pwf_executor *e, size_t bytes, int first, int last)
{
    e->blocks[e->block_count] = (pwf_arena_block){.bytes = bytes, .first = first, .last = last};
    return e->block_count++;
}

static void stretch(pwf_executor *e, int block, int time)
{
    pwf_arena_block *b = &e->blocks[block];
    if (time < b->first) b->first = time;
    if (time > b->last) b->last = time;
}

static void *at(const pwf_executor *e, int block)
{
    return block == NO_BLOCK ? NULL : e->arena + e->blocks[block].offset;
}

/* Whether the node writes its result over its first input. */
static bool runs_in_place(const pwf_executor *e, const pwf_node *n)
{
    const pwf_graph_value *x = &e->graph->values[n->input[0]];
    if (!n->op->in_place || x->readers != 1 || x->producer < 0) return false;
    return !e->training || (!n->op->needs_input && !e->graph->nodes[x->producer].op->needs_output);
}

/* Gives each value a block that lives long enough. */
static void plan_values(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    const int n = g->node_count, end = 2 * n - 1;
    const size_t image = (size_t)(e->images * pwf_elements(g->values[0].shape)) * sizeof(float);
    e->values[0].block = add_block(e, image, 0, end);
    for (int i = 0; i < n; i++) {
        const pwf_node *node = &g->nodes[i];
        const size_t bytes = (size_t)(e->images * pwf_elements(node->out)) * sizeof(float);
        value_state *y = &e->values[node->output];
        y->block =
            runs_in_place(e, node) ? e->values[node->input[0]].block : add_block(e, bytes, i, i);
        stretch(e, y->block, i);
        for (int j = 0; j < node->inputs; j++) {
            const int block = e->values[node->input[j]].block;
            stretch(e, block, i);
            if (e->training && node->op->needs_input) stretch(e, block, end - i);
        }
        if (e->training && node->op->needs_output) stretch(e, y->block, end - i);
        e->nodes[i].saved =
            e->nodes[i].need.saved ? add_block(e, e->nodes[i].need.saved, i, end - i) : NO_BLOCK;
    }
    /* The caller reads the logits after a forward run. */
    stretch(e, e->values[g->logits].block, n - 1);
}

/* Whether the node's result is a prediction beside the loss, which has no gradient. */
static bool leads_nowhere(const pwf_graph *g, int node)
{
    return node < g->node_count - 1 && g->values[g->nodes[node].output].readers == 0;
}

/* Gives each wanted gradient a block; the first to write it in backward order stores, the others
 * add. */
static void plan_gradients(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    const int end = 2 * g->node_count - 1;
    for (int i = g->node_count - 1; i >= 0; i--) {
        const pwf_node *node = &g->nodes[i];
        if (leads_nowhere(g, i)) continue;
        const int dy = e->values[node->output].gradient;
        if (dy != NO_BLOCK) stretch(e, dy, end - i);
        for (int j = 0; j < node->inputs; j++) {
            const pwf_graph_value *x = &g->values[node->input[j]];
            value_state *state = &e->values[node->input[j]];
            if (!x->gradient) continue;
            e->nodes[i].wanted[j] = true;
            e->nodes[i].add[j] = state->gradient != NO_BLOCK;
            const size_t bytes = (size_t)(e->images * pwf_elements(x->shape)) * sizeof(float);
            if (state->gradient == NO_BLOCK)
                state->gradient = j == 0 && node->op->in_place && x->readers == 1
                                      ? dy
                                      : add_block(e, bytes, end - i, end - i);
            stretch(e, state->gradient, end - i);
        }
    }
}

/* Asks every operator what it needs. */
static pwf_status plan_nodes(pwf_executor *e, size_t *workspace)
{
    const pwf_graph *g = e->graph;
    for (int i = 0; i < g->node_count; i++) {
        const pwf_node *node = &g->nodes[i];
        pwf_plan_task task = {
            .node = node, .backend = g->backend, .images = e->images, .training = e->training};
        for (int j = 0; j < node->inputs; j++)
            task.gradient[j] = e->training && g->values[node->input[j]].gradient;
        PWF_TRY(node->op->plan(&task, &e->nodes[i].plan, &e->nodes[i].need));
        if (e->nodes[i].need.workspace > *workspace) *workspace = e->nodes[i].need.workspace;
    }
    return pwf_ok();
}

static pwf_status plan_statistics(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    int64_t count = 0;
    for (int i = 0; i < g->node_count; i++) {
        const pwf_buffer *both[] = {g->nodes[i].mean, g->nodes[i].variance};
        for (int j = 0; j < 2; j++)
            if (both[j] && both[j]->offset + both[j]->count > count)
                count = both[j]->offset + both[j]->count;
    }
    return pwf_mem_alloc(PWF_MEM_ACTIVATIONS, count, sizeof(float), &e->statistics);
}

static pwf_status plan_all(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    size_t workspace = 0, total = 0;
    e->nodes = calloc((size_t)g->node_count, sizeof *e->nodes);
    e->values = calloc((size_t)g->value_count, sizeof *e->values);
    e->blocks = calloc((size_t)(2 * g->value_count + g->node_count + 1), sizeof *e->blocks);
    if (!e->nodes || !e->values || !e->blocks)
        return PWF_FAIL(PWF_RESOURCE, "no memory for the plan of %d operators", g->node_count);
    for (int v = 0; v < g->value_count; v++)
        e->values[v] = (value_state){NO_BLOCK, NO_BLOCK};
    PWF_TRY(plan_nodes(e, &workspace));
    plan_values(e);
    if (e->training) {
        plan_gradients(e);
        PWF_TRY(plan_statistics(e));
    }
    e->workspace = add_block(e, workspace, 0, 2 * g->node_count - 1);
    PWF_TRY(pwf_arena_plan(e->blocks, e->block_count, &total));
    return pwf_mem_alloc(PWF_MEM_ACTIVATIONS, (int64_t)total, 1, &e->arena);
}

pwf_status pwf_executor_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_executor **out)
{
    PWF_ASSERT(graph->closed && images >= 1);
    *out = NULL;
    pwf_executor *e = calloc(1, sizeof *e);
    if (!e) return PWF_FAIL(PWF_RESOURCE, "no memory for an executor");
    e->graph = graph;
    e->images = images;
    e->training = mode == PWF_MODE_TRAIN;
    const pwf_status status = plan_all(e);
    if (status.code == PWF_OK)
        *out = e;
    else
        pwf_executor_free(e);
    return status;
}

void pwf_executor_free(pwf_executor *e)
{
    if (!e) return;
    for (int i = 0; e->nodes && i < e->graph->node_count; i++)
        if (e->nodes[i].plan) e->graph->nodes[i].op->release(e->nodes[i].plan);
    pwf_mem_free(e->arena);
    pwf_mem_free(e->statistics);
    free(e->nodes);
    free(e->values);
    free(e->blocks);
    free(e);
}

float *pwf_executor_images(pwf_executor *e)
{
    return at(e, e->values[0].block);
}

/* What all calls of a run share. */
typedef struct run {
    const float *weights, *buffers;
    float *dweights, *statistics;
    const pwf_targets *targets;
    float scale;
    double *loss;
} run;

static pwf_call call_of(const pwf_executor *e, int index, const run *r)
{
    const pwf_node *n = &e->graph->nodes[index];
    const node_state *s = &e->nodes[index];
    pwf_call c = {.node = n,
                  .plan = s->plan,
                  .images = e->images,
                  .training = e->training,
                  .y = at(e, e->values[n->output].block),
                  .dy = at(e, e->values[n->output].gradient),
                  .weight = n->weight ? r->weights + n->weight->offset : NULL,
                  .bias = n->bias ? r->weights + n->bias->offset : NULL,
                  .targets = r->targets,
                  .scale = r->scale,
                  .loss = r->loss,
                  .saved = at(e, s->saved),
                  .workspace = at(e, e->workspace)};
    for (int j = 0; j < n->inputs; j++) {
        c.x[j] = at(e, e->values[n->input[j]].block);
        c.dx[j] = s->wanted[j] ? at(e, e->values[n->input[j]].gradient) : NULL;
        c.add[j] = s->add[j];
    }
    if (r->dweights) {
        c.dweight = n->weight ? r->dweights + n->weight->offset : NULL;
        c.dbias = n->bias ? r->dweights + n->bias->offset : NULL;
    }
    if (n->mean && e->training) {
        c.mean = r->statistics + n->mean->offset;
        c.variance = r->statistics + n->variance->offset;
    } else if (n->mean) {
        c.running_mean = r->buffers + n->mean->offset;
        c.running_variance = r->buffers + n->variance->offset;
    }
    return c;
}

static pwf_status run_forward(pwf_executor *e, const run *r, int nodes)
{
    for (int i = 0; i < nodes; i++) {
        const double start = pwf_clock_seconds();
        const pwf_call call = call_of(e, i, r);
        PWF_TRY(call.node->op->forward(&call));
        if (e->training)
            PWF_FAULT_SPOIL("train.activation", PWF_FAULT_F32, call.y, call.y ? call.images : 0);
        e->nodes[i].forward_seconds += pwf_clock_seconds() - start;
    }
    return pwf_ok();
}

static pwf_status run_backward(pwf_executor *e, const run *r)
{
    for (int i = e->graph->node_count - 1; i >= 0; i--) {
        if (leads_nowhere(e->graph, i)) continue;
        const double start = pwf_clock_seconds();
        const pwf_call call = call_of(e, i, r);
        PWF_TRY(call.node->op->backward(&call));
        e->nodes[i].backward_seconds += pwf_clock_seconds() - start;
    }
    return pwf_ok();
}

pwf_status pwf_executor_forward(pwf_executor *e, const float *weights, const float *buffers,
                                const float **logits)
{
    const run r = {.weights = weights, .buffers = buffers, .statistics = e->statistics};
    const pwf_span span = pwf_trace_begin("forward");
    const pwf_status status = run_forward(e, &r, e->graph->node_count - 1);
    pwf_trace_end(span);
    PWF_TRY(status);
    *logits = at(e, e->values[e->graph->logits].block);
    return pwf_ok();
}

pwf_status pwf_executor_train(pwf_executor *e, const float *weights, const pwf_targets *targets,
                              float scale, float *dweights, float *statistics, double *loss)
{
    PWF_ASSERT(e->training);
    const run r = {.weights = weights,
                   .dweights = dweights,
                   .statistics = statistics,
                   .targets = targets,
                   .scale = scale,
                   .loss = loss};
    pwf_span span = pwf_trace_begin("forward");
    pwf_status status = run_forward(e, &r, e->graph->node_count);
    pwf_trace_end(span);
    if (status.code != PWF_OK) return status;
    span = pwf_trace_begin("backward");
    status = run_backward(e, &r);
    pwf_trace_end(span);
    return status;
}

pwf_status pwf_executor_statistics(pwf_executor *e, const float *weights, float *statistics)
{
    PWF_ASSERT(e->training);
    const run r = {.weights = weights, .statistics = statistics};
    const pwf_span span = pwf_trace_begin("forward");
    const pwf_status status = run_forward(e, &r, e->graph->node_count - 1);
    pwf_trace_end(span);
    return status;
}

void pwf_executor_seconds(const pwf_executor *e, const char *name, double *forward,
                          double *backward)
{
    *forward = *backward = 0.0;
    for (int i = 0; i < e->graph->node_count; i++) {
        if (strcmp(e->graph->nodes[i].op->name, name) != 0) continue;
        *forward += e->nodes[i].forward_seconds;
        *backward += e->nodes[i].backward_seconds;
    }
}
