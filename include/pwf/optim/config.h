/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_CONFIG_H
#define PWF_OPTIM_CONFIG_H

/** The group `optim` of the configuration. docs/options.md describes each key. */

typedef enum pwf_optimiser { PWF_OPTIMISER_SGD, PWF_OPTIMISER_ADAMW } pwf_optimiser;

typedef enum pwf_schedule_kind {
    PWF_SCHEDULE_CONSTANT,
    PWF_SCHEDULE_LINEAR,
    PWF_SCHEDULE_COSINE,
    PWF_SCHEDULE_STEP
} pwf_schedule_kind;

typedef struct pwf_optim_config {
    pwf_optimiser name;
    double lr, momentum, beta2, eps, weight_decay;
    double clip_norm; /* 0: gradients are not clipped */
    pwf_schedule_kind schedule;
    double warmup, step_epochs; /* epochs */
    double step_factor;
} pwf_optim_config;

#endif
