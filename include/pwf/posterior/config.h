/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_POSTERIOR_CONFIG_H
#define PWF_POSTERIOR_CONFIG_H

/** The group `posterior` of the configuration. docs/reference/options.md describes each key. Values
 * are rounded to fp32 where they are used. */

typedef struct pwf_posterior_config {
    double sigma_scale, sigma_min, sigma_max; /* start values of sigma */
    double reg_weight, reg_target;            /* regulariser that keeps sigma from collapsing */
} pwf_posterior_config;

#endif
