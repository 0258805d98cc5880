/* SPDX-License-Identifier: BSD-3-Clause */
/* What the ranks of a run say to each other about themselves: hashes of what they hold in common,
 * and how long their own work takes; and whether a rank's own memory keeps what it holds. */
#include "trainer.h"

#include "pwf/core/hash.h"
#include "pwf/core/log.h"
#include "pwf/core/machine.h"
#include "pwf/core/select.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOWS = 3 };
static const double SLOW = 1.5; /* times the median */

/* What must be the same, and for whom. */
typedef enum part {
    COMMON, /* small things of the state: all ranks */
    SHARD,  /* the shard: its replicas */
    TOLD,   /* what the ranks told each other in this step: all */
    PARTS
} part;

typedef struct card {
    pwf_hash hash[PARTS];
    char host[PWF_HOST];
} card;

static pwf_hash hash_common(const pwf_trainer *t)
{
    const pwf_codebook *book = &t->state->codebook;
    const int64_t numbers[2] = {book->min_power, book->count};
    const size_t buffers = (size_t)pwf_registry_buffer_count(t->registry);
    const pwf_hash parts[5] = {
        pwf_hash_bytes(&t->position, sizeof t->position),
        pwf_hash_bytes(&t->losses, sizeof t->losses),
        pwf_hash_bytes(numbers, sizeof numbers),
        pwf_hash_bytes(book->entry, (size_t)book->count * sizeof *book->entry),
        pwf_hash_bytes(t->state->buffers, buffers * sizeof *t->state->buffers),
    };
    return pwf_hash_bytes(parts, sizeof parts);
}

static pwf_hash hash_told(const pwf_trainer *t)
{
    const size_t slots = (size_t)t->config->parallel.slots;
    const size_t buffers = (size_t)pwf_registry_buffer_count(t->registry);
    const size_t blocks = (size_t)pwf_block_count(t->state->total);
    if (!t->told) return (pwf_hash){0, 0};
    const pwf_hash parts[3] = {
        pwf_hash_bytes(t->slot_loss, slots * sizeof *t->slot_loss),
        pwf_hash_bytes(t->slot_statistics, slots * buffers * sizeof *t->slot_statistics),
        pwf_hash_bytes(t->norm, blocks * sizeof *t->norm),
    };
    return pwf_hash_bytes(parts, sizeof parts);
}

int pwf_ranks_hash(const pwf_trainer *t)
{
    if (pwf_mesh_size(t->mesh, PWF_WORLD) == 1) return 0;
    return (int)((hash_common(t).lo ^ hash_told(t).lo) & INT_MAX);
}

typedef struct hash_job {
    const pwf_state *state;
    pwf_hash *table;
} hash_job;

static void hash_block(void *context, int task, int worker)
{
    const hash_job *job = context;
    (void)worker;
    pwf_state_hash_block(job->state, task, job->table);
}

static int64_t own_blocks(const pwf_trainer *t)
{
    return pwf_block_count(pwf_range_length(t->state->own));
}

static void hash_blocks(const pwf_trainer *t, pwf_hash *table)
{
    hash_job job = {t->state, table};
    pwf_pool_run(t->pool, (int)own_blocks(t), hash_block, &job);
}

static size_t table_bytes(const pwf_trainer *t)
{
    return PWF_STATE_ARRAYS_MAX * (size_t)own_blocks(t) * sizeof *t->rest;
}

static pwf_hash hash_shard(const pwf_trainer *t)
{
    hash_blocks(t, t->found);
    return pwf_hash_bytes(t->found, table_bytes(t));
}

/* Of the ranks first, first + stride, ... the first that has not the hash most of them have; of
 * equally frequent hashes the lowest rank's counts. -1: all are alike. */
static int find_odd(const card *cards, int ranks, int first, int stride, part p)
{
    int most = 0;
    pwf_hash usual = {0, 0};
    for (int r = first; r < ranks; r += stride) {
        int alike = 0;
        for (int other = first; other < ranks; other += stride)
            alike += pwf_hash_equal(cards[r].hash[p], cards[other].hash[p]);
        if (alike > most) usual = cards[r].hash[p];
        if (alike > most) most = alike;
    }
    for (int r = first; r < ranks; r += stride)
        if (!pwf_hash_equal(cards[r].hash[p], usual)) return r;
    return -1;
}

