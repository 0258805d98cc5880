/* SPDX-License-Identifier: BSD-3-Clause */
/* The exchanges of a step: the gather of sampled or mean weights along the shard axis, in fp32 or
 * rounded to bf16, and the reduction of gradients over all ranks. Called by training, evaluation
 * and prediction on the MPI thread; gradients are added by any worker. Communicates through mesh;
 * owns its plans and buffers only. */
#include "pwf/core/bits.h"
#include "pwf/core/mem.h"
#include "pwf/mesh/pending.h"
#include "pwf/mesh/reduction.h"
#include "pwf/shard/shard.h"

struct pwf_exchange {
    const pwf_mesh *mesh;
    int64_t total;     /* elements of the flat vector */
    pwf_range own;     /* this rank's shard */
    int64_t *elements; /* [shards + 1] offsets of the shards in elements */
    int64_t *blocks;   /* [shards + 1] offsets of their blocks in bytes, one double per block */
    pwf_pending *gather;
    int64_t rounded; /* elements at the front that a rounded gather sends as bf16 */
    uint16_t *half;  /* [rounded] send and receive buffer; NULL if rounded == 0 or one shard */
    pwf_pending *gather_half,
        *gather_rest; /* of the rounded elements and the others; NULL as `half` */
    float *gathering; /* the vector of the gather in progress */
    bool halved;      /* the gather in progress is rounded */
    pwf_reduction *reduction;
};

/* Plans a gather of the elements in `part` only, of `size` bytes each. */
static pwf_status plan_gather(const pwf_exchange *e, pwf_range part, int64_t size,
                              pwf_pending **out)
{
    const int ranks = pwf_mesh_size(e->mesh, PWF_SHARD);
    int64_t *bytes = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, ranks + 1, sizeof *bytes, &bytes));
    for (int r = 0; r < ranks; r++) {
        const int64_t end = pwf_range_meet((pwf_range){part.lo, e->elements[r + 1]}, part).hi;
        bytes[r + 1] = (end - part.lo) * size;
    }
    const pwf_status status = pwf_pending_new(e->mesh, PWF_SHARD, bytes, out);
    pwf_mem_free(bytes);
    return status;
}

/* Buffer and plans of the rounded gather, if it differs from the plain one. */
static pwf_status plan_rounded(pwf_exchange *e)
{
    const pwf_range half = {0, e->rounded}, rest = {e->rounded, e->total};
    if (e->rounded == 0 || pwf_mesh_size(e->mesh, PWF_SHARD) == 1) return pwf_ok();
    PWF_TRY(pwf_mem_alloc(PWF_MEM_WEIGHTS, e->rounded, sizeof *e->half, &e->half));
    PWF_TRY(plan_gather(e, half, (int64_t)sizeof *e->half, &e->gather_half));
    return plan_gather(e, rest, (int64_t)sizeof(float), &e->gather_rest);
}

/* On failure *out may be partly allocated; the caller frees it. */
static pwf_status plan(const pwf_mesh *mesh, int64_t total, int64_t rounded, pwf_exchange **out)
{
    const int size = pwf_mesh_size(mesh, PWF_SHARD);
    PWF_ASSERT(rounded >= 0 && rounded <= total);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof **out, out));
    pwf_exchange *e = *out;
    e->mesh = mesh;
    e->total = total;
    e->rounded = rounded;
    e->own = pwf_shard_range(total, size, pwf_mesh_rank(mesh, PWF_SHARD));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size + 1, sizeof *e->elements, &e->elements));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size + 1, sizeof *e->blocks, &e->blocks));
    for (int r = 0; r < size; r++) {
        const int64_t end = pwf_shard_range(total, size, r).hi;
        e->elements[r + 1] = end;
        e->blocks[r + 1] = pwf_block_count(end) * (int64_t)sizeof(double);
    }
    /* Element ranges of all shards are known everywhere, so no rank has to send its own. */
    PWF_TRY(plan_gather(e, (pwf_range){0, total}, (int64_t)sizeof(float), &e->gather));
    PWF_TRY(plan_rounded(e));
    return pwf_reduction_new(mesh, e->elements, &e->reduction);
}

pwf_status pwf_exchange_new(const pwf_mesh *mesh, int64_t total, int64_t rounded,
                            pwf_exchange **out)
{
    *out = NULL;
    /* A different total on one rank would make the gathers below inconsistent. */
    PWF_TRY(pwf_mesh_same(mesh, &total, sizeof total, "number of parameters"));
    pwf_exchange *e = NULL;
    const pwf_status status = pwf_mesh_agree(mesh, plan(mesh, total, rounded, &e));
    if (status.code != PWF_OK) {
        pwf_exchange_free(e);
        return status;
    }
    *out = e;
    return pwf_ok();
}

