/* SPDX-License-Identifier: BSD-3-Clause */
/* Packs blocks with known lifetimes into one allocation: greedy, largest block first, each at the
 * lowest offset that is free during its lifetime. Called once per executor; touches no other
 * memory.
 */
#include "arena.h"

#include <stdbool.h>
#include <stdlib.h>

static int larger_first(const void *a, const void *b)
{
    const pwf_arena_block *x = *(pwf_arena_block *const *)a, *y = *(pwf_arena_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x > y) - (x < y); /* the same plan in every run */
}

/* Whether two blocks are in use at the same time. */
static bool meet(const pwf_arena_block *a, const pwf_arena_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset with room for `b` among the placed blocks, sorted by offset, that are in use at
 * the same time. */
static size_t lowest(pwf_arena_block *const *placed, int count, const pwf_arena_block *b)
{
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (!meet(placed[i], b)) continue;
        if (placed[i]->offset >= at + b->bytes) break;
        const size_t end = placed[i]->offset + placed[i]->bytes;
        if (end > at) at = end;
    }
    return at;
}

/* Inserts `b` into `placed`, which stays sorted by offset. */
static void insert(pwf_arena_block **placed, int count, pwf_arena_block *b)
{
    int i = count;
    for (; i > 0 && placed[i - 1]->offset > b->offset; i--)
        placed[i] = placed[i - 1];
    placed[i] = b;
}

pwf_status pwf_arena_plan(pwf_arena_block *blocks, int count, size_t *total)
{
    *total = 0;
    pwf_arena_block **order = malloc(2 * ((size_t)count + 1) * sizeof *order);
    PWF_FAIL_IF(!order, PWF_RESOURCE, "no memory to plan %d arrays", count);
    pwf_arena_block **placed = order + count;
    for (int i = 0; i < count; i++) {
        blocks[i].bytes = (blocks[i].bytes + 63) / 64 * 64;
        order[i] = &blocks[i];
    }
    qsort(order, (size_t)count, sizeof *order, larger_first);
    for (int i = 0; i < count; i++) {
        order[i]->offset = lowest(placed, i, order[i]);
        insert(placed, i, order[i]);
        const size_t end = order[i]->offset + order[i]->bytes;
        if (end > *total) *total = end;
    }
    free(order);
    return pwf_ok();
}
