/* SPDX-License-Identifier: BSD-3-Clause */
/* Collectives of the mesh on 1 to 4 ranks: agreement, comparison, sums, maxima, broadcasts, gathers
 * of any length in one or many MPI calls, and the counted bytes. */
#include "mesh/meshes.h"
#include "pwf/mesh/pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pwf_axis axes[3] = {PWF_WORLD, PWF_SHARD, PWF_REPLICA};

/* The world rank of a rank of an axis of this rank's group. */
static int world_of(pwf_axis axis, int r)
{
    const int shards = pwf_mesh_size(mesh, PWF_SHARD);
    if (axis == PWF_SHARD) return pwf_mesh_rank(mesh, PWF_REPLICA) * shards + r;
    if (axis == PWF_REPLICA) return r * shards + pwf_mesh_rank(mesh, PWF_SHARD);
    return r;
}

static void places(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, PWF_WORLD);
    const int shards = pwf_mesh_size(mesh, PWF_SHARD);
    assert_int_equal(shards * pwf_mesh_size(mesh, PWF_REPLICA), size);
    assert_int_equal(pwf_mesh_rank(mesh, PWF_SHARD), rank % shards);
    assert_int_equal(pwf_mesh_rank(mesh, PWF_REPLICA), rank / shards);
    for (int a = 0; a < 3; a++) {
        int r;
        MPI_Comm_rank(pwf_mesh_comm(mesh, axes[a]), &r);
        assert_int_equal(r, pwf_mesh_rank(mesh, axes[a]));
    }
    assert_non_null(strstr(pwf_mesh_library(), "MPI"));
    assert_null(strchr(pwf_mesh_library(), '\n'));
    pwf_mesh_barrier(mesh);
}

static void wrong_shards(void **state)
{
    (void)state;
    const int size = pwf_mesh_size(mesh, PWF_WORLD);
    const int wrong[4] = {0, -1, size + 1, size == 4 ? 3 : 2 * size};
    for (int i = 0; i < 4; i++) {
        pwf_mesh *none = mesh;
        const pwf_status s = pwf_mesh_new_on(pwf_mesh_comm(mesh, PWF_WORLD), wrong[i], &none);
        assert_int_equal(s.code, PWF_CONFIG);
        assert_null(none);
        assert_non_null(strstr(s.text, "parallel.shards"));
    }
    if (size == 1) return;
    pwf_mesh *none = mesh;
    const int mine = pwf_mesh_rank(mesh, PWF_WORLD) == size - 1 ? size : 1;
    const pwf_status s = pwf_mesh_new_on(pwf_mesh_comm(mesh, PWF_WORLD), mine, &none);
    assert_int_equal(s.code, PWF_BUG);
    assert_null(none);
}

static void agree_most(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, PWF_WORLD);
    for (int highest = 0; highest < size; highest++) {
        int most[PWF_MOST] = {rank == highest ? 7 : rank % 2, rank, highest};
        assert_int_equal(pwf_mesh_agree_most(mesh, pwf_ok(), most, PWF_MOST).code, PWF_OK);
        assert_int_equal(most[0], 7);
        assert_int_equal(most[1], size - 1);
        assert_int_equal(most[2], highest);
        most[0] = rank == highest ? 3 : 0;
        most[1] = rank;
        const pwf_status mine = rank == 0 ? PWF_FAIL(PWF_IO, "no") : pwf_ok();
        assert_int_equal(pwf_mesh_agree_most(mesh, mine, most, 1).code, PWF_IO);
        assert_int_equal(most[0], 3);
        assert_int_equal(most[1], rank);
    }
}

