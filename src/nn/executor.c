/* SPDX-License-Identifier: BSD-3-Clause */
/* Time runs over the actions of the schedule. A value lives from the forward action that makes it
 * to the last one that reads it, or until it is made again; its gradient from the backward action
 * of its last reader to that of its producer. A value of one stage alone is held for the images of
 * a group, one that lives longer for all images. All share one arena. */
#include "pwf/nn/executor.h"

#include "arena.h"
#include "operators.h"
#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

enum { NO_BLOCK = -1 };

enum { FORWARD, BACKWARD, PASSES };

typedef struct node_state {
    void *plan[PASSES];     /* each for the groups of its stage */
    int64_t images[PASSES]; /* of such a group */
    int saved, kept;        /* blocks */
    size_t saved_bytes;     /* of an image */
    size_t kept_bytes;
    size_t packed[PASSES], packed_bytes[PASSES]; /* where its weights are among the packed ones */
    double seconds[PASSES];
} node_state;

/* Where a value and its gradient lie at the time that planning has come to; in place means in the
 * same block as another value. */
typedef struct value_state {
    int block, gradient;
} value_state;

/* The blocks that an action reads and writes, and for each dx whether it is added. */
typedef struct places {
    int x[PWF_NODE_INPUTS], y, dy, dx[PWF_NODE_INPUTS], saved;
    bool add[PWF_NODE_INPUTS];
} places;

/* Bytes in the arena, of one image or of the whole slot. */
typedef struct memory {
    size_t image;
    bool slot;  /* `image` is what all images need together */
    bool whole; /* all images are there at one time */
} memory;

struct pwf_executor {
    const pwf_graph *graph;
    pwf_schedule schedule;
    int64_t images;
    pwf_mode mode;
    bool training;
    pwf_precision precision;
    node_state *nodes;
    value_state *values;
    places *places; /* of each action */
    pwf_arena_block *blocks;
    memory *memory; /* of each block */
    int block_count;
    int workspace; /* block */
    char *arena;
    char *packed; /* the caller's, or NULL */
    size_t packed_bytes;
    int pieces;
    float *statistics; /* where the caller does not ask for them */
    pwf_gradient_whole *whole;
    void *whole_context;
    bool back; /* the direction of the action under way, and its span */
    pwf_span span;
};

/* Of the way back, on which something may be made again. */
static bool is_back(const pwf_action *action)
{
    return action->kind >= PWF_ACTION_AGAIN;
}

static bool makes_value(const pwf_action *action)
{
    return action->kind == PWF_ACTION_FORWARD || action->kind == PWF_ACTION_AGAIN;
}

static int pass_of(const pwf_action *action)
{
    return action->kind == PWF_ACTION_BACKWARD || action->kind == PWF_ACTION_SUMS_BACK ? BACKWARD
                                                                                       : FORWARD;
}

static int add_block(pwf_executor *e, memory m, int first, int last)
{
    e->memory[e->block_count] = m;
    e->blocks[e->block_count] = (pwf_arena_block){.first = first, .last = last};
    return e->block_count++;
}

static int add_values(pwf_executor *e, pwf_shape shape, int time)
{
    return add_block(e, (memory){.image = (size_t)pwf_elements(shape) * sizeof(float)}, time, time);
}

static void stretch(pwf_executor *e, int block, int time)
{
    if (block == NO_BLOCK) return;
    pwf_arena_block *b = &e->blocks[block];
    if (time < b->first) b->first = time;
    if (time > b->last) b->last = time;
}

/* Where image `first` of the slot stands in a block. */
static void *at(const pwf_executor *e, int block, int64_t first)
{
    if (block == NO_BLOCK) return NULL;
    const memory *m = &e->memory[block];
    return e->arena + e->blocks[block].offset + (m->whole ? (size_t)first * m->image : 0);
}

/* What an action reads and writes of values. What it does not read is NO_BLOCK. */
static void plan_values(pwf_executor *e, int time, const pwf_action *action)
{
    const pwf_node *node = &e->graph->nodes[action->node];
    const bool makes = makes_value(action);
    const bool reads = makes || action->kind == PWF_ACTION_SUMS || node->op->needs_input;
    places *p = &e->places[time];
    value_state *y = &e->values[node->output];
    if (makes)
        y->block = pwf_graph_in_place(e->graph, node, e->training) ? e->values[node->input[0]].block
                                                                   : add_values(e, node->out, time);
    p->y = makes || (action->kind == PWF_ACTION_BACKWARD && node->op->needs_output) ? y->block
                                                                                    : NO_BLOCK;
    stretch(e, p->y, time);
    for (int j = 0; j < node->inputs; j++) {
        p->x[j] = reads ? e->values[node->input[j]].block : NO_BLOCK;
        stretch(e, p->x[j], time);
    }
}

