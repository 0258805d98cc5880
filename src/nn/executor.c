/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes a slot through a graph: runs the actions of the schedule stage by stage, and each
 * stage for one group of images after another, in the memory that executor_plan.c has laid out. A
 * worker of train or infer owns an executor and calls it on its own thread; it touches that memory
 * and the arrays it is given, and no MPI. */
#include "executor_plan.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

pwf_status pwf_executor_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_precision precision, pwf_executor **out)
{
    PWF_ASSERT(graph->closed && images >= 1);
    *out = NULL;
    pwf_executor *e = calloc(1, sizeof *e);
    PWF_FAIL_IF(!e, PWF_RESOURCE, "no memory for an executor");
    e->graph = graph;
    e->images = images;
    e->mode = mode;
    e->training = mode != PWF_MODE_PREDICT;
    e->precision = precision;
    /* pwf_executor_free releases what a failed plan leaves. */
    const pwf_status status = pwf_executor_plan(e);
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
        for (int pass = 0; pass < PWF_PASSES; pass++)
            if (executor->nodes[i].plan[pass])
                executor->graph->nodes[i].op->release(executor->nodes[i].plan[pass]);
    pwf_schedule_free(&executor->schedule);
    pwf_mem_free(executor->arena);
    pwf_mem_free(executor->statistics);
    free(executor->nodes);
    free(executor->values);
    free(executor->actions);
    free(executor->blocks);
    free(executor->sizes);
    free(executor);
}

