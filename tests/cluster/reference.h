/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TEST_CLUSTER_REFERENCE_H
#define PWF_TEST_CLUSTER_REFERENCE_H

#include "pwf/cluster/round.h"

/** One fixing round implemented directly from docs/explanation/method.md, section 3, with a dense
 * matrix of centres by weights; for small inputs. `fixed` is read and written. The caller frees the
 * steps with free(). */
typedef struct reference_round {
    pwf_round_step *steps;
    int64_t count;
} reference_round;

reference_round reference_run(const pwf_fixing_config *settings, int64_t total, float *mu,
                              float *sigma, uint8_t *fixed);

/** The centres of a stage, computed as repeated sums of sets; the caller frees them with free(). */
int32_t *reference_centres(int64_t order, int64_t min_power, double largest, int64_t *count);

#endif
