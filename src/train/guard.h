/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_GUARD_H
#define PWF_TRAIN_GUARD_H

#include "slots.h"

/* Detects numbers that must not reach the state or a checkpoint: values that are not finite, loss
 * spikes, ranks whose states diverge, memory that changes by itself.
 * docs/explanation/reliability.md has the order of remedies; step.c and rollback.c carry them out.
 */
typedef struct pwf_guard {
    const pwf_engine *engine;
    const pwf_snapshot *now; /* the live state, position and losses */
    const pwf_batch *batch;  /* results of the step under way */
    bool received;   /* losses, statistics and norms of the step under way are on all ranks */
    bool at_rest;    /* the shard has not changed since `rest` was computed */
    pwf_hash *rest;  /* hashes of the shard's blocks, as pwf_state_hash_block lays them out */
    pwf_hash *found; /* the same, computed for a comparison */
    int changed;     /* on some rank the memory at rest had changed */
    bool diverged;   /* the ranks hold different states */
    int skipped;     /* steps in a row without an update */
    int rollbacks;   /* in a row, without a checkpoint in between */
} pwf_guard;

/* Prepares a guard; all pointers are borrowed.
 * Local. Fails with PWF_RESOURCE; pwf_guard_free releases what was made in either case. */
pwf_status pwf_guard_new(const pwf_engine *engine, const pwf_snapshot *now, const pwf_batch *batch,
                         pwf_guard *out);
void pwf_guard_free(pwf_guard *guard);

/* Checks that this rank's statistics and norms of the step under way are finite and that the loss
 * is no spike; pwf_workers_status checks the losses. Local; fails with PWF_NUMBERS. */
pwf_status pwf_guard_check_step(const pwf_guard *guard);

/* Checks that this rank's state is finite and may be saved. Local; fails with PWF_NUMBERS. */
pwf_status pwf_guard_check_state(const pwf_guard *guard);

/* Compares hashes of what ranks hold in common: the replicated part of the state on all ranks, the
 * shard on its replicas, what the ranks received in the step under way. Collective; fails with
 * PWF_NUMBERS, naming the rank that differs from the majority, and sets `diverged` unless only the
 * last of these differs. */
pwf_status pwf_guard_compare(pwf_guard *guard);

/* A hash of the replicated state and of what was received, to be compared in the reduction that
 * every step makes; 0 on one rank. Local. */
int pwf_guard_hash(const pwf_guard *guard);

/* Memory at rest: pwf_guard_rest hashes the shard after a change of the state that is not a step.
 * An update hashes each block just after computing it (pwf_guard_rest_block), then marks the shard
 * as at rest; pwf_guard_disturb is called before any other change. pwf_guard_check_rest hashes the
 * shard again: a difference means that memory changed by itself; it fails with PWF_NUMBERS and sets
 * `changed`. All Local; rest_block on any thread. */
void pwf_guard_rest(pwf_guard *guard);
void pwf_guard_rest_block(const pwf_guard *guard, int64_t block);
void pwf_guard_mark_rest(pwf_guard *guard);
void pwf_guard_disturb(pwf_guard *guard);
pwf_status pwf_guard_check_rest(pwf_guard *guard);

/* The fingerprint of the state as 32 hexadecimal digits. Collective; fails with PWF_RESOURCE. */
pwf_status pwf_guard_fingerprint(pwf_guard *guard, char text[33]);

/* Whether a loss is a spike with respect to the last losses of the phase: above `factor` times the
 * largest of them; or above twice the largest and 8 robust standard deviations above their median.
 * It never is with factor 0, in the first 20 steps of a phase, or below the loss of guessing among
 * `classes` classes. `batch` is the number of images in a loss. Local. */
bool pwf_losses_spike(const pwf_losses *past, double loss, double factor, int64_t classes,
                      int64_t batch);

/* Appends a loss, dropping the oldest of PWF_LOSSES_MAX. Local. */
void pwf_losses_add(pwf_losses *past, double loss);

#endif
