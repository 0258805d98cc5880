/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans the memory of an executor (terms: schedule.h). A value lives in a block, a piece of the
 * arena, from the forward action that makes it to the last action that reads it; a recomputed value
 * gets a new block. Its gradient lives from the backward action of its last reader to that of its
 * producer. A block that lives in one stage holds the images of a group; one that lives longer
 * holds all images of the slot, throughout each of its stages. Called by pwf_executor_new alone. */
#include "executor_plan.h"

#include "pwf/core/mem.h"

#include <stdlib.h>

/* Forward and recomputation write the value of a node; the other actions read values. */
static bool makes_value(const pwf_action *action)
{
    return action->kind == PWF_ACTION_FORWARD || action->kind == PWF_ACTION_RECOMPUTE;
}

pwf_pass pwf_action_pass(const pwf_action *action)
{
    const bool back = action->kind == PWF_ACTION_BACKWARD || action->kind == PWF_ACTION_SUMS_BACK;
    return back ? PWF_PASS_BACKWARD : PWF_PASS_FORWARD;
}

/* A new block in use at times first..last; stretch() extends them. Returns its number. */
static int add_block(pwf_executor *e, pwf_block_size size, int first, int last)
{
    e->sizes[e->block_count] = size;
    e->blocks[e->block_count] = (pwf_arena_block){.first = first, .last = last};
    return e->block_count++;
}

/* A block for values or gradients of `shape`, for each image. */
static int add_values(pwf_executor *e, pwf_shape shape, int time)
{
    return add_block(e, (pwf_block_size){.image = (size_t)pwf_elements(shape) * sizeof(float)},
                     time, time);
}

/* Extends the lifetime of a block to include `time`. */
static void stretch(pwf_executor *e, int block, int time)
{
    if (block == NO_BLOCK) return;
    pwf_arena_block *b = &e->blocks[block];
    if (time < b->first) b->first = time;
    if (time > b->last) b->last = time;
}

void *pwf_executor_at(const pwf_executor *e, int block, int64_t first)
{
    if (block == NO_BLOCK) return NULL;
    const pwf_block_size *size = &e->sizes[block];
    return e->arena + e->blocks[block].offset + (size->whole ? (size_t)first * size->image : 0);
}

/* The values that an action reads and writes; those it does not touch stay NO_BLOCK. A recomputed
 * value gets a new block: the one of the forward pass has ended. */
