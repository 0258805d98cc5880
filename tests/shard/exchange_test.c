/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers of weights and sums of gradients on all meshes of the ranks of this test, for vectors
 * from empty to several blocks: the results equal those of one rank bit by bit. */
#include "mesh/meshes.h"
#include "pwf/core/bits.h"
#include "pwf/mesh/exact.h"
#include "pwf/shard/shard.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Lengths: empty, less than a block, an empty shard among four, incomplete last blocks. */
static const int64_t totals[] = {0, 1, 100, 4096, 4097, 12289, 40961};
enum { TOTALS = sizeof totals / sizeof totals[0], MOST = 40961 };

static float full[MOST + 1];
static int64_t sum[MOST + 1];
static double blocks[MOST / PWF_BLOCK + 2];

static float number(int64_t rank, int64_t i)
{
    return (float)mixed(rank, i) * 0x1p-46f;
}

/* As a bf16 number. */
static float upper_half(float x)
{
    return pwf_float_of(pwf_float_bits(x) & 0xffff0000u);
}

static void gathers(void **state)
{
    (void)state;
    for (int t = 0; t < TOTALS; t++) {
        pwf_exchange *e;
        assert_int_equal(pwf_exchange_new(mesh, totals[t], 0, &e).code, PWF_OK);
        const pwf_range own = pwf_exchange_own(e);
        for (int step = 0; step < 3; step++) {
            for (int64_t i = 0; i <= totals[t]; i++)
                full[i] = -1.0f;
            for (int64_t i = own.lo; i < own.hi; i++)
                full[i] = number(step, i);
            assert_false(pwf_exchange_move(e));
            pwf_exchange_gather_begin(e, NULL, full, false);
            pwf_exchange_move(e);
            pwf_exchange_gather_end(e, NULL);
            for (int64_t i = 0; i < totals[t]; i++)
                assert_true(full[i] == number(step, i));
            assert_true(full[totals[t]] == -1.0f);

            const int64_t n = pwf_block_count(totals[t]);
            for (int64_t b = 0; b <= n; b++)
                blocks[b] =
                    b * PWF_BLOCK >= own.lo && b * PWF_BLOCK < own.hi ? number(step, b) : -1.0;
            pwf_exchange_gather_blocks(e, blocks);
            for (int64_t b = 0; b < n; b++)
                assert_true(blocks[b] == (double)number(step, b));
            assert_true(blocks[n] == -1.0);
        }
        pwf_exchange_free(e);
    }
}

/* Bytes that this rank receives in gathers over shards. */
static int64_t gathered(void)
{
    return pwf_mesh_traffic(mesh).bytes[PWF_SHARD][PWF_GATHERED];
}

/* bf16 values up to an element within a block, at its edge or at either end; fp32 values after it.
 */
static void gathers_rounded(void **state)
{
    (void)state;
    const int64_t edges[] = {0, 1, 4096, 5000, 12288, 40961};
    pwf_pool *pool;
    assert_int_equal(pwf_pool_new(2, NULL, &pool).code, PWF_OK);
    for (int t = 0; t < TOTALS; t++)
        for (size_t n = 0; n < sizeof edges / sizeof edges[0]; n++) {
            const int64_t total = totals[t], rounded = edges[n];
            if (rounded > total) continue;
            pwf_exchange *e;
            assert_int_equal(pwf_exchange_new(mesh, total, rounded, &e).code, PWF_OK);
            const pwf_range own = pwf_exchange_own(e);
            for (int step = 0; step < 2; step++) {
                for (int64_t i = 0; i <= total; i++)
                    full[i] = -1.0f;
                for (int64_t i = own.lo; i < own.hi; i++)
                    full[i] = i < rounded ? upper_half(number(step, i)) : number(step, i);
                const int64_t before = gathered();
                pwf_exchange_gather_begin(e, pool, full, true);
                for (int i = 0; step == 1 && i < 1000000 && pwf_exchange_move(e); i++)
                    continue;
                pwf_exchange_gather_end(e, pool);
                const pwf_range mine = pwf_range_meet(own, (pwf_range){0, rounded});
                const int64_t others = total - (own.hi - own.lo);
                if (pwf_mesh_size(mesh, PWF_SHARD) > 1)
                    assert_int_equal(gathered() - before,
                                     4 * others - 2 * (rounded - (mine.hi - mine.lo)));
                for (int64_t i = 0; i < total; i++)
                    assert_true(full[i] ==
                                (i < rounded ? upper_half(number(step, i)) : number(step, i)));
                assert_true(full[total] == -1.0f);
            }
            pwf_exchange_free(e);
        }
    pwf_pool_free(pool);
}

static void reduces(void **state)
{
    (void)state;
    const int size = pwf_mesh_size(mesh, PWF_WORLD), rank = pwf_mesh_rank(mesh, PWF_WORLD);
    for (int t = 0; t < TOTALS; t++) {
        pwf_exchange *e;
        assert_int_equal(pwf_exchange_new(mesh, totals[t], 0, &e).code, PWF_OK);
        const pwf_range own = pwf_exchange_own(e);
        for (int64_t i = 0; i < totals[t]; i++)
            sum[i] = mixed(rank, i);
        sum[totals[t]] = 42;
        pwf_exchange_reduce_begin(e, sum, 1);
        pwf_exchange_reduce_end(e);
        for (int64_t i = own.lo; i < own.hi; i++) {
            int64_t want = 0;
            for (int r = 0; r < size; r++)
                want += mixed(r, i);
            assert_int_equal(sum[i], want);
        }
        assert_int_equal(sum[totals[t]], 42);
        pwf_mesh_barrier(mesh);
        pwf_exchange_free(e);
    }
}

