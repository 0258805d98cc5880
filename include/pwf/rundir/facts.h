/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_FACTS_H
#define PWF_RUNDIR_FACTS_H

#include "pwf/core/hash.h"

#include <stdint.h>

/** The facts that a run stores in its checkpoints and models, and how the file stores each of them.
 * docs/how-to/add-a-checkpoint-field.md shows how to add one. */

enum { PWF_FORMAT = 2 }; /* version of the checkpoints written; older ones are read, too */

enum { PWF_FACT_TEXT = 256 }; /* bytes of a short text, with its NUL */

enum { PWF_LOSSES_MAX = 100 };

/* The losses of the last steps of a phase, the newest last: the check for a loss spike compares the
 * next loss with them. */
typedef struct pwf_losses {
    int64_t count;
    double value[PWF_LOSSES_MAX]; /* zero from value[count] on */
} pwf_losses;

/* The fields of a checkpoint. A row makes a member of one of the two structs below, and a row of
 * the table in src/ckpt/fields.c, which drives everything else:
 *
 *   FIELD(type, member, dataset, since, fingerprint, resume, name)
 *
 * src/ckpt/fields.h explains type and columns. Rows are in the order in which the datasets are
 * created, which decides the bytes of the file; those of one group are adjacent. */

/* The position of a run. */
#define PWF_POSITION_FIELDS(FIELD)                                                                 \
    FIELD(COUNT, phase, "/state/phase", 1, 1, TAKE, NULL)           /* pwf_phase of the trainer */ \
    FIELD(COUNT, round, "/state/round", 1, 2, TAKE, NULL)           /* rounds finished */          \
    FIELD(COUNT, phase_step, "/state/phase_step", 1, 3, TAKE, NULL) /* steps done in the phase */  \
    FIELD(COUNT, step, "/state/step", 1, 4, TAKE, NULL) /* optimiser steps since the start */      \
    FIELD(COUNT, batches, "/state/batches", 1, 5, TAKE, NULL) /* training batches consumed */

/* The other facts. STAMPED fields describe the file rather than the run: writing it sets them to
 * `value`, an expression in which `mesh` is the mesh that writes. What depends on ranks, time or
 * paths is in /run, outside the fingerprint. `losses` should be part of the fingerprint, because it
 * decides which steps are rerun; adding it changes every fingerprint, so it waits for the next
 * format version. */
#define PWF_FACT_FIELDS(FIELD, STAMPED)                                                            \
    FIELD(I64, seed, "/state/seed", 1, 6, SAME, "train.seed")                                      \
    FIELD(I64, slots, "/state/slots", 1, 7, SAME, "parallel.slots")                                \
    FIELD(LOSSES, losses, "/state/losses", 2, 0, TAKE, NULL)                                       \
    FIELD(TEXT, model, "/model", 1, 9, SAME, "model.name")                                         \
    FIELD(HASH, data, "/data_hash", 1, 8, SAME, "the hash of the training and test images")        \
    FIELD(LONG_TEXT, config, "/run/config", 1, 0, KEEP, NULL) /* YAML; owned by whoever sets it */ \
    STAMPED("pwf " PWF_VERSION, TEXT, program, "/run/program", 1, 0, KEEP, NULL)                   \
    FIELD(COUNT, metrics_bytes, "/run/metrics_bytes", 1, 0, TAKE, NULL) /* of metrics.jsonl */     \
    FIELD(COUNT, rounds_bytes, "/run/rounds_bytes", 1, 0, TAKE, NULL)   /* of rounds.csv */        \
    FIELD(F64, seconds, "/run/seconds", 1, 0, TAKE, NULL)               /* run time so far */      \
    STAMPED(pwf_mesh_size(mesh, PWF_SHARD), I64, shards, "/run/shards", 1, 0, KEEP, NULL)          \
    STAMPED(pwf_mesh_size(mesh, PWF_REPLICA), I64, replicas, "/run/replicas", 1, 0, KEEP, NULL)

/* The member of a row, by its type. */
#define PWF_MEMBER_I64(name) int64_t name;
#define PWF_MEMBER_COUNT(name) int64_t name;
#define PWF_MEMBER_F64(name) double name;
#define PWF_MEMBER_HASH(name) pwf_hash name;
#define PWF_MEMBER_TEXT(name) char name[PWF_FACT_TEXT];
#define PWF_MEMBER_LONG_TEXT(name) const char *name;
#define PWF_MEMBER_LOSSES(name) pwf_losses name;
#define PWF_MEMBER(type, name, ...) PWF_MEMBER_##type(name)
#define PWF_STAMPED_MEMBER(value, ...) PWF_MEMBER(__VA_ARGS__)

typedef struct pwf_position {
    PWF_POSITION_FIELDS(PWF_MEMBER)
} pwf_position;

/* Plain memory except for `config`: ranks share it by a broadcast. */
typedef struct pwf_facts {
    pwf_position position;
    PWF_FACT_FIELDS(PWF_MEMBER, PWF_STAMPED_MEMBER)
} pwf_facts;

#endif