/* The gradients it reads and writes: the first to write one stores, the others add. */
static void plan_gradients(pwf_executor *e, int time, const pwf_action *action)
{
    const pwf_graph *g = e->graph;
    const pwf_node *node = &g->nodes[action->node];
    places *p = &e->places[time];
    p->dy = e->values[node->output].gradient;
    stretch(e, p->dy, time);
    for (int j = 0; action->kind == PWF_ACTION_BACKWARD && j < node->inputs; j++) {
        const pwf_graph_value *x = &g->values[node->input[j]];
        value_state *state = &e->values[node->input[j]];
        if (!x->gradient) continue;
        p->add[j] = state->gradient != NO_BLOCK;
        if (state->gradient == NO_BLOCK)
            state->gradient = j == 0 && node->op->in_place && x->readers == 1
                                  ? p->dy
                                  : add_values(e, x->shape, time);
        p->dx[j] = state->gradient;
        stretch(e, p->dx[j], time);
    }
}

/* What the operator saves from each time it goes forward to backward, and what it keeps from its
 * first action to its last. */
static void plan_kept(pwf_executor *e, int time, const pwf_action *action)
{
    node_state *s = &e->nodes[action->node];
    if (makes_value(action) && s->saved_bytes)
        s->saved = add_block(e, (memory){.image = s->saved_bytes}, time, time);
    if (s->kept_bytes && s->kept == NO_BLOCK)
        s->kept = add_block(e, (memory){.image = s->kept_bytes, .slot = true}, time, time);
    e->places[time].saved = s->saved;
    stretch(e, s->saved, time);
    stretch(e, s->kept, time);
}

/* Asks an operator what it needs for the groups of the stage. */
static pwf_status plan_node(pwf_executor *e, const pwf_action *action, int64_t images,
                            size_t *workspace)
{
    const pwf_graph *g = e->graph;
    const pwf_node *node = &g->nodes[action->node];
    node_state *s = &e->nodes[action->node];
    const int pass = pass_of(action);
    pwf_need need = {0};
    pwf_plan_task task = {.node = node,
                          .backend = g->backend,
                          .precision = e->precision,
                          .images = images,
                          .slot_images = e->images,
                          .training = e->training,
                          .backward = pass == BACKWARD};
    for (int j = 0; j < node->inputs; j++)
        task.gradient[j] = e->training && g->values[node->input[j]].gradient;
    /* What has a plan is made again only with the groups that this is for. */
    PWF_ASSERT(!s->plan[pass] || s->images[pass] == images);
    if (s->plan[pass]) return pwf_ok();
    PWF_TRY(node->op->plan(&task, &s->plan[pass], &need));
    PWF_ASSERT(!need.saved || node->op->saves);
    s->images[pass] = images;
    if (need.workspace > *workspace) *workspace = need.workspace;
    if (need.saved) s->saved_bytes = need.saved;
    if (need.kept) s->kept_bytes = need.kept;
    if (need.packed) {
        s->packed[pass] = e->packed_bytes;
        s->packed_bytes[pass] = need.packed;
        e->packed_bytes += pwf_lines(need.packed);
        e->pieces++;
    }
    return pwf_ok();
}

