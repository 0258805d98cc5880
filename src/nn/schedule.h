/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_SCHEDULE_H
#define PWF_SRC_NN_SCHEDULE_H

#include "graph_parts.h"

/* The order in which a slot goes through a graph. A few images at a time, a group, go through all
 * actions of a stage, so that what they make stays in the caches of a core; between two stages
 * stands what needs all images of the slot, the statistics of batch normalisation. The last stage
 * forward is the first one backward, so a network without them is one stage, and needs memory for
 * the activations of a group only.
 *
 * The order depends on the graph and the number of images and on nothing else, as sums over images
 * are made in it. */

typedef enum pwf_action_kind {
    PWF_ACTION_FORWARD,
    PWF_ACTION_SUMS,  /* over the images of a group; settled when the stage ends */
    PWF_ACTION_AGAIN, /* forward once more, for the backward actions behind it (recompute.h) */
    PWF_ACTION_BACKWARD,
    PWF_ACTION_SUMS_BACK
} pwf_action_kind;

typedef struct pwf_action {
    int node;
    pwf_action_kind kind;
} pwf_action;

typedef struct pwf_stage {
    int first, last; /* actions, both included */
    int64_t images;  /* of a group; divides those of the slot */
} pwf_stage;

typedef struct pwf_schedule {
    pwf_action *actions;
    pwf_stage *stages;
    int action_count, stage_count;
    int forward_stages; /* in which actions are forward; the last one turns back */
} pwf_schedule;

/* The largest value of a group has at most so many bytes, or the group is one image. Small groups
 * stay in nearer caches; large ones use each weight more often. Tests make it small. */
extern int64_t pwf_schedule_group_bytes;

/* Local. Fails with PWF_RESOURCE. */
pwf_status pwf_schedule_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_schedule *out);
void pwf_schedule_free(pwf_schedule *schedule);

/* The stage of an action. */
int pwf_schedule_stage(const pwf_schedule *schedule, int action);

#endif
