/* SPDX-License-Identifier: BSD-3-Clause */
/* Detects non-finite numbers, loss spikes, memory that changed by itself and ranks that diverged.
 * Called by the run, the step, its reduction, the saver, the rollback and whatever writes a
 * fingerprint. Reads the state, never changes it; communicates in pwf_guard_compare and
 * pwf_guard_fingerprint only. */

#include "guard.h"

#include "pwf/core/hash.h"
#include "pwf/core/log.h"
#include "pwf/core/machine.h"
#include "pwf/core/mem.h"

#include <limits.h>
#include <math.h>
#include <string.h>

pwf_status pwf_guard_new(const pwf_engine *engine, const pwf_snapshot *now, const pwf_batch *batch,
                         pwf_guard *out)
{
    const pwf_range own = engine->state->own;
    const int64_t hashes = PWF_STATE_ARRAYS_MAX * pwf_block_count(pwf_range_length(own));
    *out = (pwf_guard){.engine = engine, .now = now, .batch = batch};
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, hashes, sizeof *out->rest, &out->rest));
    return pwf_mem_alloc(PWF_MEM_BUFFERS, hashes, sizeof *out->found, &out->found);
}

void pwf_guard_free(pwf_guard *guard)
{
    pwf_mem_free(guard->rest);
    pwf_mem_free(guard->found);
    *guard = (pwf_guard){.rest = NULL};
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* The message names rank, host, phase and step, so that a defective host can be found. */
static pwf_status not_finite(const char *what)
{
    char place[160];
    pwf_log_place(place);
    return PWF_FAIL(PWF_NUMBERS, "%s: %s is infinite, NaN or too large", place, what);
}

/* A weight, or a mean or variance of activations, of 2^64 or more is as useless as infinity. */
static bool are_sane(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(values[i]) < 0x1p64f)) return false;
    return true;
}

/* The sums of squares represent the gradients: a non-finite gradient makes its block's sum
 * non-finite. */
pwf_status pwf_guard_check_step(const pwf_guard *guard)
{
    const pwf_batch *b = guard->batch;
    const pwf_losses *losses = &guard->now->facts.losses;
    const pwf_range own = guard->now->state->own;
    for (int64_t i = 0; i < pwf_block_count(pwf_range_length(own)); i++)
        if (!isfinite(b->norm[own.lo / PWF_BLOCK + i])) return not_finite("a gradient");
    if (!are_sane(b->slot_statistics + b->first * b->buffers, (b->last - b->first) * b->buffers))
        return not_finite("a statistic of BatchNorm");
    const double loss = pwf_batch_loss(b);
    if (!pwf_losses_spike(losses, loss, guard->engine->config->watchdog.spike,
                          guard->engine->classes, b->images))
        return pwf_ok();
    return PWF_FAIL(PWF_NUMBERS, "the loss jumped from %.3g to %.3g at step %lld (watchdog.spike)",
                    losses->value[losses->count - 1], loss,
                    (long long)guard->now->facts.position.step);
}

/* Codes are integers and cannot be non-finite; the hashes cover them. */
pwf_status pwf_guard_check_state(const pwf_guard *guard)
{
    const pwf_state *s = guard->now->state;
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(s, arrays);
    for (int i = 0; i < count; i++) {
        const pwf_range own = arrays[i].posterior ? s->own_posterior : s->own;
        if (arrays[i].real && !are_sane(arrays[i].data, pwf_range_length(own)))
            return not_finite(arrays[i].name);
    }
    if (!are_sane(s->buffers, guard->batch->buffers))
        return not_finite("a running statistic of BatchNorm");
    return pwf_ok();
}

/* ---- memory at rest ------------------------------------------------------------------------- */

typedef struct hash_job {
    const pwf_state *state;
    pwf_hash *table;
} hash_job;

/* A task hashes one block of every array of the state. */
static void hash_block(void *context, int task, int worker)
{
    const hash_job *job = context;
    (void)worker;
    pwf_state_hash_block(job->state, task, job->table);
}