/* Blocks that live in one stage hold a group; the others all images, for whole stages. */
static void size_blocks(pwf_executor *e)
{
    for (int b = 0; b < e->block_count; b++) {
        pwf_arena_block *block = &e->blocks[b];
        memory *m = &e->memory[b];
        const int first = pwf_schedule_stage(&e->schedule, block->first);
        const int last = pwf_schedule_stage(&e->schedule, block->last);
        if (m->slot) {
            block->bytes = m->image;
        } else {
            m->whole = m->whole || first != last;
            block->bytes =
                m->image * (size_t)(m->whole ? e->images : e->schedule.stages[first].images);
        }
        if (!m->slot && !m->whole) continue;
        block->first = e->schedule.stages[first].first;
        block->last = e->schedule.stages[last].last;
    }
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

static pwf_status plan_actions(pwf_executor *e, size_t *workspace)
{
    const pwf_schedule *s = &e->schedule;
    for (int i = 0; i < s->stage_count; i++)
        for (int time = s->stages[i].first; time <= s->stages[i].last; time++) {
            const pwf_action *action = &s->actions[time];
            PWF_TRY(plan_node(e, action, s->stages[i].images, workspace));
            plan_kept(e, time, action);
            plan_values(e, time, action);
            if (pass_of(action) == BACKWARD) plan_gradients(e, time, action);
        }
    return pwf_ok();
}

/* Tables of the plan; no action has a place for anything yet. */
static pwf_status start_plan(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    PWF_TRY(pwf_schedule_new(g, e->images, e->mode, &e->schedule));
    const size_t actions = (size_t)e->schedule.action_count;
    /* Of an action: a value and what is saved; of a value its gradient; of a node what it keeps;
     * the images, and the workspace. */
    const size_t most = 2 * actions + (size_t)(g->value_count + g->node_count + 2);
    e->nodes = calloc((size_t)g->node_count, sizeof *e->nodes);
    e->values = calloc((size_t)g->value_count, sizeof *e->values);
    e->places = calloc(actions, sizeof *e->places);
    e->blocks = calloc(most, sizeof *e->blocks);
    e->memory = calloc(most, sizeof *e->memory);
    if (!e->nodes || !e->values || !e->places || !e->blocks || !e->memory)
        return PWF_FAIL(PWF_RESOURCE, "no memory for the plan of %d operators", g->node_count);
    for (int v = 0; v < g->value_count; v++)
        e->values[v] = (value_state){NO_BLOCK, NO_BLOCK};
    for (int i = 0; i < g->node_count; i++)
        e->nodes[i].saved = e->nodes[i].kept = NO_BLOCK;
    for (size_t a = 0; a < actions; a++)
        e->places[a] = (places){.x = {NO_BLOCK, NO_BLOCK},
                                .y = NO_BLOCK,
                                .dy = NO_BLOCK,
                                .dx = {NO_BLOCK, NO_BLOCK},
                                .saved = NO_BLOCK};
    return pwf_ok();
}

static pwf_status plan_all(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    size_t workspace = 0, total = 0;
    PWF_TRY(start_plan(e));
    const int end = e->schedule.action_count - 1;
    e->values[0].block = add_values(e, g->values[0].shape, 0);
    stretch(e, e->values[0].block, end);
    PWF_TRY(plan_actions(e, &workspace));
    if (e->training) PWF_TRY(plan_statistics(e));
    /* The caller writes the images before a run, and reads the logits after a forward one. */
    const int logits = e->values[g->logits].block;
    stretch(e, logits, e->schedule.stages[e->schedule.forward_stages - 1].last);
    e->memory[e->values[0].block].whole = e->memory[logits].whole = true;
    e->workspace = add_block(e, (memory){.image = workspace, .slot = true}, 0, end);
    size_blocks(e);
    PWF_TRY(pwf_arena_plan(e->blocks, e->block_count, &total));
    return pwf_mem_alloc(PWF_MEM_ACTIVATIONS, (int64_t)total, 1, &e->arena);
}

pwf_status pwf_executor_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_precision precision, pwf_executor **out)
{
    PWF_ASSERT(graph->closed && images >= 1);
    *out = NULL;
    pwf_executor *e = calloc(1, sizeof *e);
    if (!e) return PWF_FAIL(PWF_RESOURCE, "no memory for an executor");
    e->graph = graph;
    e->images = images;
    e->mode = mode;
    e->training = mode != PWF_MODE_PREDICT;
    e->precision = precision;
    const pwf_status status = plan_all(e);
    if (status.code == PWF_OK)
        *out = e;
    else
        pwf_executor_free(e);
    return status;
}

void pwf_executor_free(pwf_executor *executor)
{
    if (!executor) return;
    for (int i = 0; executor->nodes && i < executor->graph->node_count; i++)
        for (int pass = 0; pass < PASSES; pass++)
            if (executor->nodes[i].plan[pass])
                executor->graph->nodes[i].op->release(executor->nodes[i].plan[pass]);
    pwf_schedule_free(&executor->schedule);
    pwf_mem_free(executor->arena);
    pwf_mem_free(executor->statistics);
    free(executor->nodes);
    free(executor->values);
    free(executor->places);
    free(executor->blocks);
    free(executor->memory);
    free(executor);
}

float *pwf_executor_images(pwf_executor *executor)
{
    return at(executor, executor->values[0].block, 0);
}

