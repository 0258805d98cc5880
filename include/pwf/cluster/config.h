/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CLUSTER_CONFIG_H
#define PWF_CLUSTER_CONFIG_H

#include "pwf/core/list.h"

/** The group `fixing` of the configuration. docs/reference/options.md describes each key. */

typedef enum pwf_sigma_join {
    PWF_JOIN_STD_MU,
    PWF_JOIN_KEEP,
    PWF_JOIN_DIVIDE_BY_2,
    PWF_JOIN_DIVIDE_BY_10,
    PWF_JOIN_COUNT
} pwf_sigma_join;

#define PWF_SIGMA_JOIN_WORDS "std_mu", "keep", "divide_by_2", "divide_by_10" /* in that order */

typedef enum pwf_compat { PWF_COMPAT_PAPER, PWF_COMPAT_REFERENCE } pwf_compat;

typedef enum pwf_export_choice {
    PWF_EXPORT_NONE,
    PWF_EXPORT_LAST,
    PWF_EXPORT_ALL
} pwf_export_choice;

typedef struct pwf_fixing_config {
    pwf_real_list fractions; /* share of all weights that is fixed after each round, rising */
    double first_epochs, epochs;
    double delta, delta_growth;
    int64_t max_order, min_power;
    bool zero_fix;
    pwf_sigma_join sigma_join;
    pwf_compat compat;
    pwf_text_list exclude; /* name patterns of parameters that are never fixed */
    pwf_export_choice export;
} pwf_fixing_config;

#endif