static int64_t own_blocks(const pwf_guard *guard)
{
    const pwf_range own = guard->now->state->own;
    return pwf_block_count(pwf_range_length(own));
}

static void hash_blocks(const pwf_guard *guard, pwf_hash *table)
{
    hash_job job = {guard->now->state, table};
    pwf_pool_run(guard->engine->workers.pool, (int)own_blocks(guard), hash_block, &job);
}

/* Tables are [arrays, own blocks]. Both start zeroed, and entries for which there is no block are
 * never written, so these are equal in both. */
static size_t table_bytes(const pwf_guard *guard)
{
    return PWF_STATE_ARRAYS_MAX * (size_t)own_blocks(guard) * sizeof *guard->rest;
}

void pwf_guard_rest(pwf_guard *guard)
{
    if (guard->engine->config->watchdog.memory) hash_blocks(guard, guard->rest);
    pwf_guard_mark_rest(guard);
}

void pwf_guard_rest_block(const pwf_guard *guard, int64_t block)
{
    if (guard->engine->config->watchdog.memory)
        pwf_state_hash_block(guard->now->state, block, guard->rest);
}

void pwf_guard_mark_rest(pwf_guard *guard)
{
    guard->at_rest = guard->engine->config->watchdog.memory;
}

void pwf_guard_disturb(pwf_guard *guard)
{
    guard->at_rest = false;
}

/* `changed` is set on this rank only; the next reduction carries it to all. */
pwf_status pwf_guard_check_rest(pwf_guard *guard)
{
    if (!guard->at_rest) return pwf_ok();
    hash_blocks(guard, guard->found);
    if (memcmp(guard->found, guard->rest, table_bytes(guard)) == 0) return pwf_ok();
    char place[160];
    pwf_log_place(place);
    guard->changed = 1;
    return PWF_FAIL(PWF_NUMBERS, "%s: the state has changed in memory since the previous step",
                    place);
}

/* Uses the stored hashes if the state is at rest, else computes them. Collective. */
pwf_status pwf_guard_fingerprint(pwf_guard *guard, char text[33])
{
    pwf_hash fingerprint;
    if (!guard->at_rest) hash_blocks(guard, guard->found);
    PWF_TRY(pwf_ckpt_fingerprint(guard->engine->mesh, guard->now,
                                 guard->at_rest ? guard->rest : guard->found, &fingerprint));
    pwf_hash_text(fingerprint, text);
    return pwf_ok();
}

/* ---- ranks ---------------------------------------------------------------------------------- */

/* What must be equal, and on which ranks. */
typedef enum subject {
    COMMON,   /* replicated part of the state: all ranks */
    SHARD,    /* the shard: its replicas */
    RECEIVED, /* losses, statistics and norms of the step under way: all ranks */
    SUBJECTS
} subject;

/* What each rank sends the others. */
typedef struct card {
    pwf_hash hash[SUBJECTS];
    char host[PWF_HOST];
} card;

/* Everything replicated that reaches results or decisions. */
static pwf_hash hash_common(const pwf_guard *guard)
{
    const pwf_snapshot *now = guard->now;
    const pwf_codebook *book = &now->state->codebook;
    const int64_t numbers[2] = {book->min_power, book->count};
    const size_t buffers = (size_t)guard->batch->buffers;
    const pwf_hash hashes[5] = {
        pwf_hash_bytes(&now->facts.position, sizeof now->facts.position),
        pwf_hash_bytes(&now->facts.losses, sizeof now->facts.losses),
        pwf_hash_bytes(numbers, sizeof numbers),
        pwf_hash_bytes(book->entry, (size_t)book->count * sizeof *book->entry),
        pwf_hash_bytes(now->state->buffers, buffers * sizeof *now->state->buffers),
    };
    return pwf_hash_bytes(hashes, sizeof hashes);
}

