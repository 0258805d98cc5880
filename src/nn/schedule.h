/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_SCHEDULE_H
#define PWF_SRC_NN_SCHEDULE_H

#include "graph_parts.h"

/* The order in which a slot passes through a graph. A stage is a list of actions; a group, a few
 * images, passes through all of them before the next group begins, so that activations stay in the
 * caches of a core. A stage ends where all images of the slot are needed: at the statistics of
 * batch normalisation. The last forward stage is also the first backward stage, so that a network
 * without batch normalisation is a single stage and holds the activations of one group only.
 *
 * The order depends on the graph, the number of images and the mode alone, because sums over images
 * run in it. */

typedef enum pwf_action_kind {
    PWF_ACTION_FORWARD,
    PWF_ACTION_SUMS,      /* batch statistics of a group; settled when the stage ends */
    PWF_ACTION_RECOMPUTE, /* recomputation of a forward action for later backward actions */
    PWF_ACTION_BACKWARD,
    PWF_ACTION_SUMS_BACK
} pwf_action_kind;

typedef struct pwf_action {
    int node;
    pwf_action_kind kind;
} pwf_action;

typedef struct pwf_node_stage {
    int first, last; /* actions, both included */
    int64_t images;  /* of a group; divides those of the slot */
} pwf_node_stage;

typedef struct pwf_node_schedule {
    pwf_action *actions;
    pwf_node_stage *stages;
    int action_count, stage_count;
    int forward_stages; /* stages with forward actions; the last also has backward ones */
} pwf_node_schedule;

/* Upper bound on the bytes of any value of a group; a group of one image may exceed it. Small
 * groups stay in nearer caches; large ones use each weight more often. Tests lower it. */
extern int64_t pwf_schedule_group_bytes;

/* Makes the schedule for slots of `images` images. Fails with PWF_RESOURCE. */
pwf_status pwf_schedule_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_node_schedule *out);
void pwf_schedule_free(pwf_node_schedule *schedule);

/* The stage of an action. */
int pwf_schedule_stage(const pwf_node_schedule *schedule, int action);

/* ---- recompute.c ---- */

/* What the backward stages recompute instead of keeping it (parallel.recompute). No bit changes:
 * the same operators run on the same numbers, with the same group where bits may depend on it. */

/* Sets kept[node]: the result stays in memory from forward to backward. stage[node]: stage of its
 * forward action, below `stages`. redo: scratch, [nodes]. */
void pwf_recompute_keep(const pwf_graph *graph, const int *stage, int stages, bool *kept,
                        bool *redo);

/* Sets redo[node]: its forward action must be repeated before the backward action `action`, which
 * depends on its result. present[node]: results in memory, with what the operator has saved. */
void pwf_recompute_list(const pwf_graph *graph, const pwf_action *action, const bool *present,
                        bool *redo);

#endif
