/* SPDX-License-Identifier: BSD-3-Clause */
/* A small network whose state is a pure function of the step, and the ways to write, prune and load
 * its checkpoints. Shared by the tests of checkpoints and the programs that are killed or run on
 * failing file systems. Any failure of the set-up aborts. */
#include "example.h"

#include "pwf/ckpt/background.h"
#include "pwf/core/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(pwf_status s)
{
    if (s.code == PWF_OK) return;
    fprintf(stderr, "%s\n", s.text);
    abort();
}

/* Parameters that end within a block and at its end, smaller and larger than a block, with 1 to 4
 * dimensions. */
static pwf_registry *network(void)
{
    static const struct {
        const char *name;
        int dims;
        int64_t shape[PWF_DIMS];
        pwf_role role;
    } params[] = {{"conv1.weight", 4, {16, 1, 3, 3}, PWF_ROLE_WEIGHT},
                  {"bn1.weight", 1, {16}, PWF_ROLE_PLAIN},
                  {"bn1.bias", 1, {16}, PWF_ROLE_PLAIN},
                  {"layer1.0.conv1.weight", 4, {31, 16, 3, 3}, PWF_ROLE_WEIGHT},
                  {"layer1.0.bn1.weight", 1, {31}, PWF_ROLE_PLAIN},
                  {"layer1.0.conv2.weight", 4, {64, 31, 3, 3}, PWF_ROLE_WEIGHT},
                  {"layer2.0.downsample.0.weight", 4, {64, 64, 1, 1}, PWF_ROLE_WEIGHT},
                  {"pos_embed", 3, {1, 17, 64}, PWF_ROLE_PLAIN},
                  {"fc.weight", 2, {10, 64}, PWF_ROLE_WEIGHT},
                  {"fc.bias", 1, {10}, PWF_ROLE_BIAS}};
    pwf_registry *r = NULL;
    must(pwf_registry_new(&r));
    const pwf_param *p = NULL;
    const pwf_buffer *b = NULL;
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++)
        must(pwf_registry_add(r, params[i].name, params[i].dims, params[i].shape, params[i].role,
                              PWF_INIT_NORMAL, 0.1F, &p));
    must(pwf_registry_add_buffer(r, "bn1.running_mean", 16, 0, &b));
    must(pwf_registry_add_buffer(r, "bn1.running_var", 16, 1, &b));
    must(pwf_registry_close(r, NULL, 0));
    return r;
}

example example_new(const pwf_mesh *mesh)
{
    example e = {0};
    e.registry = network();
    const int64_t total = pwf_registry_total_count(e.registry);
    const pwf_range own =
        pwf_shard_range(total, pwf_mesh_size(mesh, PWF_SHARD), pwf_mesh_rank(mesh, PWF_SHARD));
    must(pwf_state_new(e.registry, own, 7, 11, &e.snapshot.state));
    e.snapshot.facts.seed = 7;
    e.snapshot.facts.slots = 8;
    strcpy(e.snapshot.facts.model, "example");
    e.snapshot.facts.config = "model:\n  name: example\n";
    return e;
}

void example_free(example *e)
{
    pwf_state_free(e->snapshot.state);
    pwf_registry_free(e->registry);
}

static void fill(pwf_state *s, int64_t step)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(s, arrays);
    for (int a = 0; a < count; a++) {
        const pwf_range own = arrays[a].posterior ? s->own_posterior : s->own;
        const pwf_stream stream = {1, PWF_RNG_NOISE, (uint64_t)step, (uint32_t)a};
        if (arrays[a].real) {
            if (own.hi > own.lo) pwf_rng_normals(arrays[a].data, stream, own.lo, own.hi - own.lo);
            continue;
        }
        for (int64_t i = own.lo; i < own.hi; i++)
            ((int16_t *)arrays[a].data)[i - own.lo] = (int16_t)((i + step) % 6 - 1);
    }
}