/* What is wrong with rank `odd`, which holds another `p` than others. */
static pwf_status apart(pwf_trainer *t, const card *cards, int odd, part p)
{
    const long long step = (long long)t->position.step;
    if (p == TOLD)
        return PWF_FAIL(PWF_NUMBERS,
                        "rank %d on %s has received other losses, statistics or norms than others "
                        "at step %lld",
                        odd, cards[odd].host, step);
    t->parted = true;
    return PWF_FAIL(PWF_NUMBERS,
                    "rank %d on %s holds %s than others at step %lld: its memory or processor "
                    "changes bits; go on with --resume auto without that host",
                    odd, cards[odd].host,
                    p == COMMON ? "another codebook, BatchNorm statistics, losses or position"
                                : "another copy of its shard",
                    step);
}

pwf_status pwf_ranks_compare(pwf_trainer *t)
{
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD), shards = pwf_mesh_size(t->mesh, PWF_SHARD);
    card cards[PWF_SLOTS_MAX], *mine = &cards[pwf_mesh_rank(t->mesh, PWF_WORLD)];
    if (ranks == 1) return pwf_ok();
    memset(mine, 0, sizeof *mine);
    mine->hash[COMMON] = hash_common(t);
    if (shards < ranks) mine->hash[SHARD] = hash_shard(t);
    mine->hash[TOLD] = hash_told(t);
    pwf_host_name(mine->host);
    pwf_mesh_gather_items(t->mesh, PWF_WORLD, cards, sizeof *cards);
    int odd = find_odd(cards, ranks, 0, 1, COMMON);
    if (odd >= 0) return apart(t, cards, odd, COMMON);
    for (int s = 0; shards < ranks && s < shards; s++)
        if ((odd = find_odd(cards, ranks, s, shards, SHARD)) >= 0)
            return apart(t, cards, odd, SHARD);
    odd = find_odd(cards, ranks, 0, 1, TOLD);
    return odd < 0 ? pwf_ok() : apart(t, cards, odd, TOLD);
}

/* The shard is at rest between two steps. */
void pwf_rest_begin(pwf_trainer *t)
{
    if (t->config->watchdog.memory) hash_blocks(t, t->rest);
    pwf_rest_noted(t);
}

void pwf_rest_note(const pwf_trainer *t, int64_t block)
{
    if (t->config->watchdog.memory) pwf_state_hash_block(t->state, block, t->rest);
}

void pwf_rest_noted(pwf_trainer *t)
{
    t->rests = t->config->watchdog.memory;
}

pwf_status pwf_rest_check(pwf_trainer *t)
{
    if (!t->rests) return pwf_ok();
    hash_blocks(t, t->found);
    if (memcmp(t->found, t->rest, table_bytes(t)) == 0) return pwf_ok();
    char place[160];
    pwf_log_place(place);
    t->changed = 1;
    return PWF_FAIL(PWF_NUMBERS, "%s: the state has changed in memory since the step before",
                    place);
}

pwf_status pwf_trainer_fingerprint(pwf_trainer *t, char text[33])
{
    const pwf_snapshot snapshot = pwf_trainer_snapshot(t);
    pwf_hash fingerprint;
    if (!t->rests) hash_blocks(t, t->found);
    PWF_TRY(pwf_ckpt_fingerprint(t->mesh, &snapshot, t->rests ? t->rest : t->found, &fingerprint));
    pwf_hash_text(fingerprint, text);
    return pwf_ok();
}

void pwf_ranks_time(pwf_trainer *t)
{
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD);
    const double mine = t->own_seconds;
    double seconds[PWF_SLOTS_MAX];
    seconds[pwf_mesh_rank(t->mesh, PWF_WORLD)] = mine;
    pwf_mesh_gather_items(t->mesh, PWF_WORLD, seconds, sizeof *seconds);
    const double median = pwf_select(seconds, ranks, (ranks - 1) / 2);
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