void pwf_exchange_free(pwf_exchange *exchange)
{
    if (exchange == NULL) return;
    pwf_reduction_free(exchange->reduction);
    pwf_pending_free(exchange->gather);
    pwf_pending_free(exchange->gather_half);
    pwf_pending_free(exchange->gather_rest);
    pwf_mem_free(exchange->half);
    pwf_mem_free(exchange->elements);
    pwf_mem_free(exchange->blocks);
    pwf_mem_free(exchange);
}

pwf_range pwf_exchange_own(const pwf_exchange *exchange)
{
    return exchange->own;
}

/* Arguments of convert_block. */
typedef struct halving {
    uint16_t *half;
    float *full;
    pwf_range range;
    bool narrow; /* fp32 to bf16; otherwise back */
} halving;

/* Converts block `task` of the range. Dropping the lower half is exact for bf16 values. */
static void convert_block(void *context, int task, int worker)
{
    (void)worker;
    const halving *h = context;
    const int64_t first = h->range.lo + (int64_t)task * PWF_BLOCK;
    const pwf_range b = pwf_range_meet((pwf_range){first, first + PWF_BLOCK}, h->range);
    uint16_t *restrict half = h->half;
    float *restrict full = h->full;
    if (h->narrow)
        for (int64_t i = b.lo; i < b.hi; i++)
            half[i] = (uint16_t)(pwf_float_bits(full[i]) >> 16);
    else
        for (int64_t i = b.lo; i < b.hi; i++)
            full[i] = pwf_bf16_value(half[i]);
}

/* Converts a range on all threads. */
static void convert(const pwf_exchange *e, pwf_pool *pool, float *full, pwf_range range,
                    bool narrow)
{
    halving h = {e->half, full, range, narrow};
    pwf_pool_run(pool, (int)pwf_block_count(pwf_range_length(range)), convert_block, &h);
}

void pwf_exchange_gather_begin(pwf_exchange *exchange, pwf_pool *pool, float *full, bool rounded)
{
    exchange->gathering = full;
    exchange->halved = rounded && exchange->half;
    if (!exchange->halved) {
        pwf_pending_begin(exchange->gather, full);
        return;
    }
    convert(exchange, pool, full, pwf_range_meet(exchange->own, (pwf_range){0, exchange->rounded}),
            true);
    pwf_pending_begin(exchange->gather_half, exchange->half);
    pwf_pending_begin(exchange->gather_rest, full + exchange->rounded);
}

void pwf_exchange_gather_end(pwf_exchange *exchange, pwf_pool *pool)
{
    const int64_t n = exchange->rounded, lo = exchange->own.lo < n ? exchange->own.lo : n;
    const int64_t hi = exchange->own.hi < n ? exchange->own.hi : n;
    if (!exchange->halved) {
        pwf_pending_end(exchange->gather);
        return;
    }
    /* This rank's range already holds fp32; only the elements before and after it are widened,
     * while the second gather is still in progress. */
    pwf_pending_end(exchange->gather_half);
    convert(exchange, pool, exchange->gathering, (pwf_range){0, lo}, false);
    convert(exchange, pool, exchange->gathering, (pwf_range){hi, n}, false);
    pwf_pending_end(exchange->gather_rest);
}

bool pwf_exchange_move(void *exchange)
{
    const pwf_exchange *e = exchange;
    /* All of them, without short-circuit: each makes progress only when called. */
    bool moves = pwf_pending_move(e->gather);
    if (e->half) {
        moves |= pwf_pending_move(e->gather_half);
        moves |= pwf_pending_move(e->gather_rest);
    }
    return moves | pwf_reduction_move(e->reduction);
}

void pwf_exchange_reduce_begin(pwf_exchange *exchange, int64_t *sum, int64_t times)
{
    pwf_reduction_begin(exchange->reduction, sum, times);
}

bool pwf_exchange_add(pwf_exchange *exchange, const float *gradient, int64_t lo, int64_t count)
{
    PWF_ASSERT(count <= exchange->total - lo);
    return pwf_reduction_add(exchange->reduction, gradient, lo, count);
}

void pwf_exchange_reduce_end(pwf_exchange *exchange)
{
    pwf_reduction_end(exchange->reduction);
}

void pwf_exchange_gather_blocks(const pwf_exchange *exchange, double *blocks)
{
    pwf_mesh_gather(exchange->mesh, PWF_SHARD, blocks, exchange->blocks);
}