enum { THREADS = 3, SLOTS = 9, PIECE = 5000 };

static pwf_exchange *shared;
static bool good[THREADS];
static int first_slot; /* of this rank */

/* Slots thread, thread + THREADS, ..., in pieces that cross the blocks, from a different end. */
static void *adder(void *argument)
{
    const int thread = (int)(intptr_t)argument;
    float *gradient = malloc(MOST * sizeof *gradient);
    if (gradient == NULL) abort();
    good[thread] = true;
    for (int slot = thread; slot < SLOTS; slot += THREADS) {
        for (int64_t i = 0; i < MOST; i++)
            gradient[i] = number(first_slot + slot, i);
        const int64_t pieces = (MOST + PIECE - 1) / PIECE;
        for (int64_t p = 0; p < pieces; p++) {
            const int64_t lo = (slot % 2 ? p : pieces - 1 - p) * PIECE;
            const int64_t n = MOST - lo < PIECE ? MOST - lo : PIECE;
            if (!pwf_exchange_add(shared, gradient + lo, lo, n)) good[thread] = false;
            if (thread == 0) pwf_exchange_move(shared);
        }
    }
    free(gradient);
    return NULL;
}

static int64_t reduced(void)
{
    const pwf_traffic all = pwf_mesh_traffic(mesh);
    return all.bytes[PWF_WORLD][PWF_REDUCED] + all.bytes[PWF_REPLICA][PWF_REDUCED];
}

/* The reduction makes progress while threads add to it, including the one that calls MPI; every
 * second time some ranks expect more additions than there are. */
static void threads_add(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const int replicas = pwf_mesh_size(mesh, PWF_REPLICA);
    assert_int_equal(pwf_exchange_new(mesh, MOST, 0, &shared).code, PWF_OK);
    const pwf_range own = pwf_exchange_own(shared);
    first_slot = rank * SLOTS;
    for (int step = 0; step < 4; step++) {
        int64_t moved = -reduced();
        memset(sum, 0, sizeof sum);
        pwf_exchange_reduce_begin(shared, sum, SLOTS + (step + rank) % 2);
        pthread_t threads[THREADS];
        for (int i = 1; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, adder, (void *)(intptr_t)i), 0);
        adder((void *)0);
        for (int i = 1; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < THREADS; i++)
            assert_true(good[i]);
        pwf_exchange_reduce_end(shared);
        for (int64_t i = own.lo; i < own.hi; i++) {
            int64_t want = 0;
            for (int slot = 0; slot < ranks * SLOTS; slot++)
                want += (int64_t)rint((double)number(slot, i) * 0x1p+44);
            assert_int_equal(sum[i], want);
        }
        moved += reduced();
        pwf_mesh_sum_i64(mesh, PWF_WORLD, &moved, 1);
        assert_int_equal(moved, 8 * (int64_t)MOST * (ranks - 1 + replicas - 1));
    }
    pwf_exchange_free(shared);
}

static void refuses_non_finite_values(void **state)
{
    (void)state;
    const float wrong[4] = {1.0f, NAN, 2048.0f, -1.0f};
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    assert_int_equal(pwf_exchange_new(mesh, 4, 0, &shared).code, PWF_OK);
    const pwf_range own = pwf_exchange_own(shared);
    memset(sum, 0, 4 * sizeof *sum);
    pwf_exchange_reduce_begin(shared, sum, 2);
    assert_false(pwf_exchange_add(shared, wrong, 0, 4));
    assert_true(pwf_exchange_add(shared, NULL, 4, 0));
    assert_true(pwf_exchange_add(shared, NULL, 0, 0));
    pwf_exchange_reduce_end(shared);
    for (int64_t i = own.lo; i < own.hi; i++)
        assert_int_equal(sum[i], isfinite(wrong[i]) && wrong[i] < 2.0f
                                     ? ranks * (int64_t)(wrong[i] * 0x1p+44f)
                                     : 0);
    pwf_mesh_barrier(mesh);
    pwf_exchange_free(shared);
}

static void refuses_different_totals(void **state)
{
    (void)state;
    if (pwf_mesh_size(mesh, PWF_WORLD) == 1) return;
    pwf_exchange *e;
    const int64_t total = pwf_mesh_rank(mesh, PWF_WORLD) == 1 ? 5 : 6;
    assert_int_equal(pwf_exchange_new(mesh, total, 0, &e).code, PWF_BUG);
    assert_null(e);
    pwf_exchange_free(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers),
        cmocka_unit_test(gathers_rounded),
        cmocka_unit_test(reduces),
        cmocka_unit_test(threads_add),
        cmocka_unit_test(refuses_non_finite_values),
        cmocka_unit_test(refuses_different_totals),
    };
    return run_over_meshes(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
