/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_SLOTS_H
#define PWF_TRAIN_SLOTS_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/infer/engine.h"

/* What the slots of a batch produce, and the buffers of a step. */
typedef struct pwf_batch {
    int64_t slots, images;  /* of a batch */
    int64_t buffers;        /* running statistics of the network */
    int64_t blocks;         /* of the whole flat vector */
    int64_t first, last;    /* slots [first, last) belong to this rank */
    int64_t *sum;           /* [total]: exact gradient sums, units of mesh/exact.h */
    float *dmu, *dsigma;    /* [own], [own posterior]: gradients of this rank's shard */
    double *norm;           /* [blocks]: sum of squares of the gradients of a block */
    double *slot_loss;      /* [slots] */
    float *slot_statistics; /* [slots, buffers]: batch means and variances */
    double loss, gradient_norm, clip, lr; /* of the last step */
    double seconds;                       /* work of this rank per slot in the last run */
} pwf_batch;

/* Allocates the buffers; `out` is all zeros.
 * Local. Fails with PWF_RESOURCE; pwf_batch_free releases what was made in either case. */
pwf_status pwf_batch_new(const pwf_engine *engine, pwf_batch *out);
void pwf_batch_free(pwf_batch *batch);

/* The mean loss over the images of a batch, from the losses of its slots. Local. */
double pwf_batch_loss(const pwf_batch *batch);

/* What the executors of slots are made for. Local. */
pwf_work pwf_slots_work(const pwf_config *config, pwf_precision precision);

/* Sets the gradient sums to 0. Local. */
void pwf_slots_clear(const pwf_engine *engine, const pwf_batch *batch);

/* Runs this rank's slots of the current batch over the workers. With `gradients` it adds their
 * gradients to batch->sum, which must be clear, and begins to reduce them; the caller ends the
 * reduction with pwf_exchange_reduce_end. Otherwise it computes statistics only, with losses of 0.
 * Afterwards every rank has the losses and statistics of all slots.
 * Collective over the mesh. The status is that of this rank, to be agreed on: PWF_NUMBERS for
 * losses or gradients that are not finite, PWF_RESOURCE, or as loading images fails. */
pwf_status pwf_slots_run(pwf_engine *engine, pwf_batch *batch, const pwf_position *position,
                         pwf_precision precision, bool gradients);

#endif
