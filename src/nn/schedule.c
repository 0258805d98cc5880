/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the schedule of a graph: assigns each action of each node to a stage, orders the actions of
 * a stage, and chooses how many images form a group. Called when an executor is made, and by the
 * bench; a pure function of graph, images and mode, since sums over images run in its order. */
#include "schedule.h"

#include "operator.h"

#include <stdlib.h>
#include <string.h>

int64_t pwf_schedule_group_bytes = 3 << 20;

/* The stage of each node's actions. */
typedef struct stages_of {
    int *forward, *backward, *sums_back; /* [nodes] stage; -1: no such action */
    int forward_stages, backward_stages;
    bool *kept;           /* [nodes] the result stays in memory until backward */
    bool *present, *redo; /* [nodes] scratch: results in memory, results to recompute */
} stages_of;

/* Batch statistics are summed only in training; prediction reads the running ones. */
static bool has_sums(const pwf_node *n, bool training)
{
    return training && n->op->sums;
}

/* Whether nothing reads the result of the node, which is then the prediction: it has no gradient.
 */
static bool is_prediction(const pwf_graph *g, int node)
{
    return node < g->node_count - 1 && g->values[g->nodes[node].output].readers == 0;
}

/* A node runs in the first stage in which all its inputs exist, one later if it needs sums over
 * them; a cheap one is then moved to the stage of its first reader, so that its result needs no
 * memory between the stages. */
static void assign_forward(const pwf_graph *g, bool training, stages_of *p)
{
    for (int i = 0; i < g->node_count; i++) {
        const pwf_node *n = &g->nodes[i];
        p->forward[i] = 0;
        for (int j = 0; j < n->inputs; j++) {
            const int from = g->values[n->input[j]].producer;
            const int stage = (from < 0 ? 0 : p->forward[from]) + has_sums(n, training);
            if (stage > p->forward[i]) p->forward[i] = stage;
        }
        if (p->forward[i] >= p->forward_stages) p->forward_stages = p->forward[i] + 1;
    }
    for (int i = g->node_count - 1; i >= 0; i--) {
        if (!g->nodes[i].op->cheap) continue;
        int soonest = p->forward_stages;
        for (int r = i + 1; r < g->node_count; r++)
            for (int j = 0; j < g->nodes[r].inputs; j++) {
                const pwf_node *reader = &g->nodes[r];
                if (reader->input[j] != g->nodes[i].output) continue;
                /* Sums over a value run in the stage that makes it. */
                const int stage = has_sums(reader, training) ? p->forward[i] : p->forward[r];
                if (stage < soonest) soonest = stage;
            }
        if (soonest < p->forward_stages && soonest > p->forward[i]) p->forward[i] = soonest;
    }
}

/* Stages of the backward pass are counted from 0 at the loss. A gradient is whole in the last stage
 * of its readers; an operator with sums needs one stage more for dx. */
static void assign_backward(const pwf_graph *g, stages_of *p)
{
    for (int i = g->node_count - 1; i >= 0; i--) {
        const pwf_node *n = &g->nodes[i];
        if (is_prediction(g, i)) continue;
        int stage = 0;
        for (int r = i + 1; r < g->node_count; r++)
            for (int j = 0; j < g->nodes[r].inputs; j++)
                if (g->nodes[r].input[j] == n->output && p->backward[r] > stage)
                    stage = p->backward[r];
        p->backward[i] = stage;
        if (n->op->sums) {
            p->sums_back[i] = stage;
            p->backward[i] = stage + 1;
        }
        if (p->backward[i] >= p->backward_stages) p->backward_stages = p->backward[i] + 1;
    }
}

/* Appends an action. */
static void push(pwf_node_schedule *s, int node, pwf_action_kind kind)
{
    s->actions[s->action_count++] = (pwf_action){node, kind};
}

/* Appends the sums over value x, right after the action that makes it. */
static void push_sums(pwf_node_schedule *s, const pwf_graph *g, pwf_value x, bool training)
{
    for (int i = 0; i < g->node_count; i++)
        if (has_sums(&g->nodes[i], training) && g->nodes[i].input[0] == x)
            push(s, i, PWF_ACTION_SUMS);
}

/* Appends the forward actions of a stage in node order, each followed by the sums over its result.
 */
static void push_forward(pwf_node_schedule *s, const pwf_graph *g, const stages_of *p, int stage,
                         bool training)
{
    if (stage == 0) push_sums(s, g, 0, training);
    for (int i = 0; i < g->node_count; i++) {
        if (p->forward[i] != stage) continue;
        push(s, i, PWF_ACTION_FORWARD);
        push_sums(s, g, g->nodes[i].output, training);
    }
}

/* Appends a backward action, after the recomputation of what it reads. */
static void push_back(pwf_node_schedule *s, const pwf_graph *g, const stages_of *p,
                      pwf_action action)
{
    pwf_recompute_list(g, &action, p->present, p->redo);
    for (int i = 0; i < g->node_count; i++) {
        if (!p->redo[i]) continue;
        push(s, i, PWF_ACTION_RECOMPUTE);
        p->present[i] = true;
    }
    push(s, action.node, action.kind);
}

