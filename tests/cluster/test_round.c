/* SPDX-License-Identifier: BSD-3-Clause */
/* One fixing round on random problems: the solution equals the dense reference implementation and
 * does not depend on the number of ranks, their ranges or the chunks of messages. Also limits:
 * ties, sigma 0, many stages, too many steps or codes, and settings that are refused. */
#include "inputs.h"
#include "reference.h"

#include "pwf/mesh/mesh_mpi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pwf_mesh *mesh, *alone;

static bool bits_equal(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Two solutions are equal bit by bit. */
static void assert_same(const solution *a, const solution *b, int64_t total)
{
    assert_int_equal(a->result.count, b->result.count);
    assert_int_equal(a->result.fixed, b->result.fixed);
    for (int64_t i = 0; i < a->result.count; i++) {
        const pwf_round_step *s = &a->result.steps[i], *t = &b->result.steps[i];
        assert_int_equal(s->order, t->order);
        assert_int_equal(s->integer, t->integer);
        assert_int_equal(s->count, t->count);
        assert_true(bits_equal(s->delta, t->delta) && bits_equal(s->centre, t->centre));
        assert_true(bits_equal(s->mean, t->mean) && bits_equal(s->spread, t->spread));
    }
    const size_t n = (size_t)total;
    assert_memory_equal(a->mu, b->mu, n * sizeof *a->mu);
    assert_memory_equal(a->sigma, b->sigma, n * sizeof *a->sigma);
    assert_memory_equal(a->code, b->code, n * sizeof *a->code);
    assert_int_equal(a->codebook.count, b->codebook.count);
    assert_memory_equal(a->codebook.entry, b->codebook.entry,
                        (size_t)a->codebook.count * sizeof *a->codebook.entry);
}

static void assert_near(double value, double expected, double size)
{
    if (!(fabs(value - expected) <= 1e-6 * fabs(expected) + 1e-12 * size))
        fail_msg("%.17g is not %.17g", value, expected);
}

/* Compares a solution with that of the dense reference. */
static void assert_reference(const problem *p, const solution *s)
{
    problem copy = problem_new(p->total);
    const size_t n = (size_t)p->total;
    memcpy(copy.mu, p->mu, n * sizeof *p->mu);
    memcpy(copy.sigma, p->sigma, n * sizeof *p->sigma);
    memcpy(copy.fixed, p->fixed, n);
    reference_round r = reference_run(&p->settings, p->total, copy.mu, copy.sigma, copy.fixed);
    assert_int_equal(s->result.count, r.count);
    for (int64_t i = 0; i < r.count; i++) {
        const pwf_round_step *a = &s->result.steps[i], *b = &r.steps[i];
        assert_int_equal(a->order, b->order);
        assert_int_equal(a->integer, b->integer);
        assert_int_equal(a->count, b->count);
        assert_true(a->delta == b->delta && a->centre == b->centre);
        assert_near(a->mean, b->mean, 1.0);
        assert_near(a->spread, b->spread, 1.0);
    }
    assert_memory_equal(s->fixed, copy.fixed, n);
    assert_memory_equal(s->mu, copy.mu, n * sizeof *copy.mu);
    for (int64_t i = 0; i < p->total; i++)
        assert_near((double)s->sigma[i], (double)copy.sigma[i], 1.0);
    for (int64_t i = 0; i < p->total; i++)
        if (!p->fixed[i] && s->fixed[i])
            assert_true(pwf_codebook_value(&s->codebook, s->code[i]) == s->mu[i]);
    free(r.steps);
    problem_free(&copy);
}

/* Slow checks that need one rank only are distributed over the ranks. */
static bool mine(uint64_t number)
{
    const uint64_t ranks = (uint64_t)pwf_mesh_size(mesh, PWF_WORLD);
    return number % ranks == (uint64_t)pwf_mesh_rank(mesh, PWF_WORLD);
}

/* On the mesh under test and on this rank alone; both must agree in every bit. */
static void check(const problem *p, uint64_t parts, bool reference)
{
    solution a, b;
    assert_int_equal(solve(mesh, p, parts, 0, &a).code, PWF_OK);
    assert_int_equal(solve(alone, p, 0, 0, &b).code, PWF_OK);
    assert_same(&a, &b, p->total);
    if (reference) assert_reference(p, &a);
    solution_free(&a);
    solution_free(&b);
}

static void test_centres(void **state)
{
    (void)state;
    static const double sizes[] = {0.0,  1e-9, 0.0078125, 0.25, 0.2500001, 0.3,
                                   0.75, 1.0,  1.5,       2.0,  3.99,      8.0};
    for (int64_t order = 1; order <= 6; order++)
        for (int64_t power = 0; power <= 9; power++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                if (!mine(i)) continue;
                int64_t count = 0;
                int32_t *expected = reference_centres(order, power, sizes[i], &count);
                assert_int_equal(pwf_cluster_centres(NULL, order, power, sizes[i]), count);
                int32_t *found = malloc((size_t)count * sizeof *found);
                assert_int_equal(pwf_cluster_centres(found, order, power, sizes[i]), count);
                assert_memory_equal(found, expected, (size_t)count * sizeof *found);
                free(found);
                free(expected);
            }
}

static void test_random_small(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        problem p = problem_random(seed, (int64_t)(1 + random_bits(seed, 0) % 300));
        check(&p, seed, mine(seed));
        problem_free(&p);
    }
}

