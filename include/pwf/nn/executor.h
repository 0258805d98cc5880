/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_NN_EXECUTOR_H
#define PWF_NN_EXECUTOR_H

#include "pwf/core/status.h"
#include "pwf/nn/graph.h"

#include <stddef.h>

/** Takes one slot (a fixed number of images) through a graph, forward and backward, on one thread.
 * All memory is planned and allocated when it is made. */

typedef struct pwf_executor pwf_executor;

typedef enum pwf_mode {
    PWF_MODE_TRAIN,     /* BatchNorm normalises within the slot; backward possible */
    PWF_MODE_RECOMPUTE, /* the same bits in less memory and more time: forward again in backward */
    PWF_MODE_PREDICT    /* BatchNorm uses the running statistics */
} pwf_mode;

/** Makes an executor for `images` images, whose products have operands of `precision`; the graph
 * must outlive it.
 * Local; on the thread that will use it, after pwf_tensor_thread_start. The caller owns it. Fails
 * with PWF_RESOURCE, or PWF_CONFIG when a back end cannot do an operator. */
pwf_status pwf_executor_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_precision precision, pwf_executor **out);
void pwf_executor_free(pwf_executor *executor);

/** Where the caller puts the images before a run: [images, H, W, C], normalised.
 * Local. Owned by the executor. */
float *pwf_executor_images(pwf_executor *executor);

/** Bytes of the weights in the order that the executor's products like, and the number of pieces in
 * which they can be brought into it. Done once, it serves all executors made with the same
 * arguments until the weights change; the results have the same bits.
 * Local. */
size_t pwf_executor_packed(const pwf_executor *executor, int *pieces);

/** Brings piece `piece` of `weights` into order; `packed` is aligned to 64.
 * Local; pieces may be done by several executors on their threads at the same time. Fails with
 * PWF_BUG when a library call fails. */
pwf_status pwf_executor_pack(pwf_executor *executor, const float *weights, void *packed, int piece);

/** From now on the calls below take the weights of products from `packed`, made of the weights they
 * are given; NULL, as at first: each brings them into order itself.
 * Local. */
void pwf_executor_use_packed(pwf_executor *executor, void *packed);

/** Forward: logits [images, classes]. `weights` is the whole flat vector, `buffers` all buffers
 * (unused in training, may be NULL).
 * Local. Fails with PWF_BUG when a library call fails. */
pwf_status pwf_executor_forward(pwf_executor *executor, const float *weights, const float *buffers,
                                const float **logits);

/** What a slot's images are to be told as: `share` of a label's target and the rest of its
 * partner's, in the interval from 0 to 1; without partners (NULL) the label's alone. */
typedef struct pwf_targets {
    const int32_t *labels, *partners; /* [images] */
    float share;
} pwf_targets;

/** Training modes only: forward, loss and backward.
 *   *loss = sum over images of the cross-entropy (unscaled, double, image order)
 *   dweights [flat total] += scale * d(sum of cross-entropies)/d weight
 *   statistics [buffers] = this slot's batch mean and unbiased variance, in the places of the
 *   running statistics they feed
 * Local. Fails with PWF_BUG when a library call fails. */
pwf_status pwf_executor_train(pwf_executor *executor, const float *weights,
                              const pwf_targets *targets, float scale, float *dweights,
                              float *statistics, double *loss);

/** Told on the thread of a run: the slot's gradient of weights [lo, lo + count) is whole. */
typedef void pwf_gradient_whole(void *context, int64_t lo, int64_t count);

/** From now on pwf_executor_train calls `whole` for each weight and bias of the graph, once, as
 * soon as nothing more will be added to its gradient, the last layers first; NULL, as at first:
 * nobody is told.
 * Local. */
void pwf_executor_tell(pwf_executor *executor, pwf_gradient_whole *whole, void *context);

/** Training modes only: forward for the statistics alone, as above.
 * Local. */
pwf_status pwf_executor_statistics(pwf_executor *executor, const float *weights, float *statistics);

/** Counts the seconds of each operator from now on, for benchmarks; the clock is read twice per
 * call.
 * Local. */
void pwf_executor_measure(pwf_executor *executor);

/** Seconds counted so far in operators of this name (see operator.h), forward and backward;
 * recomputation counts as backward.
 * Local. */
void pwf_executor_seconds(const pwf_executor *executor, const char *name, double *forward,
                          double *backward);

#endif
