/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_FACTS_H
#define PWF_RUNDIR_FACTS_H

#include "pwf/core/hash.h"

#include <stdint.h>

/** What a run says about itself in every file it writes. src/ckpt/fields.c lists how each member is
 * stored in a checkpoint. */

enum { PWF_FORMAT = 2 }; /* version of checkpoints that is written; older ones are read too */

/* Where a run stands. */
typedef struct pwf_position {
    int64_t phase;      /* pwf_phase of the trainer */
    int64_t round;      /* rounds finished */
    int64_t phase_step; /* steps done in the phase */
    int64_t step;       /* optimiser steps since the start */
    int64_t batches;    /* batches of the training data consumed */
} pwf_position;

enum { PWF_LOSSES_MAX = 100 };

/* The losses of the last steps of a phase, the newest last: the check for a loss spike compares the
 * next loss with them. */
typedef struct pwf_losses {
    int64_t count;
    double value[PWF_LOSSES_MAX]; /* zero from value[count] on */
} pwf_losses;

enum { PWF_FACT_TEXT = 256 }; /* bytes of a short text, with its NUL */

/* Plain memory except for `config`: ranks share it by a broadcast. */
typedef struct pwf_facts {
    pwf_position position;
    pwf_losses losses;
    int64_t seed, slots;
    char model[PWF_FACT_TEXT]; /* name */
    pwf_hash data;             /* of the training and test images; 0: unknown */
    const char *config;        /* resolved configuration, YAML; owned by whoever sets it */
    int64_t metrics_bytes;     /* length of metrics.jsonl */
    int64_t rounds_bytes;      /* length of rounds.csv */
    double seconds;            /* run time so far */
    /* set by the commit for the file that it writes */
    char program[PWF_FACT_TEXT]; /* name and version */
    int64_t shards, replicas;
} pwf_facts;

#endif
