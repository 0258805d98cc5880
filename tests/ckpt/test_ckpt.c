/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints without a trainer: round trip, both writers and the background writer, fingerprint,
 * refusals, retention, and an I/O error at each step of the commit. Run on 1 to 4 ranks, with one
 * shard and with as many shards as ranks. */
#include "example.h"

#include "pwf/ckpt/background.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[PWF_PATH];
static bool first;

static void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

/* Empties the directory; all ranks see the result. */
static void clean(const pwf_mesh *mesh)
{
    pwf_mesh_barrier(mesh);
    if (first) {
        char command[256];
        snprintf(command, sizeof command, "rm -rf %s && mkdir %s", dir, dir);
        assert_int_equal(system(command), 0);
    }
    pwf_mesh_barrier(mesh);
}

static int count_files(void)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    int n = -2; /* . and .. */
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static pwf_mesh *mesh_of(bool sharded, example *e)
{
    pwf_mesh *mesh = NULL;
    good(pwf_mesh_new(1, &mesh));
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    if (sharded) {
        pwf_mesh_free(mesh);
        good(pwf_mesh_new(ranks, &mesh));
    }
    first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    snprintf(dir, sizeof dir, "unit_%d", ranks);
    clean(mesh);
    *e = example_new(mesh);
    return mesh;
}

static void finish(pwf_mesh *mesh, example *e)
{
    example_free(e);
    clean(mesh);
    if (first) rmdir(dir);
    pwf_mesh_free(mesh);
}

/* Reading a checkpoint restores the whole state, and inspect computes the same fingerprint. */
static void round_trip(bool sharded)
{
    example e;
    pwf_mesh *mesh = mesh_of(sharded, &e);
    example_set(&e, 250);
    good(pwf_ckpt_write(mesh, dir, &e.snapshot, path));
    const pwf_hash before = example_fingerprint(&e, mesh);

    pwf_loaded_info info;
    good(pwf_ckpt_inspect(path, true, &info));
    assert_memory_equal(&info.fingerprint, &before, sizeof before);
    assert_string_equal(info.facts.model, "example");
    assert_int_equal(info.facts.position.step, 250);
    assert_int_equal(info.codebook, 5);
    assert_int_equal(info.total, pwf_registry_total_count(e.registry));
    assert_int_equal(info.fixed, info.posterior - (info.posterior + 1) / 6);
    assert_false(info.is_model);

    example_spoil(&e);
    good(pwf_ckpt_read(mesh, path, &e.snapshot));
    const pwf_hash after = example_fingerprint(&e, mesh);
    assert_memory_equal(&after, &before, sizeof before);
    assert_int_equal(e.snapshot.facts.position.batches, 500);
    assert_int_equal(e.snapshot.facts.metrics_bytes, 2500);
    assert_int_equal(e.snapshot.facts.rounds_bytes, 250);
    assert_true(e.snapshot.facts.seconds == 250);

    char *config = NULL;
    good(pwf_ckpt_read_config(mesh, path, &config));
    assert_string_equal(config, e.snapshot.facts.config);
    free(config);
    pwf_mesh_barrier(mesh);
    assert_int_equal(count_files(), 1);
    finish(mesh, &e);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip(false);
    round_trip(true);
}

static unsigned char *slurp(const char *name, size_t *size)
{
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    *size = (size_t)info.st_size;
    unsigned char *all = malloc(*size);
    FILE *f = fopen(name, "rb");
    assert_non_null(all);
    assert_non_null(f);
    assert_int_equal(fread(all, 1, *size, f), *size);
    fclose(f);
    return all;
}

/* All writers make the same file to the last byte, at any time, even if the state changes while the
 * background writer writes its copy. */