/* Appends the backward actions of a stage in reverse node order. */
static void push_backward(pwf_node_schedule *s, const pwf_graph *g, const stages_of *p, int stage)
{
    memcpy(p->present, p->kept, (size_t)g->node_count * sizeof *p->present);
    for (int i = g->node_count - 1; i >= 0; i--) {
        if (p->backward[i] == stage) push_back(s, g, p, (pwf_action){i, PWF_ACTION_BACKWARD});
        if (p->sums_back[i] == stage) push_back(s, g, p, (pwf_action){i, PWF_ACTION_SUMS_BACK});
    }
}

/* Images of a group: the largest divisor of the slot for which no value exceeds
 * pwf_schedule_group_bytes, at least 1. Recomputation does not count, as it must not change the
 * order of sums. */
static int64_t group_of(const pwf_node_schedule *s, const pwf_graph *g, int first, int64_t images)
{
    int64_t most = 1;
    for (int a = first; a < s->action_count; a++) {
        const pwf_node *n = &g->nodes[s->actions[a].node];
        if (s->actions[a].kind == PWF_ACTION_RECOMPUTE) continue;
        if (pwf_elements(n->out) > most) most = pwf_elements(n->out);
        for (int j = 0; j < n->inputs; j++)
            if (pwf_elements(n->in[j]) > most) most = pwf_elements(n->in[j]);
    }
    int64_t group = pwf_schedule_group_bytes / (most * (int64_t)sizeof(float));
    if (group < 1) group = 1;
    if (group > images) group = images;
    while (images % group != 0)
        group--;
    return group;
}

/* Fills all stages with their actions and group sizes. */
static void push_stages(pwf_node_schedule *s, const pwf_graph *g, const stages_of *p,
                        int64_t images, bool training)
{
    s->forward_stages = p->forward_stages;
    for (int i = 0; i < p->forward_stages + p->backward_stages; i++) {
        const int before = s->action_count;
        if (i < p->forward_stages)
            push_forward(s, g, p, i, training);
        else
            push_backward(s, g, p, i - p->forward_stages);
        PWF_ASSERT(s->action_count > before);
        /* The first backward stage continues the last forward one: a group turns round at the loss.
         */
        if (i != p->forward_stages) s->stages[s->stage_count++].first = before;
        pwf_node_stage *stage = &s->stages[s->stage_count - 1];
        stage->last = s->action_count - 1;
        stage->images = group_of(s, g, stage->first, images);
    }
}

/* Upper bound of the number of actions: per node, four and one recomputation per backward stage. */
static size_t most_actions(const pwf_graph *g, const stages_of *p, bool recompute)
{
    return (size_t)g->node_count * (4 + (recompute ? (size_t)p->backward_stages : 0));
}

static pwf_status plan(pwf_node_schedule *s, const pwf_graph *g, stages_of *p, int64_t images,
                       pwf_mode mode)
{
    const bool training = mode != PWF_MODE_PREDICT, recompute = mode == PWF_MODE_RECOMPUTE;
    assign_forward(g, training, p);
    if (training) assign_backward(g, p);
    s->actions = malloc(most_actions(g, p, recompute) * sizeof *s->actions);
    s->stages = malloc((size_t)(p->forward_stages + p->backward_stages) * sizeof *s->stages);
    PWF_FAIL_IF(!s->actions || !s->stages, PWF_RESOURCE,
                "no memory for the schedule of %d operators", g->node_count);
    for (int i = 0; i < g->node_count; i++)
        p->kept[i] = true;
    if (recompute) pwf_recompute_keep(g, p->forward, p->forward_stages, p->kept, p->redo);
    push_stages(s, g, p, images, training);
    return pwf_ok();
}

pwf_status pwf_schedule_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_node_schedule *out)
{
    const size_t nodes = (size_t)graph->node_count;
    *out = (pwf_node_schedule){0};
    int *stages = malloc(3 * nodes * sizeof *stages);
    bool *flags = malloc(3 * nodes * sizeof *flags);
    pwf_status status = pwf_ok();
    if (stages && flags) {
        for (size_t i = 0; i < 3 * nodes; i++)
            stages[i] = -1;
        stages_of p = {.forward = stages,
                       .backward = stages + nodes,
                       .sums_back = stages + 2 * nodes,
                       .kept = flags,
                       .present = flags + nodes,
                       .redo = flags + 2 * nodes};
        status = plan(out, graph, &p, images, mode);
    } else {
        status =
            PWF_FAIL(PWF_RESOURCE, "no memory for the schedule of %d operators", graph->node_count);
    }
    free(stages);
    free(flags);
    if (status.code != PWF_OK) pwf_schedule_free(out);
    return status;
}

void pwf_schedule_free(pwf_node_schedule *schedule)
{
    free(schedule->actions);
    free(schedule->stages);
    *schedule = (pwf_node_schedule){0};
}

int pwf_schedule_stage(const pwf_node_schedule *schedule, int action)
{
    int i = 0;
    while (schedule->stages[i].last < action)
        i++;
    return i;
}
