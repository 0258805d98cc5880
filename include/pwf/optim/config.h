/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_CONFIG_H
#define PWF_OPTIM_CONFIG_H

/** The group `optim` of the configuration; docs/reference/options.md describes each key. */

/* One row per optimiser: its name and its description in the help. The optimiser itself is
 * src/optim/optimiser_NAME.c. Checkpoints store the name, not its number, so rows may be added
 * anywhere. */
#define PWF_OPTIMISERS(ROW)                                                                        \
    ROW(sgd, "SGD with momentum")                                                                  \
    ROW(adamw, "AdamW (Loshchilov and Hutter 2019)")                                               \
    ROW(lion, "Lion (Chen et al. 2023)")

#define PWF_OPTIMISER_INDEX(name, text) PWF_OPTIMISER_##name,
typedef enum pwf_optimiser_name {
    PWF_OPTIMISERS(PWF_OPTIMISER_INDEX) PWF_OPTIMISER_COUNT
} pwf_optimiser_name;
#undef PWF_OPTIMISER_INDEX

typedef enum pwf_schedule_kind {
    PWF_SCHEDULE_CONSTANT,
    PWF_SCHEDULE_LINEAR,
    PWF_SCHEDULE_COSINE,
    PWF_SCHEDULE_STEP
} pwf_schedule_kind;

typedef struct pwf_optim_config {
    pwf_optimiser_name name;
    double lr, momentum, beta2, eps, weight_decay;
    double clip_norm; /* 0: gradients are not clipped */
    pwf_schedule_kind schedule;
    double warmup, step_epochs; /* epochs */
    double step_factor;
} pwf_optim_config;

#endif