static void test_writers(void **state)
{
    (void)state;
    for (int sharded = 0; sharded < 2; sharded++) {
        example e;
        static const char *const ways[] = {"mpiio", "pwrite", "async"};
        unsigned char *bytes[3];
        size_t size[3];
        pwf_mesh *mesh = mesh_of(sharded, &e);
        for (int w = 0; w < 3; w++) {
            good(example_write(&e, mesh, dir, ways[w], 9, path));
            pwf_mesh_barrier(mesh);
            bytes[w] = slurp(path, &size[w]);
            good(pwf_ckpt_verify(path));
            if (w == 0 && !sharded) sleep(1);
            pwf_mesh_barrier(mesh);
        }
        for (int w = 1; w < 3; w++) {
            assert_int_equal(size[0], size[w]);
            for (size_t i = 0; i < size[0]; i++)
                if (bytes[0][i] != bytes[w][i]) fail_msg("%s: byte %zu differs", ways[w], i);
            free(bytes[w]);
        }
        free(bytes[0]);
        finish(mesh, &e);
    }
}

/* Every part of the state changes the fingerprint; what depends on time does not. */
static void test_fingerprint(void **state)
{
    (void)state;
    example e;
    pwf_mesh *mesh = mesh_of(true, &e);
    example_set(&e, 3);
    const pwf_hash base = example_fingerprint(&e, mesh);
    e.snapshot.facts.seconds = 99;
    e.snapshot.facts.metrics_bytes = 1;
    pwf_hash now = example_fingerprint(&e, mesh);
    assert_memory_equal(&now, &base, sizeof base);
    for (int change = 0; change < 9; change++) {
        example_set(&e, 3);
        pwf_state *s = e.snapshot.state;
        /* the first element of the flat vector is on the first rank of the shard group */
        const bool here = s->own.lo == 0 && s->own.hi > 0;
        if (change == 0 && here) s->mu[0] = -s->mu[0];
        if (change == 1 && here) s->sigma[0] = 5;
        if (change == 2 && here) s->mu_moment[0][0] = 5;
        if (change == 3 && here) s->sigma_moment[0][0] = 5;
        if (change == 4 && here) s->code[0] = 4;
        if (change == 5) s->buffers[31] = -1;
        if (change == 6) s->codebook.entry[4]++;
        if (change == 7) e.snapshot.facts.position.batches++;
        if (change == 8) e.snapshot.facts.data.hi++;
        now = example_fingerprint(&e, mesh);
        assert_memory_not_equal(&now, &base, sizeof base);
    }
    finish(mesh, &e);
}

static void refused(const pwf_mesh *mesh, const example *e, const char *word)
{
    example other = *e;
    const pwf_status s = pwf_ckpt_read(mesh, path, &other.snapshot);
    assert_int_equal(s.code, PWF_DATA);
    if (!strstr(s.text, word)) fail_msg("%s: no word of %s", s.text, word);
}

/* A checkpoint of another run is refused with a message that names the field. */
static void test_foreign(void **state)
{
    (void)state;
    example e;
    pwf_mesh *mesh = mesh_of(true, &e);
    example_set(&e, 5);
    good(pwf_ckpt_write(mesh, dir, &e.snapshot, path));
    const example same = e;
    strcpy(e.snapshot.facts.model, "other");
    refused(mesh, &e, "model");
    e = same;
    e.snapshot.facts.seed = 8;
    refused(mesh, &e, "seed");
    e = same;
    e.snapshot.facts.slots = 4;
    refused(mesh, &e, "slots");
    e = same;
    e.snapshot.facts.data.lo++;
    refused(mesh, &e, "images");
    e = same;
    e.snapshot.state->codebook.min_power = 9;
    refused(mesh, &e, "min_power");
    e.snapshot.state->codebook.min_power = 11;
    finish(mesh, &e);
}

/* The final model has means and codes, and cannot be resumed. */
static void test_model(void **state)
{
    (void)state;
    example e;
    pwf_mesh *mesh = mesh_of(true, &e);
    example_set(&e, 6);
    snprintf(path, sizeof path, "%s/model.h5", dir);
    good(pwf_ckpt_write_model(mesh, path, &e.snapshot));
    pwf_loaded_info info;
    good(pwf_ckpt_inspect(path, true, &info));
    assert_true(info.is_model);
    assert_true(info.fixed > 0 && info.unique > 0);
    refused(mesh, &e, "final model");
    char *config = NULL;
    good(pwf_ckpt_read_config(mesh, path, &config));
    free(config);
    bool found = true;
    good(pwf_ckpt_find(mesh, dir, path, &found));
    assert_false(found);
    finish(mesh, &e);
}