void example_set(example *e, int64_t step)
{
    pwf_state *s = e->snapshot.state;
    fill(s, step);
    for (int64_t i = 0; i < pwf_registry_buffer_count(e->registry); i++)
        s->buffers[i] = (float)(i * 3 + step) * 0.25F;
    s->codebook.count = 0;
    for (int32_t i = 0; i < 5; i++)
        pwf_codebook_add(&s->codebook, (i - 2) * 512 + (int32_t)step);
    e->snapshot.facts.position = (pwf_position){1, step / 100, step % 100, step, 2 * step};
    e->snapshot.facts.data = (pwf_hash){0x1234, 0x5678};
    e->snapshot.facts.metrics_bytes = 10 * step;
    e->snapshot.facts.rounds_bytes = step;
    e->snapshot.facts.seconds = (double)step;
}

void example_spoil(example *e)
{
    example_set(e, 77777);
    e->snapshot.facts.data = (pwf_hash){0, 0};
}

pwf_ckpt_writer example_writer(const char *way)
{
    return strcmp(way, "mpiio") == 0 ? PWF_CKPT_MPIIO : PWF_CKPT_PWRITE;
}

/* Completes a background checkpoint; `path` gets its name. */
static pwf_status finish(pwf_background *b, const pwf_mesh *mesh, char *path)
{
    char named[PWF_PATH];
    while (pwf_background_is_under_way(b)) {
        pwf_background_wait(b);
        int claim = pwf_background_claim(b);
        PWF_TRY(pwf_mesh_agree_most(mesh, pwf_ok(), &claim, 1));
        PWF_TRY(pwf_background_advance(b, claim, named));
        if (*named) memcpy(path, named, sizeof named);
    }
    return pwf_ok();
}

pwf_status example_write(example *e, const pwf_mesh *mesh, const char *dir, const char *way,
                         int64_t step, char *path)
{
    example_set(e, step);
    e->snapshot.writer = example_writer(way);
    if (strcmp(way, "async") != 0) return pwf_ckpt_write(mesh, dir, &e->snapshot, path);
    pwf_background *b = NULL;
    must(pwf_background_new(mesh, e->snapshot.state, "watchdog.checkpoint", 0.0, &b));
    pwf_status s = pwf_background_begin(b, dir, &e->snapshot);
    if (s.code == PWF_OK) {
        example_spoil(e);
        s = finish(b, mesh, path);
        example_set(e, step);
    }
    pwf_background_free(b);
    return s;
}

void example_prune(example *e, const pwf_mesh *mesh, const char *dir, const char *way, int64_t step)
{
    const pwf_retention stay = {.step = step, .keep = 2};
    char none[PWF_PATH];
    pwf_background *b = NULL;
    if (strcmp(way, "async") != 0) {
        pwf_ckpt_prune(mesh, dir, stay);
        return;
    }
    must(pwf_background_new(mesh, e->snapshot.state, "watchdog.checkpoint", 0.0, &b));
    pwf_background_prune(b, dir, stay);
    must(finish(b, mesh, none));
    pwf_background_free(b);
}

pwf_hash example_fingerprint(const example *e, const pwf_mesh *mesh)
{
    pwf_hash fingerprint;
    must(pwf_ckpt_fingerprint(mesh, &e->snapshot, NULL, &fingerprint));
    return fingerprint;
}

pwf_status example_load(example *e, const pwf_mesh *mesh, const char *dir, int64_t *step)
{
    static char path[PWF_PATH];
    bool found = false;
    *step = 0;
    example_spoil(e);
    PWF_TRY(pwf_ckpt_find(mesh, dir, path, &found));
    if (!found) return PWF_FAIL(PWF_MISSING, "%s has no checkpoint", dir);
    PWF_TRY(pwf_ckpt_read(mesh, path, &e->snapshot));
    *step = e->snapshot.facts.position.step;
    const pwf_hash loaded = example_fingerprint(e, mesh);
    example_set(e, *step);
    const pwf_hash want = example_fingerprint(e, mesh);
    if (memcmp(&loaded, &want, sizeof want) != 0) *step = -1;
    return pwf_ok();
}
