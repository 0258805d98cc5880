/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/shard/shard.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t pwf_block_count(int64_t n)
{
    return n / PWF_BLOCK + (n % PWF_BLOCK != 0);
}

/* floor(rank * blocks / size) without the product, which could overflow. */
static int64_t first_block(int64_t blocks, int size, int rank)
{
    return blocks / size * rank + blocks % size * rank / size;
}

pwf_range pwf_shard_range(int64_t n, int size, int rank)
{
    PWF_ASSERT(n >= 0 && size >= 1 && rank >= 0 && rank < size);
    const int64_t blocks = pwf_block_count(n);
    /* Only the last block can be short, so only its end needs care. */
    const int64_t lo = first_block(blocks, size, rank), hi = first_block(blocks, size, rank + 1);
    return (pwf_range){lo == blocks ? n : lo * PWF_BLOCK, hi == blocks ? n : hi * PWF_BLOCK};
}

pwf_range pwf_range_meet(pwf_range a, pwf_range b)
{
    const int64_t lo = a.lo > b.lo ? a.lo : b.lo, hi = least(a.hi, b.hi);
    return (pwf_range){lo, hi > lo ? hi : lo};
}