/* What the slots have produced; 0 between steps, when the buffers differ legitimately. */
static pwf_hash hash_received(const pwf_guard *guard)
{
    const pwf_batch *b = guard->batch;
    const size_t statistics = (size_t)(b->slots * b->buffers);
    if (!guard->received) return (pwf_hash){0, 0};
    const pwf_hash hashes[3] = {
        pwf_hash_bytes(b->slot_loss, (size_t)b->slots * sizeof *b->slot_loss),
        pwf_hash_bytes(b->slot_statistics, statistics * sizeof *b->slot_statistics),
        pwf_hash_bytes(b->norm, (size_t)b->blocks * sizeof *b->norm),
    };
    return pwf_hash_bytes(hashes, sizeof hashes);
}

int pwf_guard_hash(const pwf_guard *guard)
{
    if (pwf_mesh_size(guard->engine->mesh, PWF_WORLD) == 1) return 0;
    return (int)((hash_common(guard).lo ^ hash_received(guard).lo) & INT_MAX);
}

/* Returns the lowest of the ranks first, first + stride, ... whose hash differs from the most
 * frequent one, or -1 if all are equal. A tie goes to the hash of the lowest rank, so with two
 * ranks the higher one is returned. */
static int find_odd(const card *cards, int ranks, int first, int stride, subject s)
{
    int most = 0;
    pwf_hash usual = {0, 0};
    for (int r = first; r < ranks; r += stride) {
        int equal = 0;
        for (int other = first; other < ranks; other += stride)
            equal += pwf_hash_equal(cards[r].hash[s], cards[other].hash[s]);
        if (equal > most) {
            usual = cards[r].hash[s];
            most = equal;
        }
    }
    for (int r = first; r < ranks; r += stride)
        if (!pwf_hash_equal(cards[r].hash[s], usual)) return r;
    return -1;
}

/* The failure that something on rank `odd` differs from the other ranks. */
static pwf_status differs(pwf_guard *guard, const card *cards, int odd, subject s)
{
    const long long step = (long long)guard->now->facts.position.step;
    PWF_FAIL_IF(s == RECEIVED, PWF_NUMBERS,
                "rank %d on %s has received losses, statistics or norms that differ from the "
                "other ranks' at step %lld",
                odd, cards[odd].host, step);
    guard->diverged = true;
    return PWF_FAIL(
        PWF_NUMBERS,
        "rank %d on %s holds %s at step %lld: the memory or processor of this or, if only "
        "two were compared, the other rank corrupts bits; continue with --resume auto "
        "without the host concerned",
        odd, cards[odd].host,
        s == COMMON ? "a codebook, BatchNorm statistics, losses or a position that differ from "
                      "the other ranks'"
                    : "a copy of its shard that differs from the other replicas'",
        step);
}

/* Ranks s, s + shards, ... are the replicas of shard s. What was received is compared last: a
 * difference there is repaired by repeating the step, any other is not. Collective. */
pwf_status pwf_guard_compare(pwf_guard *guard)
{
    const pwf_mesh *mesh = guard->engine->mesh;
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD), shards = pwf_mesh_size(mesh, PWF_SHARD);
    card cards[PWF_SLOTS_MAX], *mine = &cards[pwf_mesh_rank(mesh, PWF_WORLD)];
    if (ranks == 1) return pwf_ok();
    memset(mine, 0, sizeof *mine);
    mine->hash[COMMON] = hash_common(guard);
    mine->hash[RECEIVED] = hash_received(guard);
    if (shards < ranks) {
        hash_blocks(guard, guard->found);
        mine->hash[SHARD] = pwf_hash_bytes(guard->found, table_bytes(guard));
    }
    pwf_host_name(mine->host);
    pwf_mesh_gather_items(mesh, PWF_WORLD, cards, sizeof *cards);
    int odd = find_odd(cards, ranks, 0, 1, COMMON);
    if (odd >= 0) return differs(guard, cards, odd, COMMON);
    for (int s = 0; shards < ranks && s < shards; s++)
        if ((odd = find_odd(cards, ranks, s, shards, SHARD)) >= 0)
            return differs(guard, cards, odd, SHARD);
    odd = find_odd(cards, ranks, 0, 1, RECEIVED);
    return odd < 0 ? pwf_ok() : differs(guard, cards, odd, RECEIVED);
}