size_t pwf_executor_packed(const pwf_executor *executor, int *pieces)
{
    *pieces = executor->pieces;
    return executor->packed_bytes;
}

void pwf_executor_use_packed(pwf_executor *executor, void *packed)
{
    executor->packed = packed;
}

pwf_status pwf_executor_pack(pwf_executor *executor, const float *weights, void *packed, int piece)
{
    PWF_ASSERT(piece >= 0 && piece < executor->pieces);
    for (int i = 0; i < executor->graph->node_count; i++)
        for (int pass = 0; pass < PASSES; pass++) {
            const node_state *s = &executor->nodes[i];
            const pwf_node *n = &executor->graph->nodes[i];
            if (s->packed_bytes[pass] == 0 || piece-- > 0) continue;
            const pwf_call call = {.node = n,
                                   .plan = s->plan[pass],
                                   .weight = weights + n->weight->offset,
                                   .packed = (char *)packed + s->packed[pass],
                                   .workspace = at(executor, executor->workspace, 0)};
            return n->op->pack(&call);
        }
    return pwf_ok();
}

/* What all calls of a run share. */
typedef struct run {
    const float *weights, *buffers;
    float *dweights, *statistics;
    const pwf_targets *targets; /* NULL: no loss */
    float scale;
    double *loss;
} run;