static void plan_values(pwf_executor *e, int time, const pwf_action *action)
{
    const pwf_node *node = &e->graph->nodes[action->node];
    const bool makes = makes_value(action);
    const bool reads = makes || action->kind == PWF_ACTION_SUMS || node->op->needs_input;
    pwf_action_blocks *p = &e->actions[time];
    pwf_value_state *y = &e->values[node->output];
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

/* The gradients that a backward action reads and writes. The first reader of a value to run stores
 * its gradient; later ones add to it. */
static void plan_gradients(pwf_executor *e, int time, const pwf_action *action)
{
    const pwf_graph *g = e->graph;
    const pwf_node *node = &g->nodes[action->node];
    pwf_action_blocks *p = &e->actions[time];
    p->dy = e->values[node->output].gradient;
    stretch(e, p->dy, time);
    for (int j = 0; action->kind == PWF_ACTION_BACKWARD && j < node->inputs; j++) {
        const pwf_graph_value *x = &g->values[node->input[j]];
        pwf_value_state *state = &e->values[node->input[j]];
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

/* Saved data live from each forward action of the node to the backward action after it; kept data
 * from the first action of the node to its last. */
static void plan_kept(pwf_executor *e, int time, const pwf_action *action)
{
    pwf_node_state *s = &e->nodes[action->node];
    if (makes_value(action) && s->saved_bytes)
        s->saved = add_block(e, (pwf_block_size){.image = s->saved_bytes}, time, time);
    if (s->kept_bytes && s->kept == NO_BLOCK)
        s->kept = add_block(e, (pwf_block_size){.image = s->kept_bytes, .slot = true}, time, time);
    e->actions[time].saved = s->saved;
    stretch(e, s->saved, time);
    stretch(e, s->kept, time);
}

/* Plans an operator for the groups of a stage, once per pass; *workspace becomes the maximum. */
static pwf_status plan_node(pwf_executor *e, const pwf_action *action, int64_t images,
                            size_t *workspace)
{
    const pwf_graph *g = e->graph;
    const pwf_node *node = &g->nodes[action->node];
    pwf_node_state *s = &e->nodes[action->node];
    const pwf_pass pass = pwf_action_pass(action);
    pwf_need need = {0};
    pwf_plan_task task = {.node = node,
                          .backend = g->backend,
                          .precision = e->precision,
                          .images = images,
                          .slot_images = e->images,
                          .training = e->training,
                          .backward = pass == PWF_PASS_BACKWARD};
    for (int j = 0; j < node->inputs; j++)
        task.gradient[j] = e->training && g->values[node->input[j]].gradient;
    /* Recomputation uses the plan of the forward pass, so its groups must be the same. */
    PWF_ASSERT(!s->plan[pass] || s->images[pass] == images);
    if (s->plan[pass]) return pwf_ok();
    PWF_TRY(pwf_node_plan(&task, &s->plan[pass], &need));
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

/* Sets the bytes of all blocks. A block in use in one stage alone holds a group, and its space is
 * free again after its last action. All others hold the slot and stay for whole stages, because a
 * stage runs once per group. */
static void size_blocks(pwf_executor *e)
{
    for (int b = 0; b < e->block_count; b++) {
        pwf_arena_block *block = &e->blocks[b];
        pwf_block_size *size = &e->sizes[b];
        const int first = pwf_schedule_stage(&e->schedule, block->first);
        const int last = pwf_schedule_stage(&e->schedule, block->last);
        if (size->slot) {
            block->bytes = size->image;
        } else {
            size->whole = size->whole || first != last;
            block->bytes =
                size->image * (size_t)(size->whole ? e->images : e->schedule.stages[first].images);
        }
        if (!size->slot && !size->whole) continue;
        block->first = e->schedule.stages[first].first;
        block->last = e->schedule.stages[last].last;
    }
}

/* Allocates scratch for the batch statistics of runs whose caller passes no array. */
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

/* Plans all actions in time order. */
static pwf_status plan_actions(pwf_executor *e, size_t *workspace)
{
    const pwf_node_schedule *s = &e->schedule;
    for (int i = 0; i < s->stage_count; i++)
        for (int time = s->stages[i].first; time <= s->stages[i].last; time++) {
            const pwf_action *action = &s->actions[time];
            PWF_TRY(plan_node(e, action, s->stages[i].images, workspace));
            plan_kept(e, time, action);
            plan_values(e, time, action);
            if (pwf_action_pass(action) == PWF_PASS_BACKWARD) plan_gradients(e, time, action);
        }
    return pwf_ok();
}

/* Allocates the tables of the plan, all zero: no action has a block yet. */
static pwf_status start_plan(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    PWF_TRY(pwf_schedule_new(g, e->images, e->mode, &e->schedule));
    const size_t actions = (size_t)e->schedule.action_count;
    /* Most blocks: two per action (value, saved), one per value (gradient), one per node (kept),
     * and three more (images, workspace, empty). */
    const size_t most = 2 * actions + (size_t)(g->value_count + g->node_count + 3);
    e->nodes = calloc((size_t)g->node_count, sizeof *e->nodes);
    e->values = calloc((size_t)g->value_count, sizeof *e->values);
    e->actions = calloc(actions, sizeof *e->actions);
    e->blocks = calloc(most, sizeof *e->blocks);
    e->sizes = calloc(most, sizeof *e->sizes);
    PWF_FAIL_IF(!e->nodes || !e->values || !e->actions || !e->blocks || !e->sizes, PWF_RESOURCE,
                "no memory for the plan of %d operators", g->node_count);
    e->block_count = NO_BLOCK + 1;
    return pwf_ok();
}

pwf_status pwf_executor_plan(pwf_executor *e)
{
    const pwf_graph *g = e->graph;
    size_t workspace = 0, total = 0;
    PWF_TRY(start_plan(e));
    const int end = e->schedule.action_count - 1;
    e->values[0].block = add_values(e, g->values[0].shape, 0);
    stretch(e, e->values[0].block, end);
    PWF_TRY(plan_actions(e, &workspace));
    if (e->training) PWF_TRY(plan_statistics(e));
    /* The caller writes all images before a run and reads all logits after a forward run. */
    const int logits = e->values[g->logits].block;
    stretch(e, logits, e->schedule.stages[e->schedule.forward_stages - 1].last);
    e->sizes[e->values[0].block].whole = e->sizes[logits].whole = true;
    e->workspace = add_block(e, (pwf_block_size){.image = workspace, .slot = true}, 0, end);
    size_blocks(e);
    PWF_TRY(pwf_arena_plan(e->blocks, e->block_count, &total));
    return pwf_mem_alloc(PWF_MEM_ACTIVATIONS, (int64_t)total, 1, &e->arena);
}
