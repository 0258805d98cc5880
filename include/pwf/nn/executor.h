/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_NN_EXECUTOR_H
#define PWF_NN_EXECUTOR_H

#include "pwf/core/status.h"
#include "pwf/nn/graph.h"

#include <stddef.h>

/** Takes one slot (a fixed number of images) through a graph, forward and backward, on one thread.
 * All memory is planned and allocated in pwf_executor_new. */

typedef struct pwf_executor pwf_executor;

typedef enum pwf_mode {
    PWF_MODE_TRAIN,     /* BatchNorm normalises within the slot; backward possible */
    PWF_MODE_RECOMPUTE, /* the same bits with less memory and more time (parallel.recompute) */
    PWF_MODE_PREDICT    /* BatchNorm uses the running statistics */
} pwf_mode;

/** Makes an executor for slots of `images` images; the operands of matrix products are rounded to
 * `precision`. The graph must outlive it.
 * Local; on the thread that will use it, after pwf_tensor_thread_start. The caller owns it. Fails
 * with PWF_RESOURCE, or PWF_CONFIG if a back end does not support a shape. */
pwf_status pwf_executor_new(const pwf_graph *graph, int64_t images, pwf_mode mode,
                            pwf_precision precision, pwf_executor **out);
void pwf_executor_free(pwf_executor *executor);

/** The array for the images of the next run: [images, H, W, C], normalised.
 * Local. Owned by the executor; the caller fills it before each run. */
float *pwf_executor_images(pwf_executor *executor);

/** Bytes of the prepacked weights, and the number of pieces in which they can be prepacked.
 * Prepacked weights serve all executors made with the same arguments until the weights change.
 * Local. */
size_t pwf_executor_packed(const pwf_executor *executor, int *pieces);

/** Prepacks piece `piece` of `weights` [flat total] into `packed`, which is aligned to 64.
 * Local; executors on several threads may do different pieces at the same time. Fails with PWF_BUG
 * if a library call fails. */
pwf_status pwf_executor_pack(pwf_executor *executor, const float *weights, void *packed, int piece);

/** Makes the calls below read prepacked weights, which must belong to the weights they are given;
 * NULL, the initial state: each call packs for itself. The results have the same bits.
 * Local. The caller owns `packed`. */
void pwf_executor_use_packed(pwf_executor *executor, void *packed);

/** Forward: logits [images, classes]. `weights` is the whole flat vector, `buffers` all buffers
 * (unused in training, may be NULL).
 * Local. *logits belongs to the executor and is valid until its next run. Fails with PWF_BUG if a
 * library call fails. */
pwf_status pwf_executor_forward(pwf_executor *executor, const float *weights, const float *buffers,
                                const float **logits);

/** The targets of a slot. With partners (mixed images) `share`, 0 to 1, of the target is the
 * label's and the rest its partner's; without partners (NULL), all of it is the label's. */
typedef struct pwf_targets {
    const int32_t *labels, *partners; /* [images] */
    float share;
} pwf_targets;

/** Forward, loss and backward, in training modes only.
 *   *loss = sum over images of the cross-entropy (unscaled, double, image order)
 *   dweights [flat total] += scale * d(sum of cross-entropies)/d weight
 *   statistics [buffers] = batch mean and unbiased variance of this slot, each at the offset of the
 *   running statistic that it updates
 * Local. Fails with PWF_BUG if a library call fails. */
pwf_status pwf_executor_train(pwf_executor *executor, const float *weights,
                              const pwf_targets *targets, float scale, float *dweights,
                              float *statistics, double *loss);

/** Reports that the gradient of weights [lo, lo + count) is complete for this slot; called on the
 * thread of the run. */
typedef void pwf_gradient_ready(void *context, int64_t lo, int64_t count);

/** Makes pwf_executor_train call `ready` once for each weight and bias, as soon as nothing more is
 * added to its gradient, the last layers first; NULL, the initial state: no calls.
 * Local. */
void pwf_executor_watch_gradients(pwf_executor *executor, pwf_gradient_ready *ready, void *context);

/** Forward for the statistics alone, as in pwf_executor_train; in training modes only.
 * Local. */
pwf_status pwf_executor_statistics(pwf_executor *executor, const float *weights, float *statistics);

/** Counts the seconds of each operator from now on, for benchmarks; the clock is read twice per
 * call.
 * Local. */
void pwf_executor_measure(pwf_executor *executor);

/** Seconds counted so far in operators of this name in PWF_OPERATORS, forward and backward;
 * recomputation counts as backward.
 * Local. */
void pwf_executor_seconds(const pwf_executor *executor, const char *name, double *forward,
                          double *backward);

#endif
