/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_NN_GRAPH_H
#define PWF_NN_GRAPH_H

#include "pwf/core/status.h"
#include "pwf/registry/registry.h"
#include "pwf/tensor/conv.h"

/** A network as a list of operators over values; a model builds it once, then it is read-only.
 *
 * A value is an image batch [images, H, W, C], named by a small integer. Tokens [images, T, C] are
 * its pixels in row order, whatever H and W. The graph remembers the first failure; later calls
 * then do nothing and pwf_graph_close returns it, so that a model reads like its formula. Shapes
 * are inferred as the graph grows. All functions are local. */

typedef struct pwf_graph pwf_graph;
typedef int pwf_value;

/** The operators. NAME is defined in src/nn/op_NAME.c (linear in op_conv2d.c) as pwf_op_NAME, with
 * its function pwf_graph_NAME. A new operator is a row here and a function below. */
#define PWF_OPERATORS(ROW)                                                                         \
    ROW(conv2d)                                                                                    \
    ROW(linear)                                                                                    \
    ROW(batch_norm)                                                                                \
    ROW(relu)                                                                                      \
    ROW(add)                                                                                       \
    ROW(max_pool)                                                                                  \
    ROW(avg_pool)                                                                                  \
    ROW(concat)                                                                                    \
    ROW(layer_norm)                                                                                \
    ROW(gelu)                                                                                      \
    ROW(hardswish)                                                                                 \
    ROW(attention)                                                                                 \
    ROW(prepend_token)                                                                             \
    ROW(add_embedding)                                                                             \
    ROW(select_token)                                                                              \
    ROW(mean)                                                                                      \
    ROW(cross_entropy)

/** An empty graph whose value 0 is the input image.
 * Local. The caller owns it. Fails with PWF_RESOURCE. */
pwf_status pwf_graph_new(pwf_tensor_backend backend, int64_t height, int64_t width,
                         int64_t channels, pwf_graph **out);
void pwf_graph_free(pwf_graph *graph);

/** Convolution with weight [K, C/groups, R, S] and bias [K] or NULL; stride and padding in pixels.
 * The parameters belong to a registry that outlives the graph; their offsets are read when an
 * executor is made.
 * Local. */
pwf_value pwf_graph_conv2d(pwf_graph *graph, pwf_value x, const pwf_param *weight,
                           const pwf_param *bias, int64_t stride, pwf_padding padding,
                           int64_t groups);

/** Linear layer on each pixel or token; weight [K, C], bias [K] or NULL.
 * Local. */
pwf_value pwf_graph_linear(pwf_graph *graph, pwf_value x, const pwf_param *weight,
                           const pwf_param *bias);

/** Batch normalisation, eps 1e-5: scale [C], shift [C] and the buffers of the running statistics.
 * Local. */
pwf_value pwf_graph_batch_norm(pwf_graph *graph, pwf_value x, const pwf_param *scale,
                               const pwf_param *shift, const pwf_buffer *mean,
                               const pwf_buffer *variance);

/** max(x, 0).
 * Local. */
pwf_value pwf_graph_relu(pwf_graph *graph, pwf_value x);

/** x times the normal distribution function of x; exact, not the approximation by tanh.
 * Local. */
pwf_value pwf_graph_gelu(pwf_graph *graph, pwf_value x);

/** x min(max(x + 3, 0), 6) / 6.
 * Local. */
pwf_value pwf_graph_hardswish(pwf_graph *graph, pwf_value x);

/** Sum of two values of equal shape.
 * Local. */
pwf_value pwf_graph_add(pwf_graph *graph, pwf_value a, pwf_value b);

/** Maximum over a square window.
 * Local. */
pwf_value pwf_graph_max_pool(pwf_graph *graph, pwf_value x, int64_t kernel, int64_t stride,
                             pwf_padding padding);

/** Mean over a square window, and over all pixels of each image.
 * Local. */
pwf_value pwf_graph_avg_pool(pwf_graph *graph, pwf_value x, int64_t kernel, int64_t stride);
pwf_value pwf_graph_global_pool(pwf_graph *graph, pwf_value x);

/** The channels of `count` values (1 to 4) of equal height and width, in order.
 * Local. */
pwf_value pwf_graph_concat(pwf_graph *graph, int count, const pwf_value *x);

/** Layer normalisation of each token, eps 1e-6: scale [C], shift [C].
 * Local. */
pwf_value pwf_graph_layer_norm(pwf_graph *graph, pwf_value x, const pwf_param *scale,
                               const pwf_param *shift);

/** Softmax attention among the tokens of an image: qkv [T, 3 C] to [T, C], C divided among `heads`,
 * in the order of timm's blocks.N.attn.qkv.
 * Local. */
pwf_value pwf_graph_attention(pwf_graph *graph, pwf_value qkv, int64_t heads);

/** Puts token [C] before the tokens of every image.
 * Local. */
pwf_value pwf_graph_prepend_token(pwf_graph *graph, pwf_value x, const pwf_param *token);

/** Adds embedding [T, C] to every image.
 * Local. */
pwf_value pwf_graph_add_embedding(pwf_graph *graph, pwf_value x, const pwf_param *embedding);

/** One token of each image, counted from 0.
 * Local. */
pwf_value pwf_graph_select_token(pwf_graph *graph, pwf_value x, int64_t token);

/** Before the graph is closed: moves `share` (0 to below 1) of the training target from the label
 * evenly to all classes.
 * Local. */
void pwf_graph_smooth_labels(pwf_graph *graph, float share);

/** Ends the graph with the cross-entropy of `logits`, a value of one pixel. Some operator must read
 * every value.
 * Local. Fails with the first failure since pwf_graph_new: PWF_CONFIG (shapes that do not fit) or
 * PWF_RESOURCE. */
pwf_status pwf_graph_close(pwf_graph *graph, pwf_value logits);

/** Ends the graph of a network with two heads: the loss is the mean of their cross-entropies, the
 * prediction the mean of their logits.
 * Local. Fails as pwf_graph_close. */
pwf_status pwf_graph_close_heads(pwf_graph *graph, pwf_value a, pwf_value b);

/** Shape of the input image and number of classes of a closed graph.
 * Local. */
void pwf_graph_shape(const pwf_graph *graph, int64_t *height, int64_t *width, int64_t *channels,
                     int64_t *classes);

#endif