static void test_random_blocks(void **state)
{
    (void)state;
    for (uint64_t seed = 1001; seed <= 1012; seed++) {
        problem p = problem_random(seed, (int64_t)(9000 + random_bits(seed, 0) % 20000));
        check(&p, seed % 3 ? seed : 0, seed % 4 == 0 && mine(seed / 4));
        problem_free(&p);
    }
}

/* With min_power 16 there are many centres, and more integers than the look-up table has entries.
 */
static void test_many_centres(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        problem p = problem_random(seed * 31, 40);
        p.settings.min_power = 14 + (int64_t)(seed % 3);
        if (p.settings.max_order > 3) p.settings.max_order = 3;
        check(&p, seed, mine(seed));
        problem_free(&p);
    }
}

static void test_all_equal(void **state)
{
    (void)state;
    static const float values[] = {0.0f, 0.1f, -0.0078125f, 1e-30f, 100.0f};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        for (int zero = 0; zero < 2; zero++) {
            problem p = problem_new(9001);
            for (int64_t i = 0; i < p.total; i++)
                p.mu[i] = values[v];
            p.settings.zero_fix = zero;
            p.settings.fractions.at[0] = 0.6;
            check(&p, v + 1, false);
            solution s;
            assert_int_equal(solve(mesh, &p, 0, 0, &s).code, PWF_OK);
            assert_int_equal(s.result.count, 1);
            assert_int_equal(s.result.steps[0].count, 5401);
            /* ties at the cut: the lowest indices are taken */
            for (int64_t i = 0; i < p.total; i++)
                assert_int_equal(s.fixed[i], i < 5401);
            solution_free(&s);
            problem_free(&p);
        }
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        problem p = problem_random(5, 5000);
        for (int64_t i = 0; i < p.total; i++)
            p.fixed[i] = how == 0 || i < 2500;
        p.settings.fractions.at[0] = how == 0 ? 1.0 : how == 1 ? 0.5 : 0.2;
        solution s;
        assert_int_equal(solve(mesh, &p, 3, 1, &s).code, PWF_OK);
        assert_int_equal(s.result.count, 0);
        assert_int_equal(s.result.fixed, how == 0 ? 5000 : 2500);
        assert_memory_equal(s.mu, p.mu, 5000 * sizeof *p.mu);
        assert_memory_equal(s.sigma, p.sigma, 5000 * sizeof *p.sigma);
        assert_memory_equal(s.fixed, p.fixed, 5000);
        solution_free(&s);
        problem_free(&p);
    }
}

/* With sigma 0 and slowly growing delta, thousands of stages attract no weight. */
static void test_slow_growth(void **state)
{
    (void)state;
    problem p = problem_random(3, 60);
    p.settings = (pwf_fixing_config){.fractions = {1, {1.0}},
                                     .delta = 0x1p-40,
                                     .delta_growth = 1.002,
                                     .max_order = 2,
                                     .min_power = 5,
                                     .zero_fix = false};
    for (int64_t i = 0; i < p.total; i++)
        p.sigma[i] = 0;
    check(&p, 2, false);
    problem_free(&p);
}

