/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_GRAPH_PARTS_H
#define PWF_SRC_NN_GRAPH_PARTS_H

#include "operator.h"

/* The inside of a graph, for the schedule and the executor. */

typedef struct pwf_graph_value {
    pwf_shape shape;
    int producer;  /* node, or -1 for the input image */
    int readers;   /* nodes that read it */
    bool gradient; /* some parameter contributes to it */
} pwf_graph_value;

struct pwf_graph {
    pwf_tensor_backend backend;
    pwf_node *nodes; /* in execution order; the last is the loss */
    pwf_graph_value *values;
    int node_count, value_count, room; /* room: allocated nodes and values */
    pwf_value logits;                  /* the prediction */
    float smoothing;                   /* of labels, 0 to below 1 */
    bool closed;
    pwf_status status; /* the first failure */
};

/* Whether a node writes its result over its first input. */
bool pwf_graph_in_place(const pwf_graph *graph, const pwf_node *node, bool training);

#endif
