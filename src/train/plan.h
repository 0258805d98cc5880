/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_PLAN_H
#define PWF_TRAIN_PLAN_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/infer/engine.h"

/* The schedule of a run: steps of each phase, learning rates, total work. Everything is a pure
 * function of these facts and a position, so that a resumed run follows the same schedule. */
typedef struct pwf_plan {
    const pwf_config *config;
    int64_t train_images, test_images;
} pwf_plan;

/* Optimiser steps that make up a number of passes over the training images, at least one. Local. */
int64_t pwf_plan_steps(const pwf_plan *plan, double epochs);

/* Steps of ordinary training before the posterior starts; may be 0. Local. */
int64_t pwf_plan_baseline_steps(const pwf_plan *plan);

/* Steps of the phase of a position; 0 if it has none. Local. */
int64_t pwf_plan_phase_steps(const pwf_plan *plan, const pwf_position *position);

/* Learning rate of the next step. Local. */
double pwf_plan_lr(const pwf_plan *plan, const pwf_position *position);

/* Batches from which BatchNorm's statistics are estimated at the end. Local. */
int64_t pwf_plan_norm_batches(const pwf_plan *plan);

/* Work of a pass over the test images, and work left from a position to the end, both in units of
 * one training step. Local. */
double pwf_plan_pass_units(const pwf_plan *plan);
double pwf_plan_units(const pwf_plan *plan, const pwf_position *from);

enum { PWF_AGREED = 5 }; /* numbers reduced together with a status; agree.c lists them */

/* Bytes that all ranks together receive in a step, counted as pwf_mesh_traffic does, on a mesh of
 * `ranks` ranks and `shards` shards. Sets no seconds of `out`. Local. */
void pwf_plan_traffic(const pwf_engine *engine, int64_t ranks, int64_t shards, pwf_traffic *out);

#endif
