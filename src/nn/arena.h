/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_NN_ARENA_H
#define PWF_SRC_NN_ARENA_H

#include "pwf/core/status.h"

#include <stddef.h>

/* One allocation shared by blocks that are in use at different times. */

typedef struct pwf_arena_block {
    size_t bytes;
    int first, last; /* times at which it is in use, both included */
    size_t offset;   /* out; a multiple of 64 */
} pwf_arena_block;

/* Sets the offset of every block and rounds its bytes up to a cache line; *total gets the bytes of
 * the arena. Fails with PWF_RESOURCE. */
pwf_status pwf_arena_plan(pwf_arena_block *blocks, int count, size_t *total);

#endif
