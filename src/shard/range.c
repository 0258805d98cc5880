/* SPDX-License-Identifier: BSD-3-Clause */
/* The partition of the flat vector into shards of whole blocks. Called wherever a rank needs its
 * range or that of another rank: the partition is recomputed, never stored. Pure functions: no
 * state, no files, no MPI. */
#include "pwf/shard/shard.h"

/* ceil(n / PWF_BLOCK) without the sum, which could overflow. */
int64_t pwf_block_count(int64_t n)
{
    return n / PWF_BLOCK + (n % PWF_BLOCK != 0);
}

/* A hash per block does not depend on which rank holds the block. */
pwf_hash pwf_block_hash(const void *data, int64_t elements, size_t size, int64_t block)
{
    const int64_t lo = block * PWF_BLOCK, left = elements - lo;
    return pwf_hash_bytes((const char *)data + lo * (int64_t)size,
                          (size_t)(left < PWF_BLOCK ? left : PWF_BLOCK) * size);
}

pwf_range pwf_shard_range(int64_t n, int size, int rank)
{
    PWF_ASSERT(n >= 0 && size >= 1 && rank >= 0 && rank < size);
    const int64_t blocks = pwf_block_count(n);
    /* Only the last block can be short, so only its end needs care. */
    const int64_t lo = pwf_range_split(blocks, size, rank);
    const int64_t hi = pwf_range_split(blocks, size, rank + 1);
    return (pwf_range){lo == blocks ? n : lo * PWF_BLOCK, hi == blocks ? n : hi * PWF_BLOCK};
}
