/* SPDX-License-Identifier: BSD-3-Clause */
/* Times the writing of checkpoints by both writers and in the background, in turns:
 * bench_checkpoint DIR MODEL TIMES, MODEL one of timm's names. The state is divided over all ranks.
 */
#include "bench.h"
#include "pwf/ckpt/background.h"
#include "pwf/config/config.h"
#include "pwf/core/clock.h"
#include "pwf/core/rng.h"
#include "pwf/models/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The ways take turns. */
enum { PWRITE, MPIIO, ASYNC, WAYS };
static const char *const ways[WAYS] = {"pwrite", "mpiio", "async"};

/* In the background; returns the seconds in which the caller could do nothing else. */
static double write_beside(pwf_background *b, const pwf_mesh *mesh, const char *dir,
                           const pwf_snapshot *snapshot, char *path)
{
    double begun = pwf_clock_seconds();
    bench_check(pwf_background_begin(b, dir, snapshot));
    double blocked = pwf_clock_seconds() - begun;
    while (pwf_background_is_under_way(b)) {
        pwf_background_wait(b);
        int claim = pwf_background_claim(b);
        bench_check(pwf_mesh_agree_most(mesh, pwf_ok(), &claim, 1));
        begun = pwf_clock_seconds();
        bench_check(pwf_background_advance(b, claim, path));
        blocked += pwf_clock_seconds() - begun;
    }
    return blocked;
}

static void report(const char *model, int ranks, const char *way, double seconds, double bytes)
{
    char row[128], remark[64];
    snprintf(row, sizeof row, "checkpoint of %s, %s, %d ranks", model, way, ranks);
    snprintf(remark, sizeof remark, "%.1f MiB, %.2f GB/s", bytes * 0x1p-20, 1e-9 * bytes / seconds);
    bench_cell(BENCH_OTHERS, row, "value", seconds);
    bench_text(BENCH_OTHERS, row, "unit", "s");
    bench_text(BENCH_OTHERS, row, "remark", remark);
}

int main(int argc, char **argv)
{
    enum { TIMES_MAX = 100 };
    static char path[PWF_PATH];
    static double seconds[WAYS][TIMES_MAX], blocked[WAYS][TIMES_MAX];
    static pwf_config config;
    bench_check(pwf_mesh_start(&argc, &argv));
    const int times = argc == 4 ? atoi(argv[3]) : 0;
    if (times < 1 || times > TIMES_MAX) return PWF_USAGE;
    pwf_mesh *mesh = NULL;
    bench_check(pwf_mesh_new(1, &mesh));
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD), rank = pwf_mesh_rank(mesh, PWF_WORLD);
    pwf_mesh_free(mesh);
    bench_check(pwf_mesh_new(ranks, &mesh));

    pwf_registry *registry = NULL;
    pwf_graph *graph = NULL;
    pwf_config_defaults(&config);
    snprintf(config.model.name, sizeof config.model.name, "%s", argv[2]);
    bench_check(pwf_model_build(pwf_config_model(&config), &registry, &graph));
    const int64_t total = pwf_registry_total_count(registry);
    pwf_snapshot snapshot = {.facts = {.seed = 1, .slots = 8, .config = "# bench\n"}};
    snprintf(snapshot.facts.model, PWF_FACT_TEXT, "%s", argv[2]);
    bench_check(
        pwf_state_new(registry, pwf_shard_range(total, ranks, rank), 7, 11, &snapshot.state));
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(snapshot.state, arrays);
    for (int a = 0; a < count; a++) {
        const pwf_range own =
            arrays[a].posterior ? snapshot.state->own_posterior : snapshot.state->own;
        if (arrays[a].real && own.hi > own.lo)
            pwf_rng_normals(arrays[a].data, (pwf_stream){1, PWF_RNG_NOISE, 0, (uint32_t)a}, own.lo,
                            own.hi - own.lo);
    }
    pwf_background *background = NULL;
    bench_check(pwf_background_new(mesh, snapshot.state, "", 0.0, &background));
    for (int i = -1; i < times; i++) /* the first is not counted */
        for (int w = 0; w < WAYS; w++) {
            double stands = 0.0;
            snapshot.writer = w == MPIIO ? PWF_CKPT_MPIIO : PWF_CKPT_PWRITE;
            snapshot.facts.position.step++;
            pwf_mesh_barrier(mesh);
            const double begun = pwf_clock_seconds();
            if (w == ASYNC)
                stands = write_beside(background, mesh, argv[1], &snapshot, path);
            else
                bench_check(pwf_ckpt_write(mesh, argv[1], &snapshot, path));
            if (i >= 0) seconds[w][i] = pwf_clock_seconds() - begun;
            if (i >= 0) blocked[w][i] = w == ASYNC ? stands : seconds[w][i];
            pwf_ckpt_prune(mesh, argv[1],
                           (pwf_retention){.step = snapshot.facts.position.step, .keep = 2});
        }
    pwf_background_free(background);
    pwf_loaded_info info;
    if (rank == 0) {
        bench_check(pwf_ckpt_inspect(path, true, &info));
        for (int w = 0; w < WAYS; w++) {
            qsort(seconds[w], (size_t)times, sizeof seconds[w][0], ascending);
            qsort(blocked[w], (size_t)times, sizeof blocked[w][0], ascending);
            printf("%s %s: %.1f MiB, %d ranks, median of %d: %.3f s, fastest %.3f, slowest %.3f; "
                   "the caller was blocked for %.3f s, fastest %.3f, slowest %.3f\n",
                   argv[2], ways[w], (double)info.bytes * 0x1p-20, ranks, times,
                   seconds[w][times / 2], seconds[w][0], seconds[w][times - 1],
                   blocked[w][times / 2], blocked[w][0], blocked[w][times - 1]);
            report(argv[2], ranks, ways[w], seconds[w][times / 2], (double)info.bytes);
        }
    }
    pwf_state_free(snapshot.state);
    pwf_graph_free(graph);
    pwf_registry_free(registry);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return 0;
}
