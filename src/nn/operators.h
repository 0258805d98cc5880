/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_OPERATORS_H
#define PWF_SRC_NN_OPERATORS_H

#include "pwf/nn/operator.h"
#include "pwf/tensor/kernels.h"

/* What the operator files share. */

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

/* Pooling: the shapes of result and call. A kernel of height 0 becomes the whole image. */
pwf_status pwf_infer_pool(pwf_node *node);
pwf_pool_shape pwf_pool_shape_of(const pwf_call *call);

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

/* Rows and columns of pixels that a window makes of the first input; below 1 if it does not fit. */
static inline int64_t pwf_window_rows(const pwf_node *n)
{
    return pwf_conv_extent(n->in[0].height, n->kernel_height, n->stride,
                           n->padding.top + n->padding.bottom);
}

static inline int64_t pwf_window_columns(const pwf_node *n)
{
    return pwf_conv_extent(n->in[0].width, n->kernel_width, n->stride,
                           n->padding.left + n->padding.right);
}

/* The name of a parameter for messages. */
static inline const char *pwf_param_text(const pwf_param *p)
{
    return p->name ? p->name : "?";
}

#endif