static void agree(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, PWF_WORLD);
    assert_int_equal(pwf_mesh_agree(mesh, pwf_ok()).code, PWF_OK);
    /* Every set of failing ranks, one of them with a larger code. */
    for (int set = 1; set < 1 << size; set++)
        for (int large = -1; large < size; large++) {
            pwf_status mine = pwf_ok();
            if (set >> rank & 1) {
                mine = PWF_FAIL(PWF_DATA, "rank %d says so", rank);
                if (rank == large) mine.code = PWF_CONFIG;
            }
            int speaker = 0;
            while (!(set >> speaker & 1))
                speaker++;
            const bool has_large = large >= 0 && (set >> large & 1);
            if (has_large) speaker = large;
            const pwf_status s = pwf_mesh_agree(mesh, mine);
            char text[64];
            snprintf(text, sizeof text, "rank %d says so", speaker);
            assert_int_equal(s.code, has_large ? PWF_CONFIG : PWF_DATA);
            assert_string_equal(s.text, text);
            assert_non_null(strstr(s.file, "mesh_test.c"));
            assert_in_range(s.line, 1, 600);
        }
    /* Far more source files than can be kept, and a name that is too long. */
    char file[300];
    memset(file, 'f', sizeof file - 1);
    file[sizeof file - 1] = '\0';
    pwf_status odd = pwf_status_make(PWF_IO, file, 1, "%s", "odd");
    assert_int_equal(pwf_mesh_agree(mesh, rank == 0 ? odd : pwf_ok()).code, PWF_IO);
    for (int i = 0; i < 100; i++) {
        snprintf(file, sizeof file, "file %d", i);
        odd = pwf_status_make(PWF_IO, file, i, "%s", "odd");
        const pwf_status s = pwf_mesh_agree(mesh, rank == size - 1 ? odd : pwf_ok());
        assert_int_equal(s.line, i);
        assert_string_equal(s.text, "odd");
        if (i < 50) assert_string_equal(s.file, file);
    }
}

static void same(void **state)
{
    (void)state;
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, PWF_WORLD);
    char bytes[100];
    memset(bytes, 7, sizeof bytes);
    assert_int_equal(pwf_mesh_same(mesh, bytes, sizeof bytes, "thing").code, PWF_OK);
    assert_int_equal(pwf_mesh_same(mesh, bytes, 0, "thing").code, PWF_OK);
    for (int odd = 0; size > 1 && odd < size; odd++) {
        bytes[99] = rank == odd ? 8 : 7;
        pwf_status s = pwf_mesh_same(mesh, bytes, sizeof bytes, "thing");
        assert_int_equal(s.code, PWF_BUG);
        char text[64];
        snprintf(text, sizeof text, "rank %d has a different thing", odd == 0 ? 1 : odd);
        assert_memory_equal(s.text, text, strlen(text));
        bytes[99] = 7;
        s = pwf_mesh_same(mesh, bytes, rank == odd ? 99 : 100, "thing");
        assert_int_equal(s.code, PWF_BUG);
    }
}

static void sums(void **state)
{
    (void)state;
    enum { N = 20011 };
    static int64_t values[N];
    for (int a = 0; a < 3; a++) {
        const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, axes[a]);
        for (int i = 0; i < N; i++)
            values[i] = mixed(rank, i);
        pwf_mesh_sum_i64(mesh, axes[a], values, N - 1);
        for (int i = 0; i < N - 1; i++) {
            int64_t want = 0;
            for (int r = 0; r < size; r++)
                want += mixed(world_of(axes[a], r), i);
            assert_int_equal(values[i], want);
        }
        assert_int_equal(values[N - 1], mixed(rank, N - 1));
        pwf_mesh_sum_i64(mesh, axes[a], values, 0);
    }
}

static void maxima(void **state)
{
    (void)state;
    enum { N = 517 };
    static int64_t ints[N];
    static double reals[N];
    for (int a = 0; a < 3; a++) {
        const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, axes[a]);
        for (int i = 0; i < N; i++) {
            ints[i] = mixed(rank, i);
            reals[i] = (double)mixed(rank, i);
        }
        pwf_mesh_max_i64(mesh, axes[a], ints, N);
        pwf_mesh_max_f64(mesh, axes[a], reals, N);
        for (int i = 0; i < N; i++) {
            int64_t want = INT64_MIN;
            for (int r = 0; r < size; r++)
                if (mixed(world_of(axes[a], r), i) > want) want = mixed(world_of(axes[a], r), i);
            assert_int_equal(ints[i], want);
            assert_true(reals[i] == (double)want);
        }
    }
}

