/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_OPERATOR_H
#define PWF_SRC_NN_OPERATOR_H

#include "pwf/nn/executor.h"
#include "pwf/nn/graph.h"
#include "pwf/tensor/conv.h"
#include "pwf/tensor/kernels.h"

/* The interface of an operator, and what the operator files share; models use pwf/nn/graph.h.
 * docs/how-to/add-an-operator.md lists the steps. */

enum { PWF_NODE_INPUTS = 4, PWF_NODE_ATTRIBUTES = 4 }; /* limits of an operator */

/* The shape of one image of a value. */
typedef struct pwf_shape {
    int64_t height, width, channels;
} pwf_shape;

typedef struct pwf_operator pwf_operator;

/* One application of an operator. Attributes that an operator does not use are 0. */
typedef struct pwf_node {
    const pwf_operator *op;
    int inputs;
    pwf_value input[PWF_NODE_INPUTS], output;
    pwf_shape in[PWF_NODE_INPUTS], out;
    const pwf_param *weight, *bias; /* scale and shift of a normalisation */
    const pwf_buffer *mean, *variance;
    int64_t kernel_height, kernel_width, stride; /* of a window, in pixels */
    pwf_padding padding;
    /* Attributes that only op_NAME.c reads, which names their indices by an enum. */
    int64_t whole[PWF_NODE_ATTRIBUTES];
    float real[PWF_NODE_ATTRIBUTES];
} pwf_node;

/* Memory that the calls of a plan need. */
typedef struct pwf_need {
    size_t saved;     /* bytes of an image, kept from forward to backward */
    size_t kept;      /* bytes of the slot, 0 at first, kept from the first sums to the last call */
    size_t workspace; /* bytes during a call; undefined at its start */
    size_t packed;    /* bytes of prepacked weights; 0: the plan reads them as they are */
} pwf_need;

/* What a plan is made for. */
typedef struct pwf_plan_task {
    const pwf_node *node;
    pwf_tensor_backend backend;
    pwf_precision precision; /* of the operands of matrix products */
    int64_t images;          /* of a call */
    int64_t slot_images;     /* of a slot */
    bool training;
    bool backward;                  /* the calls planned for are backward, else forward */
    bool gradient[PWF_NODE_INPUTS]; /* dx of this input is needed */
} pwf_plan_task;

/* Arguments of a call for a group of images of a slot; every array of images begins at the first of
 * the group. dx is NULL if it is not needed. It is stored, or added if `add` is set, because an
 * earlier call has stored another reader's gradient. Parameter gradients are always added. */
typedef struct pwf_call {
    const pwf_node *node;
    void *plan;
    int64_t images; /* of the group */
    bool training;
    const float *x[PWF_NODE_INPUTS];
    float *y;
    const float *dy;
    float *dx[PWF_NODE_INPUTS];
    bool add[PWF_NODE_INPUTS];
    const float *weight, *bias;
    float *dweight, *dbias;
    const float *running_mean, *running_variance; /* in prediction; [C] */
    float *mean, *variance;                       /* out, in training: of this slot; [C] */
    pwf_targets targets;
    float scale;                    /* of the loss gradient */
    double *loss;                   /* the sum over images is added */
    void *saved, *kept, *workspace; /* as `need` asked for; aligned to 64 */
    void *packed; /* prepacked weights, written by `pack`; NULL: the call packs for itself */
} pwf_call;

/* A row of the table. A function that is NULL has a default or nothing to do; forward and backward
 * must be set. */
struct pwf_operator {
    const char *name;

    /* What the schedule and the memory plan must know. */
    bool needs_input;    /* backward reads x */
    bool needs_output;   /* backward reads y */
    bool saves;          /* backward reads what forward has saved */
    bool in_place;       /* y may be x[0], and dx[0] may be dy */
    bool cheap;          /* runs late, in the stage that reads it, to save memory */
    bool joins_branches; /* its result is kept when activations are recomputed */

    /* Multiplications and additions of the forward pass of one image. Set for matrix products only,
     * which read operands in pwf_plan_task.precision; recomputation keeps their results. */
    int64_t (*operations)(const pwf_node *node);

    /* Sets node->out, which is in[0] at first; fails with PWF_CONFIG. */
    pwf_status (*infer)(pwf_node *node);
    /* Sets *plan and *need, which are NULL and 0 at first. */
    pwf_status (*plan)(const pwf_plan_task *task, void **plan, pwf_need *need);
    void (*release)(void *plan);
    pwf_status (*forward)(const pwf_call *call);
    pwf_status (*backward)(const pwf_call *call);
    /* Prepacks the weights for the plan; needed where some plan asks for `packed` bytes. */
    pwf_status (*pack)(const pwf_call *call);

    /* For an operator whose training depends on all images of a slot; all four or none. `sums` adds
     * up what it needs of a group's x before forward. After the last group, `settle` turns the sums
     * into what forward reads (`images` is then that of the slot). The other two do the same with
     * dy before backward. */
    void (*sums)(const pwf_call *call);
    void (*settle)(const pwf_call *call);
    void (*sums_back)(const pwf_call *call);
    void (*settle_back)(const pwf_call *call);
};

/* Calls infer or plan of the operator, or applies the default if it is NULL. Fails as they do. */
pwf_status pwf_node_infer(pwf_node *node);
pwf_status pwf_node_plan(const pwf_plan_task *task, void **plan, pwf_need *need);

/* ---- shared by the operator files ---- */

#define PWF_OPERATOR_DECLARE(name) extern const pwf_operator pwf_op_##name;
PWF_OPERATORS(PWF_OPERATOR_DECLARE)

/* Adds a node, of which op, inputs, input and the operator's attributes are set. Does nothing after
 * a failure; the value is then 0, which nobody will use. */
pwf_value pwf_graph_apply(pwf_graph *graph, pwf_node node);

/* A node of one input; weight and bias may be NULL. */
static inline pwf_node pwf_node_of(const pwf_operator *op, pwf_value x, const pwf_param *weight,
                                   const pwf_param *bias)
{
    return (pwf_node){.op = op, .inputs = 1, .input = {x}, .weight = weight, .bias = bias};
}

/* Ends a graph with one or two heads: the cross-entropy of their logits [1, 1, classes]. */
pwf_value pwf_graph_cross_entropy(pwf_graph *graph, int heads, const pwf_value *logits,
                                  float smoothing);
pwf_value pwf_graph_mean(pwf_graph *graph, pwf_value a, pwf_value b);

/* The result has the shape of the inputs, which must be equal. */
pwf_status pwf_infer_equal(pwf_node *node);

/* The result has the shape of the input; parameters and buffers must have one value per channel. */
pwf_status pwf_infer_channels(pwf_node *node);

/* The window of a node on `images` images, with as many filters as the result has channels. */
pwf_conv_shape pwf_window_shape(const pwf_node *node, int64_t images);

/* The result of pooling. A kernel of height 0 becomes the whole image. */
pwf_status pwf_infer_pool(pwf_node *node);

/* dx = dy, or dx += dy; [count] */
void pwf_pass_gradient(float *dx, bool add, const float *dy, int64_t count);

static inline int64_t pwf_pixels(pwf_shape s)
{
    return s.height * s.width;
}

static inline int64_t pwf_elements(pwf_shape s)
{
    return s.height * s.width * s.channels;
}

/* Elements of the first input of a call. */
static inline int64_t pwf_call_elements(const pwf_call *call)
{
    return call->images * pwf_elements(call->node->in[0]);
}

/* The name of a parameter for messages. */
static inline const char *pwf_param_text(const pwf_param *p)
{
    return p->name ? p->name : "?";
}

#endif
