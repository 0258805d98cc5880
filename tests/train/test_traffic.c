/* SPDX-License-Identifier: BSD-3-Clause */
/* A Bayesian step moves as many bytes as an ordinary one, and as many as --dry-run prints, on every
 * mesh of the ranks of this test. Ranks with different processors agree on one precision. */
#include "pwf/core/isa.h"
#include "pwf/train/train.h"
#include "trainer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static pwf_mesh *mesh;
static pwf_config config;

static void good(pwf_status s)
{
    if (s.code != PWF_OK) fail_msg("%s", s.text);
}

static void set(const char *key, const char *value)
{
    char text[PWF_TEXT];
    snprintf(text, sizeof text, "%s=%s", key, value);
    good(pwf_config_set(&config, text));
}

/* Bytes that this rank receives in a step of a phase. */
static pwf_traffic step_of(pwf_trainer *t, pwf_phase phase)
{
    t->now.facts.position.phase = phase;
    const pwf_traffic before = pwf_mesh_traffic(mesh);
    good(pwf_step_run(t));
    pwf_traffic moved = pwf_mesh_traffic(mesh);
    for (int a = 0; a < PWF_AXES; a++)
        for (int k = 0; k < PWF_TRAFFIC_KINDS; k++)
            moved.bytes[a][k] -= before.bytes[a][k];
    moved.seconds -= before.seconds;
    return moved;
}

/* MiB per rank that --dry-run prints for a mesh; negative if it has no row of it. */
static double printed_by_dry_run(int ranks, int shards)
{
    char line[512];
    double printed = -1.0;
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    if (first) assert_non_null(freopen("dry.txt", "w", stdout));
    good(pwf_train_dry_run(mesh, &config, false));
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    if (!first) return printed;
    FILE *in = fopen("dry.txt", "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        int row[3];
        double v[8];
        if (sscanf(line, "%d %d %d %lf %lf %lf %lf %lf %lf %lf %lf", &row[0], &row[1], &row[2],
                   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 11 &&
            row[1] == ranks && row[2] == shards)
            printed = v[7];
    }
    fclose(in);
    return printed;
}

static void expect_printed(double bytes, int ranks, int shards)
{
    const double printed = printed_by_dry_run(ranks, shards), moved = bytes / ranks / 1048576.0;
    if (printed >= 0.0 && fabs(printed - moved) > 0.0501)
        fail_msg("--dry-run prints %.1f MiB, a step moves %.3f", printed, moved);
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0 && (shards == 1 || shards == ranks))
        assert_true(printed >= 0.0);
}

static void steps(int shards, bool printed)
{
    pwf_trainer *t = NULL;
    char text[16];
    pwf_traffic planned;
    snprintf(text, sizeof text, "%d", shards);
    set("parallel.shards", text);
    good(pwf_mesh_new(shards, &mesh));
    good(pwf_trainer_new(mesh, &config, &t));
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const pwf_traffic plain = step_of(t, PWF_PHASE_BASELINE);
    pwf_traffic moved = step_of(t, PWF_PHASE_TRAIN);
    assert_memory_equal(plain.bytes, moved.bytes, sizeof moved.bytes);
    assert_true(ranks == 1 || (moved.seconds > 0.0 && plain.seconds > 0.0));

    pwf_plan_traffic(t->engine, ranks, shards, &planned);
    pwf_mesh_sum_i64(mesh, PWF_WORLD, &moved.bytes[0][0], PWF_AXES * PWF_TRAFFIC_KINDS);
    assert_memory_equal(moved.bytes, planned.bytes, sizeof moved.bytes);
    /* Weights with a posterior travel as two bytes in bf16, all others and those of fp32 as four.
     */
    const bool halved = config.parallel.precision == PWF_BF16;
    const int64_t weights = 4 * t->now.state->total - (halved ? 2 * t->now.state->posterior : 0);
    assert_int_equal(moved.bytes[PWF_SHARD][PWF_GATHERED],
                     ranks / shards * (shards - 1) *
                         (weights + 8 * pwf_block_count(t->now.state->total)));
    double all = 0.0;
    for (int a = 0; a < PWF_AXES; a++)
        for (int k = 0; k < PWF_TRAFFIC_KINDS; k++)
            all += (double)moved.bytes[a][k];
    /* At least the weights or the sums, whatever the mesh. */
    assert_true(all >= (ranks > 1 ? 8.0 * (double)t->now.state->total : 0.0));
    if (printed) expect_printed(all, ranks, shards);
    pwf_trainer_free(t);
    pwf_mesh_free(mesh);
}

static void on_every_mesh(void **state)
{
    const char *const *network = *state;
    pwf_mesh *world = NULL;
    set("model.widths", network[0]);
    set("optim.name", network[1]);
    set("parallel.precision", network[3]);
    good(pwf_mesh_new(1, &world));
    const int ranks = pwf_mesh_size(world, PWF_WORLD);
    pwf_mesh_free(world);
    for (int shards = 1; shards <= ranks; shards++)
        if (ranks % shards == 0) steps(shards, strcmp(network[2], "printed") == 0);
}

/* auto means bf16 only if every rank supports it and the back end uses it; other values stay. */
static void precision_is_agreed_on(void **state)
{
    (void)state;
    const bool able = pwf_isa_bf16();
    good(pwf_mesh_new(1, &mesh));
    const int rank = pwf_mesh_rank(mesh, PWF_WORLD), ranks = pwf_mesh_size(mesh, PWF_WORLD);
    for (int lacking = 0; lacking <= ranks; lacking++) /* `ranks`: none */
        for (int backend = PWF_TENSOR_AUTO; backend <= PWF_TENSOR_PLAIN; backend++)
            for (int asked = PWF_FP32; asked <= PWF_PRECISION_AUTO; asked++) {
                const bool uses = backend == PWF_TENSOR_AUTO || backend == PWF_TENSOR_ONEDNN;
                const int now = able && uses && lacking == ranks ? PWF_BF16 : PWF_FP32;
                pwf_isa_use_bf16(rank != lacking);
                config.parallel.backend = (pwf_tensor_backend)backend;
                config.parallel.precision = (pwf_precision)asked;
                pwf_train_settle_precision(mesh, &config);
                assert_int_equal(config.parallel.precision,
                                 asked == PWF_PRECISION_AUTO ? now : asked);
            }
    pwf_isa_use_bf16(true);
    config.parallel.backend = PWF_TENSOR_AUTO;
    pwf_mesh_free(mesh);
}

int main(int argc, char **argv)
{
    /* Sums of few elements, which one call of MPI does, and of many. */
    static const char *few[] = {"8,16", "sgd", "", "fp32"},
                      *many[] = {"32,64", "adamw", "printed", "fp32"},
                      *many_halved[] = {"32,64", "adamw", "printed", "bf16"};
    const struct CMUnitTest tests[] = {
        {"few parameters", on_every_mesh, NULL, NULL, few},
        {"many parameters", on_every_mesh, NULL, NULL, many},
        {"many parameters in bf16", on_every_mesh, NULL, NULL, many_halved},
        cmocka_unit_test(precision_is_agreed_on),
    };
    char path[PWF_TEXT];
    good(pwf_mesh_start(&argc, &argv));
    pwf_config_defaults(&config);
    snprintf(path, sizeof path, "%s/tests/train/tiny.yaml", getenv("PWF_SOURCE_DIR"));
    good(pwf_config_read_file(&config, path));
    set("train.batch", "16");
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pwf_mesh_stop();
    return failed;
}