static void broadcast(void **state)
{
    (void)state;
    enum { N = 5001 };
    static char data[N];
    for (int a = 0; a < 3; a++)
        for (int root = 0; root < pwf_mesh_size(mesh, axes[a]); root++) {
            for (int i = 0; i < N; i++)
                data[i] = (char)mixed(pwf_mesh_rank(mesh, PWF_WORLD), i);
            pwf_mesh_broadcast(mesh, axes[a], root, data, N);
            for (int i = 0; i < N; i++)
                assert_int_equal(data[i], (char)mixed(world_of(axes[a], root), i));
            pwf_mesh_broadcast(mesh, axes[a], root, NULL, 0);
        }
}

/* Offsets with uneven parts; `kind` 0: uneven, 1: all in the last, 2: nothing, 3: holes. */
static void make_offsets(int64_t *offset, int size, int kind)
{
    const int64_t part[4] = {1300, 0, 0, 2100};
    offset[0] = 0;
    for (int r = 0; r < size; r++) {
        int64_t n = part[kind] + (kind == 0 ? 77 * r : 0);
        if (kind == 1 && r == size - 1) n = 2600;
        if (kind == 3 && r % 2 == 0) n = 0;
        offset[r + 1] = offset[r] + n;
    }
}

static void gather(void **state)
{
    (void)state;
    static char data[12000];
    int64_t offset[8];
    for (int a = 0; a < 3; a++)
        for (int kind = 0; kind < 4; kind++)
            for (int halves = 0; halves < 2; halves++) {
                const int rank = pwf_mesh_rank(mesh, axes[a]), size = pwf_mesh_size(mesh, axes[a]);
                make_offsets(offset, size, kind);
                memset(data, 0x55, sizeof data);
                for (int64_t i = offset[rank]; i < offset[rank + 1]; i++)
                    data[i] = (char)mixed(rank, i);
                if (halves) {
                    pwf_pending *p;
                    assert_int_equal(pwf_pending_new(mesh, axes[a], offset, &p).code, PWF_OK);
                    pwf_pending_begin(p, data);
                    pwf_pending_end(p);
                    pwf_pending_begin(p, data); /* a plan serves many times */
                    pwf_pending_end(p);
                    pwf_pending_free(p);
                } else {
                    pwf_mesh_gather(mesh, axes[a], data, offset);
                }
                for (int r = 0; r < size; r++)
                    for (int64_t i = offset[r]; i < offset[r + 1]; i++)
                        assert_int_equal(data[i], (char)mixed(r, i));
                assert_int_equal(data[offset[size]], 0x55);
            }
}

static void gather_items(void **state)
{
    (void)state;
    enum { ITEM = 13 };
    static char items[8 * ITEM];
    for (int a = 0; a < 3; a++) {
        const int rank = pwf_mesh_rank(mesh, axes[a]), size = pwf_mesh_size(mesh, axes[a]);
        memset(items, 0x55, sizeof items);
        for (int i = 0; i < ITEM; i++)
            items[rank * ITEM + i] = (char)mixed(rank, i);
        pwf_mesh_gather_items(mesh, axes[a], items, ITEM);
        for (int r = 0; r < size; r++)
            for (int i = 0; i < ITEM; i++)
                assert_int_equal(items[r * ITEM + i], (char)mixed(r, i));
        if (size < 8) assert_int_equal(items[size * ITEM], 0x55);
    }
}

static void collect(void **state)
{
    (void)state;
    static char data[12000];
    int64_t offset[8];
    for (int kind = 0; kind < 4; kind++)
        for (int in_place = 0; in_place < 2; in_place++) {
            const int rank = pwf_mesh_rank(mesh, PWF_WORLD), size = pwf_mesh_size(mesh, PWF_WORLD);
            make_offsets(offset, size, kind);
            const int64_t n = offset[rank + 1] - offset[rank];
            char *piece = malloc((size_t)n + 1);
            assert_non_null(piece);
            memset(data, 0x55, sizeof data);
            char *own = in_place && rank == 0 ? data + offset[0] : piece;
            for (int64_t i = 0; i < n; i++)
                own[i] = (char)mixed(rank, i);
            pwf_mesh_collect(mesh, own, (size_t)n, rank == 0 ? data : NULL, offset);
            for (int r = 0; rank == 0 && r < size; r++)
                for (int64_t i = offset[r]; i < offset[r + 1]; i++)
                    assert_int_equal(data[i], (char)mixed(r, i - offset[r]));
            assert_int_equal(data[rank == 0 ? offset[size] : 0], 0x55);
            free(piece);
        }
}

