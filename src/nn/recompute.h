/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_RECOMPUTE_H
#define PWF_SRC_NN_RECOMPUTE_H

#include "schedule.h"

/* What is made again in the backward stages in place of being kept until then (parallel.recompute);
 * Chen et al. 2016. No bit changes: the same operators are called on the same numbers, and those
 * whose bits may depend on the images of a call with the same group. */

/* kept[node]: whether the result stays from forward to backward, if something there reads it.
 * stage[node]: that of its forward action, of `stages`. again: scratch, a flag for each node. */
void pwf_recompute_keep(const pwf_graph *graph, const int *stage, int stages, bool *kept,
                        bool *again);

/* again[node]: whether its forward action must stand once more before a backward one, as what that
 * reads follows from it and is not there. there[node]: results at hand, with what the operator has
 * saved. */
void pwf_recompute_list(const pwf_graph *graph, const pwf_action *action, const bool *there,
                        bool *again);

#endif
