/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_RECOMPUTE_H
#define PWF_SRC_NN_RECOMPUTE_H

#include "schedule.h"

/* What the backward stages recompute instead of keeping it (parallel.recompute). No bit changes:
 * the same operators run on the same numbers, with the same group where bits may depend on it. */

/* Sets kept[node]: the result stays in memory from forward to backward. stage[node]: stage of its
 * forward action, below `stages`. redo: scratch, [nodes]. */
void pwf_recompute_keep(const pwf_graph *graph, const int *stage, int stages, bool *kept,
                        bool *redo);

/* Sets redo[node]: its forward action must be repeated before the backward action `action`, which
 * depends on its result. present[node]: results in memory, with what the operator has saved. */
void pwf_recompute_list(const pwf_graph *graph, const pwf_action *action, const bool *present,
                        bool *redo);

#endif