static void long_sums(void **state)
{
    (void)state;
    enum { N = 300000 }; /* a rank's part is longer than the scratch of a mesh */
    int64_t *values = malloc(sizeof *values * N);
    assert_non_null(values);
    for (int a = 0; a < 3; a++) {
        for (int64_t i = 0; i < N; i++)
            values[i] = mixed(pwf_mesh_rank(mesh, PWF_WORLD), i);
        pwf_mesh_sum_i64(mesh, axes[a], values, N);
        for (int64_t i = 0; i < N; i++) {
            int64_t want = 0;
            for (int r = 0; r < pwf_mesh_size(mesh, axes[a]); r++)
                want += mixed(world_of(axes[a], r), i);
            assert_int_equal(values[i], want);
        }
    }
    free(values);
}

/* What this rank has received on an axis since the last call: of one kind, and nothing else; of
 * PWF_TRAFFIC_KINDS: whatever it was. */
static int64_t received(pwf_axis axis, int kind)
{
    static pwf_traffic before;
    pwf_traffic now = pwf_mesh_traffic(mesh);
    int64_t bytes = 0;
    for (int a = 0; a < PWF_AXES; a++)
        for (int k = 0; k < PWF_TRAFFIC_KINDS; k++) {
            const int64_t more = now.bytes[a][k] - before.bytes[a][k];
            if (a == (int)axis && k == kind)
                bytes = more;
            else if (kind != PWF_TRAFFIC_KINDS)
                assert_int_equal(more, 0);
        }
    assert_true(now.seconds >= before.seconds || kind == PWF_TRAFFIC_KINDS);
    before = now;
    return bytes;
}

/* The counted bytes are those of a ring: of a gather, and of a sum as two of them. */
static void traffic(void **state)
{
    (void)state;
    static int64_t values[12000];
    int64_t offset[8];
    for (int a = 0; a < 3; a++)
        for (int kind = 0; kind < 4; kind++) {
            const pwf_axis axis = axes[a];
            const int rank = pwf_mesh_rank(mesh, axis), size = pwf_mesh_size(mesh, axis);
            make_offsets(offset, size, kind);
            const int64_t all = offset[size], own = offset[rank + 1] - offset[rank];
            received(axis, PWF_TRAFFIC_KINDS);
            pwf_mesh_gather(mesh, axis, values, offset);
            assert_int_equal(received(axis, PWF_GATHERED), size > 1 ? all - own : 0);
            pwf_mesh_broadcast(mesh, axis, size - 1, values, 100);
            assert_int_equal(received(axis, PWF_SPREAD), rank < size - 1 ? 100 : 0);
            pwf_mesh_max_i64(mesh, axis, values, 12);
            if (12 % size == 0)
                assert_int_equal(received(axis, PWF_REDUCED), 8 * 2 * (size - 1) * 12 / size);
            received(axis, PWF_TRAFFIC_KINDS);
            pwf_mesh_sum_i64(mesh, axis, values, all);
            int64_t moved = received(axis, PWF_REDUCED);
            pwf_mesh_sum_i64(mesh, axis, &moved, 1);
            assert_int_equal(moved, 8 * 2 * (size - 1) * all);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),       cmocka_unit_test(wrong_shards), cmocka_unit_test(agree),
        cmocka_unit_test(agree_most),   cmocka_unit_test(same),         cmocka_unit_test(sums),
        cmocka_unit_test(maxima),       cmocka_unit_test(broadcast),    cmocka_unit_test(gather),
        cmocka_unit_test(gather_items), cmocka_unit_test(collect),      cmocka_unit_test(long_sums),
        cmocka_unit_test(traffic),
    };
    return run_over_meshes(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
