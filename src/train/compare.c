/* SPDX-License-Identifier: BSD-3-Clause */
/* What the ranks of a run say to each other about themselves: hashes of what they hold in common,
 * and how long their own work takes. */
#include "trainer.h"

#include "pwf/core/hash.h"
#include "pwf/core/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOWS = 3 };
static const double SLOW = 1.5; /* times the median */

typedef struct card {
    pwf_hash common; /* the same on all ranks */
    pwf_hash shard;  /* the same on all replicas of a shard */
    char host[64];
} card;

static pwf_hash hash_common(const pwf_trainer *t)
{
    const pwf_codebook *book = &t->state->codebook;
    const int64_t numbers[2] = {book->min_power, book->count};
    const size_t buffers = (size_t)pwf_registry_buffer_count(t->registry);
    const pwf_hash parts[4] = {
        pwf_hash_bytes(&t->position, sizeof t->position),
        pwf_hash_bytes(numbers, sizeof numbers),
        pwf_hash_bytes(book->entry, (size_t)book->count * sizeof *book->entry),
        pwf_hash_bytes(t->state->buffers, buffers * sizeof *t->state->buffers),
    };
    return pwf_hash_bytes(parts, sizeof parts);
}

static pwf_hash hash_shard(const pwf_state *s)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    pwf_hash parts[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(s, arrays);
    for (int i = 0; i < count; i++) {
        const pwf_range own = arrays[i].posterior ? s->own_posterior : s->own;
        parts[i] = pwf_hash_bytes(arrays[i].data, (size_t)(own.hi - own.lo) * arrays[i].size);
    }
    return pwf_hash_bytes(parts, (size_t)count * sizeof *parts);
}

static pwf_hash hash_of(const card *c, bool shard)
{
    return shard ? c->shard : c->common;
}

/* Of the ranks first, first + stride, ... the first that has not the hash most of them have; of
 * equally frequent hashes the lowest rank's counts. -1: all are alike. */
static int find_odd(const card *cards, int ranks, int first, int stride, bool shard)
{
    int most = 0;
    pwf_hash usual = {0, 0};
    for (int r = first; r < ranks; r += stride) {
        int alike = 0;
        for (int other = first; other < ranks; other += stride)
            alike += pwf_hash_equal(hash_of(&cards[r], shard), hash_of(&cards[other], shard));
        if (alike > most) usual = hash_of(&cards[r], shard);
        if (alike > most) most = alike;
    }
    for (int r = first; r < ranks; r += stride)
        if (!pwf_hash_equal(hash_of(&cards[r], shard), usual)) return r;
    return -1;
}

pwf_status pwf_ranks_compare(pwf_trainer *t)
{
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD), shards = pwf_mesh_size(t->mesh, PWF_SHARD);
    card cards[PWF_SLOTS_MAX], *mine = &cards[pwf_mesh_rank(t->mesh, PWF_WORLD)];
    if (ranks == 1) return pwf_ok();
    memset(mine, 0, sizeof *mine);
    mine->common = hash_common(t);
    if (shards < ranks) mine->shard = hash_shard(t->state);
    if (gethostname(mine->host, sizeof mine->host - 1) != 0) mine->host[0] = '?';
    pwf_mesh_gather_items(t->mesh, PWF_WORLD, cards, sizeof *cards);
    int odd = find_odd(cards, ranks, 0, 1, false);
    const bool common = odd >= 0;
    for (int s = 0; odd < 0 && shards < ranks && s < shards; s++)
        odd = find_odd(cards, ranks, s, shards, true);
    if (odd < 0) return pwf_ok();
    t->parted = true;
    return PWF_FAIL(PWF_NUMBERS,
                    "rank %d on %s holds %s than others at step %lld: its memory or processor "
                    "changes bits; go on with --resume auto without that host",
                    odd, cards[odd].host,
                    common ? "another codebook, BatchNorm statistics or position"
                           : "another copy of its shard",
                    (long long)t->position.step);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void pwf_ranks_time(pwf_trainer *t)
{
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD);
    const double mine = t->own_seconds;
    double seconds[PWF_SLOTS_MAX];
    seconds[pwf_mesh_rank(t->mesh, PWF_WORLD)] = mine;
    pwf_mesh_gather_items(t->mesh, PWF_WORLD, seconds, sizeof *seconds);
    qsort(seconds, (size_t)ranks, sizeof *seconds, by_value);
    const double median = seconds[(ranks - 1) / 2];
    t->own_seconds = 0.0;
    t->late = mine > SLOW * median ? t->late + 1 : 0;
    if (t->late != WINDOWS) return;
    char place[160];
    pwf_log_place(place);
    PWF_WARN("STRAGGLER",
             "%s: this rank takes %.1f times as long for an image as the median of all ranks; see "
             "what else runs on its host",
             place, mine / median);
}
