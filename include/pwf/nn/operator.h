/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_NN_OPERATOR_H
#define PWF_NN_OPERATOR_H

#include "pwf/nn/executor.h"
#include "pwf/nn/graph.h"
#include "pwf/tensor/conv.h"

/** Operators, for those who add one and for the test that checks every one; models use graph.h.
 * The table is the only list: a new operator is a new entry, and a case in the gradient check. */

enum { PWF_NODE_INPUTS = 2 };

/* One value: the shape of each image, the batch in front of it is the executor's. */
typedef struct pwf_shape {
    int64_t height, width, channels;
} pwf_shape;

typedef struct pwf_operator pwf_operator;

/* One application of an operator. Fields an operator does not use are 0. */
typedef struct pwf_node {
    const pwf_operator *op;
    int inputs;
    pwf_value input[PWF_NODE_INPUTS], output;
    pwf_shape in[PWF_NODE_INPUTS], out;
    const pwf_param *weight, *bias; /* scale and shift of a normalisation */
    const pwf_buffer *mean, *variance;
    int64_t kernel_height, kernel_width, stride, padding, groups;
    int64_t heads, token;
    float smoothing;
} pwf_node;

/* What an operator needs. */
typedef struct pwf_need {
    size_t saved;     /* bytes of an image, from forward to backward */
    size_t kept;      /* bytes of the slot, 0 at first, from the first sums to the last backward */
    size_t workspace; /* bytes during a call */
    size_t packed;    /* bytes of the weights in the order that the plan likes; 0: as they are */
} pwf_need;

/* What planning is told. */
typedef struct pwf_plan_task {
    const pwf_node *node;
    pwf_tensor_backend backend;
    pwf_precision precision;
    int64_t images; /* of a call */
    int64_t slot_images;
    bool training;
    bool backward;                  /* the calls planned for are backward, else forward */
    bool gradient[PWF_NODE_INPUTS]; /* dx of this input will be wanted */
} pwf_plan_task;

/* Arguments of a call, for some images of a slot, a group; all arrays of images begin at the first
 * of them. A dx is NULL if it is not wanted; it is stored, or added where
 * `add` says that an earlier operator has stored its share. Parameter gradients are added. */
typedef struct pwf_call {
    const pwf_node *node;
    void *plan;
    int64_t images;
    bool training;
    const float *x[PWF_NODE_INPUTS];
    float *y;
    const float *dy;
    float *dx[PWF_NODE_INPUTS];
    bool add[PWF_NODE_INPUTS];
    const float *weight, *bias;
    float *dweight, *dbias;
    const float *running_mean, *running_variance; /* when not training */
    float *mean, *variance;                       /* out, when training: of this slot */
    pwf_targets targets;
    float scale;  /* of the loss gradient */
    double *loss; /* the sum over images is added */
    void *saved, *kept, *workspace;
    void *packed; /* written by `pack`; NULL: the call brings the weights into order itself */
} pwf_call;

struct pwf_operator {
    const char *name;
    bool needs_input;  /* backward reads x */
    bool needs_output; /* backward reads y */
    bool saves;        /* backward reads what forward has saved */
    bool in_place;     /* y may be x[0], and dx[0] may be dy */
    /* Sets node->out; fails with PWF_CONFIG. */
    pwf_status (*infer)(pwf_node *node);
    /* Sets *plan (or leaves it NULL) and *need. */
    pwf_status (*plan)(const pwf_plan_task *task, void **plan, pwf_need *need);
    void (*release)(void *plan); /* NULL: nothing to release */
    pwf_status (*forward)(const pwf_call *call);
    pwf_status (*backward)(const pwf_call *call);
    /* Brings the weights into the order that the plan likes; NULL if no plan needs that. */
    pwf_status (*pack)(const pwf_call *call);
    /* Of an operator that in training depends on all images of a slot, else NULL: adds up what it
     * needs of a group's x, before forward, or of its dy, before backward; and what is made of it
     * when all groups have been through (`images` is then that of the slot). */
    void (*sums)(const pwf_call *call);
    void (*settle)(const pwf_call *call);
    void (*sums_back)(const pwf_call *call);
    void (*settle_back)(const pwf_call *call);
};

/** The table of operators.
 * Local. */
int pwf_operator_count(void);
const pwf_operator *pwf_operator_at(int index);

/** Looks an operator up; a name that is not there is a bug.
 * Local. */
const pwf_operator *pwf_operator_find(const char *name);

#endif