float *pwf_executor_images(pwf_executor *executor)
{
    return pwf_executor_at(executor, executor->values[0].block, 0);
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

/* Pieces are counted over nodes, and within a node forward before backward. */
pwf_status pwf_executor_pack(pwf_executor *executor, const float *weights, void *packed, int piece)
{
    PWF_ASSERT(piece >= 0 && piece < executor->pieces);
    for (int i = 0; i < executor->graph->node_count; i++)
        for (int pass = 0; pass < PWF_PASSES; pass++) {
            const pwf_node_state *s = &executor->nodes[i];
            const pwf_node *n = &executor->graph->nodes[i];
            if (s->packed_bytes[pass] == 0 || piece-- > 0) continue;
            const pwf_call call = {.node = n,
                                   .plan = s->plan[pass],
                                   .weight = weights + n->weight->offset,
                                   .packed = (char *)packed + s->packed[pass],
                                   .workspace = pwf_executor_at(executor, executor->workspace, 0)};
            return n->op->pack(&call);
        }
    return pwf_ok();
}

/* Whether the action belongs to the backward pass, recomputation included. */
static bool is_back(const pwf_action *action)
{
    return action->kind >= PWF_ACTION_RECOMPUTE;
}

/* What the calls of one run share. */
typedef struct slot_run {
    const float *weights;       /* [flat total] */
    const float *buffers;       /* [buffers], in prediction */
    float *dweights;            /* [flat total], if targets are given */
    float *statistics;          /* [buffers], in training */
    const pwf_targets *targets; /* NULL: forward only, without loss */
    float scale;                /* of the loss gradient */
    double *loss;               /* out: sum over images */
} slot_run;

/* The arguments of action number `time` for `images` images from image `first` of the slot. */
static pwf_call call_of(const pwf_executor *e, int time, const slot_run *r, int64_t first,
                        int64_t images)
{
    const pwf_action *action = &e->schedule.actions[time];
    const pwf_node *n = &e->graph->nodes[action->node];
    const pwf_node_state *s = &e->nodes[action->node];
    const pwf_action_blocks *p = &e->actions[time];
    const pwf_pass pass = pwf_action_pass(action);
    pwf_call c = {.node = n,
                  .plan = s->plan[pass],
                  .images = images,
                  .training = e->training,
                  .y = pwf_executor_at(e, p->y, first),
                  .dy = pwf_executor_at(e, p->dy, first),
                  .weight = n->weight ? r->weights + n->weight->offset : NULL,
                  .bias = n->bias ? r->weights + n->bias->offset : NULL,
                  .scale = r->scale,
                  .loss = r->loss,
                  .saved = pwf_executor_at(e, p->saved, first),
                  .kept = pwf_executor_at(e, s->kept, first),
                  .workspace = pwf_executor_at(e, e->workspace, first)};
    /* Prepacked weights are per pass: each has its own order. */
    if (e->packed && s->packed_bytes[pass] > 0) c.packed = e->packed + s->packed[pass];
    if (r->targets) {
        c.targets = *r->targets;
        c.targets.labels += first;
        if (c.targets.partners) c.targets.partners += first;
    }
    for (int j = 0; j < n->inputs; j++) {
        c.x[j] = pwf_executor_at(e, p->x[j], first);
        c.dx[j] = pwf_executor_at(e, p->dx[j], first);
        c.add[j] = p->add[j];
    }
    if (r->dweights) {
        c.dweight = n->weight ? r->dweights + n->weight->offset : NULL;
        c.dbias = n->bias ? r->dweights + n->bias->offset : NULL;
    }
    /* Training writes this slot's statistics where the running ones have their offsets. */
    if (n->mean && e->training) {
        c.mean = r->statistics + n->mean->offset;
        c.variance = r->statistics + n->variance->offset;
    } else if (n->mean) {
        c.running_mean = r->buffers + n->mean->offset;
        c.running_variance = r->buffers + n->variance->offset;
    }
    return c;
}

/* Calls the function of the operator for the kind of the action. */
static pwf_status run_action(pwf_executor *e, const pwf_action *action, const pwf_call *call)
{
    const pwf_operator *op = call->node->op;
    switch (action->kind) {
    case PWF_ACTION_FORWARD:
        PWF_TRY(op->forward(call));
        /* A fault point of test builds; recomputation has none, so that it repeats the same bits.
         */
        if (e->training)
            PWF_FAULT_SPOIL("train.activation", PWF_FAULT_F32, call->y, call->y ? call->images : 0);
        return pwf_ok();
    case PWF_ACTION_RECOMPUTE:
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

/* run_action with the seconds added to those of the node; for benchmarks. */
static pwf_status time_action(pwf_executor *e, const pwf_action *action, const pwf_call *call)
{
    const pwf_pass pass = is_back(action) ? PWF_PASS_BACKWARD : PWF_PASS_FORWARD;
    const double start = pwf_clock_seconds();
    const pwf_status status = run_action(e, action, call);
    e->nodes[action->node].seconds[pass] += pwf_clock_seconds() - start;
    return status;
}

/* Without targets, only forward actions run, except the loss, which is the last node. */
static bool is_needed(const pwf_executor *e, const pwf_action *action, const slot_run *r)
{
    return r->targets || (!is_back(action) && action->node < e->graph->node_count - 1);
}

/* Reports the parameter gradients of a node after the last action that adds to them. */
static void report_gradients(const pwf_executor *e, const pwf_node *n)
{
    if (!e->ready) return;
    if (n->weight) e->ready(e->ready_context, n->weight->offset, n->weight->count);
    if (n->bias) e->ready(e->ready_context, n->bias->offset, n->bias->count);
}

/* Turns the sums of a finished stage into what later stages read, such as mean and variance. */
static void settle(pwf_executor *e, const pwf_node_stage *stage, const slot_run *r)
{
    for (int a = stage->first; a <= stage->last; a++) {
        const pwf_action *action = &e->schedule.actions[a];
        const pwf_operator *op = e->graph->nodes[action->node].op;
        if (!is_needed(e, action, r)) continue;
        if (action->kind != PWF_ACTION_SUMS && action->kind != PWF_ACTION_SUMS_BACK) continue;
        const pwf_call call = call_of(e, a, r, 0, e->images);
        if (action->kind == PWF_ACTION_SUMS)
            op->settle(&call);
        else
            op->settle_back(&call);
        if (action->kind == PWF_ACTION_SUMS_BACK) report_gradients(e, call.node);
    }
}

/* Begins a new span of the trace when the direction changes. */
static void set_direction(pwf_executor *e, bool back)
{
    if (e->back == back) return;
    pwf_trace_end(e->span);
    e->span = pwf_trace_begin(back ? "backward" : "forward");
    e->back = back;
}

/* Runs the actions of a stage on the group that begins with image `first`. */
static pwf_status run_group(pwf_executor *e, const pwf_node_stage *stage, const slot_run *r,
                            int64_t first)
{
    for (int a = stage->first; a <= stage->last; a++) {
        const pwf_action *action = &e->schedule.actions[a];
        if (!is_needed(e, action, r)) continue;
        set_direction(e, is_back(action));
        const pwf_call call = call_of(e, a, r, first, stage->images);
        PWF_TRY(e->measured ? time_action(e, action, &call) : run_action(e, action, &call));
        /* An operator with sums adds its gradients in settle(), after the last group. */
        if (action->kind == PWF_ACTION_BACKWARD && !call.node->op->sums &&
            first + stage->images == e->images)
            report_gradients(e, call.node);
    }
    return pwf_ok();
}

/* Sums begin at 0; other blocks used the memory before. */
static void clear_sums(pwf_executor *e, const pwf_node_stage *stage)
{
    for (int a = stage->first; a <= stage->last; a++) {
        const pwf_action *action = &e->schedule.actions[a];
        const pwf_node_state *s = &e->nodes[action->node];
        if (action->kind == PWF_ACTION_SUMS)
            memset(pwf_executor_at(e, s->kept, 0), 0, s->kept_bytes);
    }
}

/* All groups of a stage run before the next stage begins. */
static pwf_status run_stages(pwf_executor *e, const slot_run *r)
{
    const pwf_node_schedule *s = &e->schedule;
    const int end = r->targets ? s->stage_count : s->forward_stages;
    for (int i = 0; i < end; i++) {
        const pwf_node_stage *stage = &s->stages[i];
        clear_sums(e, stage);
        for (int64_t first = 0; first < e->images; first += stage->images)
            PWF_TRY(run_group(e, stage, r, first));
        settle(e, stage, r);
    }
    return pwf_ok();
}

static pwf_status run_all(pwf_executor *e, const slot_run *r)
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
    const slot_run r = {.weights = weights, .buffers = buffers, .statistics = executor->statistics};
    PWF_TRY(run_all(executor, &r));
    *logits = pwf_executor_at(executor, executor->values[executor->graph->logits].block, 0);
    return pwf_ok();
}

pwf_status pwf_executor_train(pwf_executor *executor, const float *weights,
                              const pwf_targets *targets, float scale, float *dweights,
                              float *statistics, double *loss)
{
    PWF_ASSERT(executor->training);
    const slot_run r = {.weights = weights,
                        .dweights = dweights,
                        .statistics = statistics,
                        .targets = targets,
                        .scale = scale,
                        .loss = loss};
    *loss = 0.0;
    return run_all(executor, &r);
}

void pwf_executor_watch_gradients(pwf_executor *executor, pwf_gradient_ready *ready, void *context)
{
    executor->ready = ready;
    executor->ready_context = context;
}

pwf_status pwf_executor_statistics(pwf_executor *executor, const float *weights, float *statistics)
{
    PWF_ASSERT(executor->training);
    const slot_run r = {.weights = weights, .statistics = statistics};
    return run_all(executor, &r);
}

void pwf_executor_measure(pwf_executor *executor)
{
    executor->measured = true;
}

void pwf_executor_seconds(const pwf_executor *executor, const char *name, double *forward,
                          double *backward)
{
    *forward = *backward = 0.0;
    for (int i = 0; i < executor->graph->node_count; i++) {
        if (strcmp(executor->graph->nodes[i].op->name, name) != 0) continue;
        *forward += executor->nodes[i].seconds[PWF_PASS_FORWARD];
        *backward += executor->nodes[i].seconds[PWF_PASS_BACKWARD];
    }
}
