/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_SELECT_H
#define PWF_CORE_SELECT_H

#include <stdint.h>

/** Order statistics. */

/** The k-th smallest of `count` values, k from 0; reorders them.
 * Local; any thread. No value may be NaN. */
double pwf_select(double *values, int64_t count, int64_t k);

/** The median (for an even number of values, the mean of the middle two); reorders them.
 * Local; any thread. No value may be NaN; `count` is at least 1. */
double pwf_median(double *values, int64_t count);

#endif