static void assert_untouched(const problem *p, const solution *s, int codebook)
{
    assert_memory_equal(s->mu, p->mu, (size_t)p->total * sizeof *p->mu);
    assert_memory_equal(s->sigma, p->sigma, (size_t)p->total * sizeof *p->sigma);
    assert_memory_equal(s->fixed, p->fixed, (size_t)p->total);
    for (int64_t i = 0; i < p->total; i++)
        assert_int_equal(s->code[i], p->fixed[i] ? 0 : PWF_FREE);
    assert_int_equal(s->codebook.count, codebook);
    assert_null(s->result.steps);
}

static void assert_refused(const pwf_mesh *on, const problem *p, int codebook, pwf_code code,
                           const char *word)
{
    solution s;
    pwf_status status = solve(on, p, 4, codebook, &s);
    assert_int_equal(status.code, code);
    if (!strstr(status.text, word)) fail_msg("no \"%s\" in: %s", word, status.text);
    for (int64_t i = 0; i < p->total; i++)
        if (!isfinite(p->mu[i])) s.mu[i] = p->mu[i];
    assert_untouched(p, &s, codebook);
    solution_free(&s);
}

static void test_refusals(void **state)
{
    (void)state;
    problem p = problem_random(11, 20000);
    p.settings = (pwf_fixing_config){.fractions = {1, {1.0}},
                                     .delta = 1.0,
                                     .delta_growth = 2.0,
                                     .max_order = 4,
                                     .min_power = 7,
                                     .zero_fix = true};
    assert_refused(mesh, &p, PWF_CODES_MAX - 2, PWF_CONFIG, "codes");
    const pwf_fixing_config good = p.settings;
    p.settings.delta = 0.0;
    assert_refused(mesh, &p, 0, PWF_CONFIG, "fixing.delta");
    p.settings = good;
    p.settings.delta_growth = 1.0;
    assert_refused(mesh, &p, 0, PWF_CONFIG, "fixing.delta_growth");
    p.settings = good;
    p.settings.max_order = 7;
    assert_refused(mesh, &p, 0, PWF_CONFIG, "fixing.max_order");
    p.settings = good;
    p.settings.min_power = 21;
    assert_refused(mesh, &p, 0, PWF_CONFIG, "fixing.min_power");
    p.settings = good;
    p.settings.fractions.at[0] = NAN;
    assert_refused(mesh, &p, 0, PWF_CONFIG, "fraction");
    p.settings = good;
    p.mu[19999] = 200000.0f;
    assert_refused(mesh, &p, 0, PWF_CONFIG, "fixing.min_power");
    p.mu[19999] = INFINITY;
    assert_refused(mesh, &p, 0, PWF_NUMBERS, "19999");
    problem_free(&p);
}

/* All distances differ, so each step takes one weight: more steps than a round allows. */
static void test_too_many_steps(void **state)
{
    (void)state;
    if (!mine(0)) return;
    const int64_t total = 262143;
    problem p = problem_new(total);
    p.settings.min_power = 18;
    p.settings.max_order = 6;
    p.settings.zero_fix = false;
    for (int64_t i = 0; i < total; i++)
        p.mu[i] = (float)(i - total / 2) * 0x1p-18f;
    assert_refused(alone, &p, 0, PWF_CONFIG, "greedy steps");
    problem_free(&p);
}

static void run_on(MPI_Comm comm)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_centres),       cmocka_unit_test(test_random_small),
        cmocka_unit_test(test_random_blocks), cmocka_unit_test(test_many_centres),
        cmocka_unit_test(test_all_equal),     cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_slow_growth),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many_steps)};
    int world = 0;
    MPI_Comm_size(comm, &world);
    if (pwf_mesh_new_on(comm, world, &mesh).code != PWF_OK ||
        pwf_mesh_new_on(MPI_COMM_SELF, 1, &alone).code != PWF_OK)
        MPI_Abort(MPI_COMM_WORLD, 2);
    /* other ranks still wait for a rank that failed */
    if (cmocka_run_group_tests(tests, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, 1);
    pwf_mesh_free(mesh);
    pwf_mesh_free(alone);
    if (pwf_mem_live() != 0) MPI_Abort(MPI_COMM_WORLD, 3);
}

int main(int argc, char **argv)
{
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK) return 1;
    run_on(MPI_COMM_WORLD);
    int rank = 0, world = 0;
    MPI_Comm reversed;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world);
    if (world > 1) {
        MPI_Comm_split(MPI_COMM_WORLD, 0, world - rank, &reversed);
        run_on(reversed);
        MPI_Comm_free(&reversed);
    }
    pwf_mesh_stop();
    return 0;
}