/* Prune keeps the newest and every round file; find takes the newest that is good. */
static void test_folder(void **state)
{
    (void)state;
    example e;
    pwf_mesh *mesh = mesh_of(false, &e);
    bool found = true;
    good(pwf_ckpt_find(mesh, "no_such_folder", path, &found));
    assert_false(found);
    good(pwf_ckpt_find(mesh, dir, path, &found));
    assert_false(found);
    for (int64_t step = 1; step <= 4; step++) {
        example_set(&e, step);
        good(pwf_ckpt_write(mesh, dir, &e.snapshot, path));
        if (step <= 2) good(pwf_ckpt_keep_round(mesh, path, 7));
    }
    pwf_mesh_barrier(mesh);
    assert_int_equal(count_files(), 5);
    pwf_mesh_barrier(mesh);
    pwf_ckpt_prune(mesh, dir, (pwf_retention){.step = 4, .keep = 2});
    assert_int_equal(count_files(), 3);
    good(pwf_ckpt_find(mesh, dir, path, &found));
    assert_true(found && strstr(path, "ckpt-0000000004.h5"));
    pwf_mesh_barrier(mesh);
    if (first) assert_int_equal(truncate(path, 100000), 0);
    good(pwf_ckpt_find(mesh, dir, path, &found));
    assert_true(found && strstr(path, "ckpt-0000000003.h5"));
    pwf_mesh_barrier(mesh);
    if (first) assert_int_equal(truncate(path, 0), 0);
    good(pwf_ckpt_find(mesh, dir, path, &found));
    assert_true(found && strstr(path, "round-07.h5"));
    pwf_loaded_info info;
    good(pwf_ckpt_inspect(path, true, &info));
    assert_int_equal(info.facts.position.step, 2);
    pwf_mesh_barrier(mesh);
    if (first) assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(pwf_ckpt_find(mesh, dir, path, &found).code, PWF_DATA);
    assert_true(found);
    finish(mesh, &e);
}

static bool is_there(int64_t step)
{
    struct stat info;
    snprintf(path, sizeof path, "%s/ckpt-%010lld.h5", dir, (long long)step);
    return stat(path, &info) == 0;
}

static void write_and_prune(const pwf_mesh *mesh, example *e, int64_t step)
{
    example_set(e, step);
    good(pwf_ckpt_write(mesh, dir, &e->snapshot, path));
    pwf_ckpt_prune(mesh, dir, (pwf_retention){.step = step, .keep = 2, .every = 5});
}

/* Kept are the newest, the first after each multiple, and those of steps beyond that of the run. */
static void test_retention(void **state)
{
    (void)state;
    static const int64_t steps[] = {1, 3, 5, 6, 8, 9, 11, 14, 16, 17, 18};
    static const bool stays[] = {false, false, true, false, false, false,
                                 true,  false, true, true,  true};
    enum { STEPS = sizeof steps / sizeof steps[0] };
    example e;
    pwf_mesh *mesh = mesh_of(false, &e);
    for (int i = 0; i < STEPS; i++)
        write_and_prune(mesh, &e, steps[i]);
    for (int i = 0; i < STEPS; i++)
        if (is_there(steps[i]) != stays[i]) fail_msg("step %d", (int)steps[i]);
    pwf_mesh_barrier(mesh);
    /* A second attempt that resumes from step 5. */
    for (int64_t step = 6; step <= 8; step++)
        write_and_prune(mesh, &e, step);
    for (int i = 0; i < STEPS; i++)
        if (is_there(steps[i]) != (stays[i] || steps[i] == 8)) fail_msg("step %d", (int)steps[i]);
    assert_true(is_there(7));
    finish(mesh, &e);
}

/* If a file cannot be created, all ranks fail and no file remains. */
static void test_refusals(void **state)
{
    (void)state;
    example e;
    pwf_mesh *mesh = mesh_of(true, &e);
    example_set(&e, 1);
    assert_int_equal(pwf_ckpt_write(mesh, "no_such_folder", &e.snapshot, path).code,
                     PWF_CANTCREATE);
    pwf_mesh_barrier(mesh);
    if (first) assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(pwf_ckpt_write(mesh, dir, &e.snapshot, path).code, PWF_DENIED);
    assert_int_equal(count_files(), 0);
    assert_int_equal(pwf_ckpt_verify("no_such_file").code, PWF_MISSING);
    assert_int_equal(pwf_ckpt_verify(dir).code, PWF_DATA);
    finish(mesh, &e);
}

