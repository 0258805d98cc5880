/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums of doubles over all weights, in block order, with the same bits on any number of ranks.
 * Called by round.c, collectively. Every rank sums its own blocks; rank 0 gathers one double per
 * block, adds them in block order and broadcasts the total. */
#include "cluster.h"

/* Order of the ranges by position; empty ones last, whatever their position. */
static bool comes_before(pwf_range a, pwf_range b)
{
    if ((a.hi > a.lo) != (b.hi > b.lo)) return a.hi > a.lo;
    return a.lo < b.lo;
}

/* Insertion sort: ranges almost always come in rank order. */
static void sort_parts(const pwf_range *parts, int32_t *order, int ranks)
{
    for (int r = 0; r < ranks; r++) {
        int at = r;
        for (; at > 0 && comes_before(parts[r], parts[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = r;
    }
}

/* Asserts that the ranges are whole blocks without gaps or overlaps; anything else is a bug in the
 * caller. */
static void check_parts(const pwf_range *parts, const int32_t *order, int ranks, int64_t total)
{
    int64_t next = 0;
    for (int i = 0; i < ranks; i++) {
        const pwf_range part = parts[order[i]];
        if (part.hi <= part.lo) continue;
        PWF_ASSERT(part.lo == next && part.lo % PWF_BLOCK == 0);
        PWF_ASSERT(part.hi % PWF_BLOCK == 0 || part.hi == total);
        next = part.hi;
    }
    PWF_ASSERT(next == total);
}

/* `all`: on rank 0 the number of blocks of all ranks; negative elsewhere, where no space for them
 * is needed. */
static pwf_status allocate(pwf_block_sums *s, int64_t all, pwf_range **parts)
{
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, s->ranks, sizeof **parts, parts));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, s->ranks + 1, sizeof *s->offset, &s->offset));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, s->ranks, sizeof *s->order, &s->order));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, s->blocks, sizeof *s->own, &s->own));
    if (all >= 0) PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, all, sizeof *s->all, &s->all));
    return pwf_ok();
}

pwf_status pwf_block_sums_new(pwf_block_sums *sums, const pwf_mesh *mesh,
                              const pwf_round_weights *weights)
{
    pwf_range *parts = NULL;
    pwf_block_sums *s = sums;
    *s = (pwf_block_sums){0};
    s->ranks = pwf_mesh_size(mesh, PWF_WORLD);
    s->blocks = pwf_block_count(pwf_range_length(weights->own));
    const bool root = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    pwf_status status = allocate(s, root ? pwf_block_count(weights->total) : -1, &parts);
    status = pwf_mesh_agree(mesh, status);
    if (status.code == PWF_OK) {
        parts[pwf_mesh_rank(mesh, PWF_WORLD)] = weights->own;
        pwf_mesh_gather_items(mesh, PWF_WORLD, parts, sizeof *parts);
        sort_parts(parts, s->order, s->ranks);
        check_parts(parts, s->order, s->ranks, weights->total);
        s->offset[0] = 0;
        for (int r = 0; r < s->ranks; r++)
            s->offset[r + 1] =
                s->offset[r] + pwf_block_count(parts[r].hi - parts[r].lo) * (int64_t)sizeof *s->own;
    }
    pwf_mem_free(parts);
    if (status.code != PWF_OK) pwf_block_sums_free(s);
    return status;
}

void pwf_block_sums_free(pwf_block_sums *sums)
{
    pwf_mem_free(sums->all);
    pwf_mem_free(sums->offset);
    pwf_mem_free(sums->order);
    pwf_mem_free(sums->own);
    *sums = (pwf_block_sums){0};
}

/* Ranks are visited by the position of their range, so blocks are added in global order. */
double pwf_block_sums_total(const pwf_block_sums *sums, const pwf_mesh *mesh)
{
    const pwf_block_sums *s = sums;
    double total = 0.0;
    pwf_mesh_collect(mesh, s->own, (size_t)s->blocks * sizeof *s->own, s->all, s->offset);
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) {
        for (int i = 0; i < s->ranks; i++) {
            const int r = s->order[i];
            const int64_t end = s->offset[r + 1] / (int64_t)sizeof *s->all;
            for (int64_t k = s->offset[r] / (int64_t)sizeof *s->all; k < end; k++)
                total += s->all[k];
        }
    }
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, &total, sizeof total);
    return total;
}
