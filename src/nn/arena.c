/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena.h"

#include <stdbool.h>
#include <stdlib.h>

static int larger_first(const void *a, const void *b)
{
    const pwf_arena_block *x = *(pwf_arena_block *const *)a, *y = *(pwf_arena_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x > y) - (x < y); /* the same plan in every run */
}

static int lower_first(const void *a, const void *b)
{
    const pwf_arena_block *x = *(pwf_arena_block *const *)a, *y = *(pwf_arena_block *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static bool meet(const pwf_arena_block *a, const pwf_arena_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest gap between the blocks in `taken` (sorted by offset) that holds `bytes`. */
static size_t lowest(pwf_arena_block *const *taken, int count, size_t bytes)
{
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (taken[i]->offset >= at + bytes) break;
        const size_t end = taken[i]->offset + taken[i]->bytes;
        if (end > at) at = end;
    }
    return at;
}

pwf_status pwf_arena_plan(pwf_arena_block *blocks, int count, size_t *total)
{
    *total = 0;
    pwf_arena_block **order = malloc(2 * ((size_t)count + 1) * sizeof *order);
    if (!order) return PWF_FAIL(PWF_RESOURCE, "no memory to plan %d arrays", count);
    pwf_arena_block **taken = order + count;
    for (int i = 0; i < count; i++) {
        blocks[i].bytes = (blocks[i].bytes + 63) / 64 * 64;
        order[i] = &blocks[i];
    }
    qsort(order, (size_t)count, sizeof *order, larger_first);
    for (int i = 0; i < count; i++) {
        int n = 0;
        for (int j = 0; j < i; j++)
            if (meet(order[i], order[j])) taken[n++] = order[j];
        qsort(taken, (size_t)n, sizeof *taken, lower_first);
        order[i]->offset = lowest(taken, n, order[i]->bytes);
        const size_t end = order[i]->offset + order[i]->bytes;
        if (end > *total) *total = end;
    }
    free(order);
    return pwf_ok();
}