/* All ranks abandon a commit halfway: no partial file remains, and the previous checkpoint stays.
 */
static void test_given_up(void **state)
{
    (void)state;
    example e;
    pwf_background *b = NULL;
    pwf_mesh *mesh = mesh_of(true, &e);
    good(example_write(&e, mesh, dir, "async", 1, path));
    example_set(&e, 2);
    for (int stages = 0; stages < 3; stages++) {
        good(pwf_background_new(mesh, e.snapshot.state, "watchdog.checkpoint", 0.0, &b));
        assert_false(pwf_background_is_under_way(b));
        assert_int_equal(pwf_background_claim(b), PWF_OK);
        good(pwf_background_begin(b, dir, &e.snapshot));
        for (int i = 0; i < stages; i++) {
            pwf_background_wait(b);
            int claim = pwf_background_claim(b);
            good(pwf_mesh_agree_most(mesh, pwf_ok(), &claim, 1));
            good(pwf_background_advance(b, claim, path));
            assert_string_equal(path, "");
        }
        assert_true(pwf_background_is_under_way(b));
        pwf_background_free(b);
        pwf_mesh_barrier(mesh);
        assert_int_equal(count_files(), 1);
        bool found = false;
        good(pwf_ckpt_find(mesh, dir, path, &found));
        assert_non_null(strstr(path, "0000000001.h5"));
    }
    finish(mesh, &e);
}

#ifdef PWF_FAULTS

/* An I/O error at each step of the commit, on each rank: all ranks return the failure, no partial
 * file remains, and the previous checkpoint is found, or the new one if it already has its name. */
static void errors(const char *way)
{
    static const char *const points[] = {
        "before_create", "after_create",   "after_layout", "after_open",    "after_data",
        "after_close",   "after_fsync",    "after_hashes", "after_header",  "after_check",
        "before_rename", "after_readback", "after_rename", "after_dirsync",
    };
    example e;
    pwf_mesh *mesh = mesh_of(true, &e);
    good(example_write(&e, mesh, dir, way, 1, path));
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (int rank = 0; rank < pwf_mesh_size(mesh, PWF_WORLD); rank++) {
            char fault[64];
            snprintf(fault, sizeof fault, "ckpt.%s:%d:1:eio", points[i], rank);
            pwf_fault_arm(fault);
            const pwf_status s = example_write(&e, mesh, dir, way, 2, path);
            if (s.code != PWF_IO) fail_msg("%s: %s", fault, pwf_code_name(s.code));
            pwf_fault_arm(NULL);
            pwf_mesh_barrier(mesh);
            const bool named = i >= sizeof points / sizeof points[0] - 2;
            assert_int_equal(count_files(), named ? 2 : 1);
            bool found = false;
            good(pwf_ckpt_find(mesh, dir, path, &found));
            assert_non_null(strstr(path, named ? "0000000002.h5" : "0000000001.h5"));
            good(pwf_ckpt_read(mesh, path, &e.snapshot));
            pwf_mesh_barrier(mesh);
            if (named && first) assert_int_equal(unlink(path), 0);
            pwf_mesh_barrier(mesh);
        }
    finish(mesh, &e);
}

static void test_errors(void **state)
{
    (void)state;
    errors("mpiio");
    errors("pwrite");
    errors("async");
}

#endif

int main(int argc, char **argv)
{
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_writers),
        cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_model),       cmocka_unit_test(test_folder),
        cmocka_unit_test(test_retention),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_given_up),
#ifdef PWF_FAULTS
        cmocka_unit_test(test_errors),
#endif
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (pwf_mem_live() != 0) {
        fprintf(stderr, "%lld allocations were not freed\n", (long long)pwf_mem_live());
        failed++;
    }
    pwf_mesh_stop();
    return failed;
}