/* The arguments of action number `time` for `images` images from `first` on. */
static pwf_call call_of(const pwf_executor *e, int time, const run *r, int64_t first,
                        int64_t images)
{
    const pwf_action *action = &e->schedule.actions[time];
    const pwf_node *n = &e->graph->nodes[action->node];
    const node_state *s = &e->nodes[action->node];
    const places *p = &e->places[time];
    const int pass = pass_of(action);
    pwf_call c = {.node = n,
                  .plan = s->plan[pass],
                  .images = images,
                  .training = e->training,
                  .y = at(e, p->y, first),
                  .dy = at(e, p->dy, first),
                  .weight = n->weight ? r->weights + n->weight->offset : NULL,
                  .bias = n->bias ? r->weights + n->bias->offset : NULL,
                  .scale = r->scale,
                  .loss = r->loss,
                  .saved = at(e, p->saved, first),
                  .kept = at(e, s->kept, first),
                  .workspace = at(e, e->workspace, first)};
    if (e->packed && s->packed_bytes[pass] > 0) c.packed = e->packed + s->packed[pass];
    if (r->targets) {
        c.targets = *r->targets;
        c.targets.labels += first;
        if (c.targets.partners) c.targets.partners += first;
    }
    for (int j = 0; j < n->inputs; j++) {
        c.x[j] = at(e, p->x[j], first);
        c.dx[j] = at(e, p->dx[j], first);
        c.add[j] = p->add[j];
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

static pwf_status run_action(pwf_executor *e, const pwf_action *action, const pwf_call *call)
{
    const pwf_operator *op = call->node->op;
    switch (action->kind) {
    case PWF_ACTION_FORWARD:
        PWF_TRY(op->forward(call));
        if (e->training)
            PWF_FAULT_SPOIL("train.activation", PWF_FAULT_F32, call->y, call->y ? call->images : 0);
        return pwf_ok();
    case PWF_ACTION_AGAIN:
        return op->forward(call);
    case PWF_ACTION_SUMS:
        op->sums(call);
        return pwf_ok();
    case PWF_ACTION_SUMS_BACK:
        op->sums_back(call);
        return pwf_ok();
    default:
        return op->backward(call);
    }
}

/* Without targets, forward alone and without the loss. */
static bool is_wanted(const pwf_executor *e, const pwf_action *action, const run *r)
{
    return r->targets || (!is_back(action) && action->node < e->graph->node_count - 1);
}

/* Of a node whose last action that adds to gradients is over. */
static void tell_whole(const pwf_executor *e, const pwf_node *n)
{
    if (!e->whole) return;
    if (n->weight) e->whole(e->whole_context, n->weight->offset, n->weight->count);
    if (n->bias) e->whole(e->whole_context, n->bias->offset, n->bias->count);
}

/* Makes of the sums of a stage what later stages need. */
static void settle(pwf_executor *e, const pwf_stage *stage, const run *r)
{
    for (int a = stage->first; a <= stage->last; a++) {
        const pwf_action *action = &e->schedule.actions[a];
        const pwf_operator *op = e->graph->nodes[action->node].op;
        if (!is_wanted(e, action, r)) continue;
        if (action->kind != PWF_ACTION_SUMS && action->kind != PWF_ACTION_SUMS_BACK) continue;
        const pwf_call call = call_of(e, a, r, 0, e->images);
        if (action->kind == PWF_ACTION_SUMS)
            op->settle(&call);
        else
            op->settle_back(&call);
        if (action->kind == PWF_ACTION_SUMS_BACK) tell_whole(e, call.node);
    }
}

/* A trace has a span for each time that a slot goes on in one direction. */
static void turn(pwf_executor *e, bool back)
{
    if (e->back == back) return;
    pwf_trace_end(e->span);
    e->span = pwf_trace_begin(back ? "backward" : "forward");
    e->back = back;
}

static pwf_status run_group(pwf_executor *e, const pwf_stage *stage, const run *r, int64_t first)
{
    for (int a = stage->first; a <= stage->last; a++) {
        const pwf_action *action = &e->schedule.actions[a];
        const bool back = is_back(action);
        if (!is_wanted(e, action, r)) continue;
        turn(e, back);
        const double start = pwf_clock_seconds();
        const pwf_call call = call_of(e, a, r, first, stage->images);
        PWF_TRY(run_action(e, action, &call));
        e->nodes[action->node].seconds[back ? BACKWARD : FORWARD] += pwf_clock_seconds() - start;
        /* Sums are settled when all images are through the stage. */
        if (action->kind == PWF_ACTION_BACKWARD && !call.node->op->sums &&
            first + stage->images == e->images)
            tell_whole(e, call.node);
    }
    return pwf_ok();
}

/* Sums begin at 0; before, other things lay there. */
static void clear_sums(pwf_executor *e, const pwf_stage *stage)
{
    for (int a = stage->first; a <= stage->last; a++) {
        const pwf_action *action = &e->schedule.actions[a];
        const node_state *s = &e->nodes[action->node];
        if (action->kind == PWF_ACTION_SUMS) memset(at(e, s->kept, 0), 0, s->kept_bytes);
    }
}

static pwf_status run_stages(pwf_executor *e, const run *r)
{
    const pwf_schedule *s = &e->schedule;
    const int end = r->targets ? s->stage_count : s->forward_stages;
    for (int i = 0; i < end; i++) {
        const pwf_stage *stage = &s->stages[i];
        clear_sums(e, stage);
        for (int64_t first = 0; first < e->images; first += stage->images)
            PWF_TRY(run_group(e, stage, r, first));
        settle(e, stage, r);
    }
    return pwf_ok();
}

static pwf_status run_all(pwf_executor *e, const run *r)
{
    e->back = false;
    e->span = pwf_trace_begin("forward");
    const pwf_status status = run_stages(e, r);
    pwf_trace_end(e->span);
    return status;
}

pwf_status pwf_executor_forward(pwf_executor *executor, const float *weights, const float *buffers,
                                const float **logits)
{
    const run r = {.weights = weights, .buffers = buffers, .statistics = executor->statistics};
    PWF_TRY(run_all(executor, &r));
    *logits = at(executor, executor->values[executor->graph->logits].block, 0);
    return pwf_ok();
}

pwf_status pwf_executor_train(pwf_executor *executor, const float *weights,
                              const pwf_targets *targets, float scale, float *dweights,
                              float *statistics, double *loss)
{
    PWF_ASSERT(executor->training);
    const run r = {.weights = weights,
                   .dweights = dweights,
                   .statistics = statistics,
                   .targets = targets,
                   .scale = scale,
                   .loss = loss};
    *loss = 0.0;
    return run_all(executor, &r);
}

void pwf_executor_tell(pwf_executor *executor, pwf_gradient_whole *whole, void *context)
{
    executor->whole = whole;
    executor->whole_context = context;
}

pwf_status pwf_executor_statistics(pwf_executor *executor, const float *weights, float *statistics)
{
    PWF_ASSERT(executor->training);
    const run r = {.weights = weights, .statistics = statistics};
    return run_all(executor, &r);
}

void pwf_executor_seconds(const pwf_executor *executor, const char *name, double *forward,
                          double *backward)
{
    *forward = *backward = 0.0;
    for (int i = 0; i < executor->graph->node_count; i++) {
        if (strcmp(executor->graph->nodes[i].op->name, name) != 0) continue;
        *forward += executor->nodes[i].seconds[FORWARD];
        *backward += executor->nodes[i].seconds[BACKWARD];
    }
}
