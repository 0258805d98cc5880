/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_EXECUTOR_PLAN_H
#define PWF_SRC_NN_EXECUTOR_PLAN_H

#include "arena.h"
#include "operator.h"
#include "pwf/core/trace.h"
#include "schedule.h"

/* The inside of an executor: what executor_plan.c decides and executor.c carries out. Time counts
 * the actions of the schedule. */

enum { NO_BLOCK = 0 }; /* block 0 is empty */

typedef enum pwf_pass { PWF_PASS_FORWARD, PWF_PASS_BACKWARD, PWF_PASSES } pwf_pass;

typedef struct pwf_node_state {
    void *plan[PWF_PASSES];     /* of the operator, each for the groups of its stage */
    int64_t images[PWF_PASSES]; /* of such a group */
    int saved, kept;            /* blocks */
    size_t saved_bytes;         /* of an image */
    size_t kept_bytes;          /* of the slot */
    size_t packed[PWF_PASSES];  /* offset of its weights among the prepacked ones */
    size_t packed_bytes[PWF_PASSES];
    double seconds[PWF_PASSES]; /* while measured */
} pwf_node_state;

/* The blocks that hold a value and its gradient at the time that planning has reached. In place
 * means in the block of another value. */
typedef struct pwf_value_state {
    int block, gradient;
} pwf_value_state;

/* The blocks that an action reads and writes, and for each dx whether it is added. */
typedef struct pwf_action_blocks {
    int x[PWF_NODE_INPUTS], y, dy, dx[PWF_NODE_INPUTS], saved;
    bool add[PWF_NODE_INPUTS];
} pwf_action_blocks;

/* The size of a block. */
typedef struct pwf_block_size {
    size_t image; /* bytes of an image; of the whole slot if `slot` is set */
    bool slot;
    bool whole; /* holds all images of the slot, else those of a group */
} pwf_block_size;

struct pwf_executor {
    const pwf_graph *graph;
    pwf_node_schedule schedule;
    int64_t images; /* of a slot */
    pwf_mode mode;
    bool training;
    pwf_precision precision;
    pwf_node_state *nodes;
    pwf_value_state *values;
    pwf_action_blocks *actions;
    pwf_arena_block *blocks;
    pwf_block_size *sizes; /* of each block */
    int block_count;
    int workspace; /* block */
    char *arena;
    char *packed; /* prepacked weights of the caller, or NULL */
    size_t packed_bytes;
    int pieces;                /* of prepacking */
    float *statistics;         /* takes them if the caller passes no array */
    pwf_gradient_ready *ready; /* NULL: nobody is notified */
    void *ready_context;
    bool measured; /* seconds of operators are counted */
    bool back;     /* direction of the action under way, and its span in a trace */
    pwf_span span;
};

/* Plans all actions and allocates all memory of an executor whose graph, images, mode, training and
 * precision are set. Fails with PWF_RESOURCE, or as an operator's plan; pwf_executor_free then
 * releases what there is. */
pwf_status pwf_executor_plan(pwf_executor *e);

/* The address of image `first` of the slot in a block; NULL for NO_BLOCK. */
void *pwf_executor_at(const pwf_executor *e, int block, int64_t first);

/* The pass whose plan an action uses. */
pwf_pass pwf_action_pass(const pwf_action *action);

#endif
