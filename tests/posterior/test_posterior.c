/* SPDX-License-Identifier: BSD-3-Clause */
/* Sampling, gradient and start values against plain double references, and their bits over
 * shards, threads and instruction sets. */
#include "network.h"
#include "posterior_kernels.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/posterior/posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOTAL_MAX = 20000, BLOCKS_MAX = 8 };

static const pwf_posterior_config settings = {.sigma_scale = 0.0025f,
                                              .sigma_min = 0x1p-30f,
                                              .sigma_max = 0.05f,
                                              .reg_weight = 0x1p-11f,
                                              .reg_target = 0.05f};
static const pwf_stream noise = {.seed = 11, .purpose = PWF_RNG_NOISE, .step = 9, .sample = 2};

/* Whole flat vectors: the state of a single rank, and its results. */
typedef struct vectors {
    float mu[TOTAL_MAX], sigma[TOTAL_MAX], eps[TOTAL_MAX];
    int16_t code[TOTAL_MAX];
    int64_t sum[TOTAL_MAX];
} vectors;

typedef struct results {
    float weights[TOTAL_MAX], rounded[TOTAL_MAX], nearest[TOTAL_MAX], dmu[TOTAL_MAX],
        dsigma[TOTAL_MAX], sigma[TOTAL_MAX];
    double norm[BLOCKS_MAX];
} results;

static vectors given;

static double random_unit(void)
{
    return (double)rand() / RAND_MAX;
}

/* Sigmas on both sides of the floor and of the target, a third of the codes fixed. */
static void make_vectors(int64_t posterior, int64_t total)
{
    assert_true(total <= TOTAL_MAX);
    srand(3);
    for (int64_t i = 0; i < total; i++) {
        given.mu[i] = (float)(random_unit() - 0.5);
        given.sum[i] = (int64_t)((random_unit() - 0.5) * 0x1p+44);
        given.sigma[i] = (float)(0.1 * random_unit());
        if (i % 7 == 0) given.sigma[i] = i % 2 ? 0x1p-31f : -0.01f;
        if (i % 11 == 0) given.sigma[i] = PWF_SIGMA_FLOOR;
        given.code[i] = (int16_t)(i % 3 == 1 ? i % 100 : PWF_FREE);
    }
    pwf_rng_normals(given.eps, noise, 0, posterior);
}

static pwf_state *state_of(const pwf_registry *registry, pwf_range own)
{
    pwf_state *s;
    assert_int_equal(pwf_state_new(registry, own, 1, 7, &s).code, PWF_OK);
    const size_t all = (size_t)(own.hi - own.lo);
    const size_t fuzzy = (size_t)(s->own_posterior.hi - s->own_posterior.lo);
    memcpy(s->mu, given.mu + own.lo, all * sizeof(float));
    memcpy(s->sigma, given.sigma + own.lo, fuzzy * sizeof(float));
    memcpy(s->code, given.code + own.lo, fuzzy * sizeof(int16_t));
    return s;
}

/* Computes everything with `size` shards of `threads` threads each. */
static void run(const pwf_registry *registry, int size, int threads, const pwf_stream *stream,
                bool reference, results *out)
{
    const int64_t total = pwf_registry_total_count(registry);
    memset(out, 0, sizeof *out);
    pwf_pool *pool;
    assert_int_equal(pwf_pool_new(threads, NULL, &pool).code, PWF_OK);
    for (int rank = 0; rank < size; rank++) {
        const pwf_range own = pwf_shard_range(total, size, rank);
        pwf_state *s = state_of(registry, own);
        pwf_posterior_sample(s, pool, noise, false, out->weights + own.lo);
        pwf_posterior_sample(s, pool, noise, true, out->rounded + own.lo);
        pwf_posterior_means(s, pool, true, out->nearest + own.lo);
        pwf_posterior_gradient(s, &settings, reference, pool, stream, given.sum + own.lo,
                               out->dmu + own.lo, out->dsigma + s->own_posterior.lo,
                               out->norm + own.lo / PWF_BLOCK);
        assert_int_equal(pwf_posterior_start_sigma(s, &settings, given.mu).code, PWF_OK);
        const size_t fuzzy = (size_t)(s->own_posterior.hi - s->own_posterior.lo);
        memcpy(out->sigma + s->own_posterior.lo, s->sigma, fuzzy * sizeof(float));
        pwf_state_free(s);
    }
    pwf_pool_free(pool);
}

static bool close_to(double value, double wanted, double scale)
{
    return fabs(value - wanted) <= 0x1p-22 * (fabs(wanted) + scale);
}

static bool is_weight(const pwf_registry *registry, int64_t index)
{
    for (int i = 0; i < pwf_registry_params(registry); i++) {
        const pwf_param *p = pwf_registry_param(registry, i);
        if (index >= p->offset && index < p->offset + p->count) return p->role == PWF_ROLE_WEIGHT;
    }
    return false;
}

/* The order of the sum of squares is part of the numerics contract: 64 partial sums over dmu, then
 * over dsigma, halved until one is left. */
static double ordered_squares(const results *r, int64_t lo, int64_t edge, int64_t hi)
{
    double lane[64] = {0};
    for (int64_t i = lo; i < hi; i++)
        lane[(i - lo) % 64] += (double)r->dmu[i] * (double)r->dmu[i];
    for (int64_t i = lo; i < edge; i++)
        lane[(i - lo) % 64] += (double)r->dsigma[i] * (double)r->dsigma[i];
    for (int half = 32; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

static void check_gradient(const pwf_registry *registry, const results *r, bool noisy,
                           bool reference)
{
    const int64_t posterior = pwf_registry_posterior_count(registry);
    const int64_t total = pwf_registry_total_count(registry);
    double squares[BLOCKS_MAX] = {0};
    for (int64_t i = 0; i < total; i++) {
        const bool fixed = i < posterior && given.code[i] >= 0;
        const double dw = fixed ? 0.0 : (double)given.sum[i] * 0x1p-44;
        assert_true(close_to((double)r->dmu[i], dw, 0.0));
        squares[i / PWF_BLOCK] += dw * dw;
        if (i >= posterior) continue;
        const double sigma = (double)given.sigma[i], eps = (double)given.eps[i];
        double ds = sigma < 0x1p-30 ? 0.0 : eps * dw;
        if (is_weight(registry, i) && (!fixed || reference))
            ds -= 0x1p-11 * fmax(0.0, (double)settings.reg_target - sigma) * fabs(eps);
        if (!noisy) ds = 0.0;
        assert_true(close_to((double)r->dsigma[i], ds, 1e-7));
        squares[i / PWF_BLOCK] += ds * ds;
    }
    for (int64_t b = 0; b < pwf_block_count(total); b++) {
        assert_true(close_to(r->norm[b], squares[b], 0.0));
        const pwf_range block =
            pwf_range_meet((pwf_range){b * PWF_BLOCK, (b + 1) * PWF_BLOCK}, (pwf_range){0, total});
        const double ordered =
            ordered_squares(r, block.lo, posterior < block.hi ? posterior : block.hi, block.hi);
        assert_memory_equal(&r->norm[b], &ordered, sizeof ordered);
    }
}

static void values_match_the_formulas(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    const int64_t posterior = pwf_registry_posterior_count(registry);
    const int64_t total = pwf_registry_total_count(registry);
    assert_int_equal(posterior, 13467);
    assert_int_equal(total, 14007);
    make_vectors(posterior, total);
    static results r;
    run(registry, 1, 1, &noise, false, &r);
    for (int64_t i = 0; i < total; i++) {
        const double sigma = fmax((double)given.sigma[i], 0x1p-30);
        const double w = (double)given.mu[i] + sigma * (double)given.eps[i];
        if (i < posterior)
            assert_true(close_to((double)r.weights[i], w, 0.0));
        else
            assert_true(memcmp(&r.weights[i], &given.mu[i], sizeof(float)) == 0);
    }
    check_gradient(registry, &r, true, false);
    run(registry, 1, 1, &noise, true, &r);
    check_gradient(registry, &r, true, true);
    run(registry, 1, 1, NULL, false, &r);
    check_gradient(registry, &r, false, false);
    pwf_registry_free(registry);
}

/* The random bits of element i, from the counter itself. */
static uint32_t random_half(int64_t i)
{
    pwf_stream stream = noise;
    uint32_t words[4];
    stream.purpose = PWF_RNG_ROUND;
    pwf_rng_words(stream, (uint64_t)i / 8, words);
    return words[i % 8 / 2] >> (i % 2 ? 16 : 0) & 0xffffu;
}

/* The bf16 number next to x, in double arithmetic; `up` is away from zero. */
static double neighbour(double x, bool up)
{
    int exponent;
    (void)frexp(x, &exponent);
    const double step = ldexp(1.0, exponent - 8), steps = fabs(x) / step;
    return copysign((up ? ceil(steps) : floor(steps)) * step, x);
}

static void rounding_matches_the_formulas(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    const int64_t posterior = pwf_registry_posterior_count(registry);
    const int64_t total = pwf_registry_total_count(registry);
    make_vectors(posterior, total);
    static results r;
    run(registry, 3, 1, &noise, false, &r);
    for (int64_t i = 0; i < total; i++) {
        if (i >= posterior) {
            assert_memory_equal(&r.rounded[i], &given.mu[i], sizeof(float));
            assert_memory_equal(&r.nearest[i], &given.mu[i], sizeof(float));
            continue;
        }
        /* The probability of rounding up is the distance to the lower number in units of the step.
         */
        const double w = (double)r.weights[i], low = neighbour(w, false), high = neighbour(w, true);
        const double share = high - low == 0.0 ? 0.0 : (w - low) / (high - low);
        const bool up = share * 65536.0 + random_half(i) >= 65536.0;
        assert_true((double)r.rounded[i] == (up ? high : low));
        const double mu = (double)given.mu[i], below = neighbour(mu, false);
        const double above = neighbour(mu, true), nearest = (double)r.nearest[i];
        assert_true(nearest == below || nearest == above);
        assert_true(fabs(nearest - mu) <= fmin(fabs(below - mu), fabs(above - mu)));
    }
    pwf_registry_free(registry);
}

/* The mean over all random bits is the unrounded draw, to the last bit; and over the draws of many
 * steps there is no drift. */
static void rounding_keeps_the_mean(void **unused)
{
    (void)unused;
    static float mu[1 << 16], sigma[1 << 16], eps[1 << 16], weights[1 << 16];
    static uint16_t random[1 << 16];
    for (int trial = 0; trial < 50; trial++) {
        const float w = (float)((random_unit() - 0.5) * pow(2.0, trial - 25));
        double sum = 0.0;
        for (int i = 0; i < 1 << 16; i++) {
            mu[i] = w;
            random[i] = (uint16_t)i;
        }
        pwf_posterior_kernels_base.draw_rounded(weights, mu, sigma, eps, random, 1 << 16);
        for (int i = 0; i < 1 << 16; i++)
            sum += (double)weights[i];
        assert_true(sum == 65536.0 * (double)w);
    }

    enum { STEPS = 400 };
    pwf_registry *registry = network_new();
    const int64_t posterior = pwf_registry_posterior_count(registry);
    pwf_pool *pool;
    assert_int_equal(pwf_pool_new(1, NULL, &pool).code, PWF_OK);
    make_vectors(posterior, pwf_registry_total_count(registry));
    for (int64_t i = 0; i < posterior; i++)
        given.sigma[i] = 0.0f; /* the floor, 2^-30 */
    pwf_state *s = state_of(registry, pwf_shard_range(pwf_registry_total_count(registry), 1, 0));
    static double sums[TOTAL_MAX];
    static results r;
    memset(sums, 0, sizeof sums);
    pwf_stream stream = noise;
    for (stream.step = 0; stream.step < STEPS; stream.step++) {
        pwf_posterior_sample(s, pool, stream, true, r.weights);
        for (int64_t i = 0; i < posterior; i++)
            sums[i] += (double)r.weights[i];
    }
    /* In standard deviations of the mean: no outlier, and a mean square of 1. */
    double squares = 0.0, drift = 0.0, used = 0.0;
    for (int64_t i = 0; i < posterior; i++) {
        const double w = (double)given.mu[i], low = neighbour(w, false), high = neighbour(w, true);
        const double p = (w - low) / (high - low);
        if (fabs(w) < 0x1p-10 || high - low == 0.0) continue;
        if (p * STEPS < 4.0 || (1.0 - p) * STEPS < 4.0) continue;
        const double z = (sums[i] / STEPS - w) / ((high - low) * sqrt(p * (1.0 - p) / STEPS));
        assert_true(fabs(z) < 6.0);
        squares += z * z;
        drift += z;
        used += 1.0;
    }
    assert_true(used > 0.9 * (double)posterior);
    assert_true(fabs(drift) < 4.0 * sqrt(used));
    assert_true(fabs(squares / used - 1.0) < 0.06);
    pwf_state_free(s);
    pwf_pool_free(pool);
    pwf_registry_free(registry);
}

/* Also more shards than blocks, so that some are empty. */
static void bits_do_not_depend_on_the_machine(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    make_vectors(pwf_registry_posterior_count(registry), pwf_registry_total_count(registry));
    static results first, other;
    run(registry, 1, 1, &noise, false, &first);
    for (int isa = PWF_ISA_BASE; isa <= (int)pwf_isa_best(); isa++) {
        pwf_isa_use((pwf_isa)isa);
        for (int size = 1; size <= 7; size++) {
            run(registry, size, 1 + size % 2, &noise, false, &other);
            assert_memory_equal(&first, &other, sizeof first);
        }
    }
    run(registry, 1, 2, &noise, false, &other);
    assert_memory_equal(&first, &other, sizeof first);
    pwf_registry_free(registry);
}

/* A NaN in sigma stays visible in the weights instead of becoming the floor. */
static void nan_stays_visible(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    make_vectors(pwf_registry_posterior_count(registry), pwf_registry_total_count(registry));
    given.sigma[5] = NAN;
    static results r;
    run(registry, 2, 1, &noise, false, &r);
    assert_true(isnan(r.weights[5]) != 0);
    assert_true(!isnan(r.weights[6]));
    assert_true(isnan(r.rounded[5]) != 0 && !isnan(r.rounded[6]));
    /* A NaN whose bits are all ones would carry over into a number. */
    const uint32_t ones = 0x7fffffff, minus = 0xffffffff;
    given.mu[7] = INFINITY;
    memcpy(&given.mu[8], &ones, sizeof ones);
    memcpy(&given.mu[9], &minus, sizeof minus);
    pwf_pool *pool;
    assert_int_equal(pwf_pool_new(1, NULL, &pool).code, PWF_OK);
    pwf_state *s = state_of(registry, pwf_shard_range(pwf_registry_total_count(registry), 1, 0));
    pwf_posterior_sample(s, pool, noise, true, r.rounded);
    pwf_posterior_means(s, pool, true, r.nearest);
    for (int i = 7; i < 10; i++)
        assert_true(!isfinite(r.rounded[i]) && !isfinite(r.nearest[i]));
    pwf_pool_free(pool);
    pwf_state_free(s);
    given.mu[7] = given.mu[8] = given.mu[9] = 0.0f;
    given.mu[6000] = INFINITY;
    s = state_of(registry, pwf_shard_range(pwf_registry_total_count(registry), 1, 0));
    const pwf_status status = pwf_posterior_start_sigma(s, &settings, given.mu);
    assert_int_equal(status.code, PWF_NUMBERS);
    assert_non_null(strstr(status.text, "conv2.weight"));
    pwf_state_free(s);
    pwf_registry_free(registry);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The start values computed by sorting and with pow(). */
static void start_values_match_the_formula(void **unused)
{
    (void)unused;
    pwf_registry *registry = network_new();
    const int64_t total = pwf_registry_total_count(registry);
    make_vectors(pwf_registry_posterior_count(registry), total);
    for (int64_t i = 0; i < total; i++)
        if (i % 13 == 0) given.mu[i] = i % 2 ? 0.0f : -0.0f;
    static results r;
    run(registry, 3, 1, &noise, false, &r);
    static double room[TOTAL_MAX], sorted[TOTAL_MAX];
    for (int k = 0; k < pwf_registry_params(registry); k++) {
        const pwf_param *p = pwf_registry_param(registry, k);
        if (!p->posterior) continue;
        int64_t used = 0;
        for (int64_t i = p->offset; i < p->offset + p->count; i++) {
            const double a = fabs((double)given.mu[i]);
            const double d = pow(2.0, floor(log2(a))), u = pow(2.0, ceil(log2(a)));
            room[i] = (u - a) / a * ((a - d) / a);
            if (a > 0.0) sorted[used++] = room[i];
        }
        qsort(sorted, (size_t)used, sizeof *sorted, compare);
        const double place = 0.75 * (double)(used - 1), low = floor(place);
        const double next = sorted[(int64_t)low + (place > low)];
        const double quartile =
            sorted[(int64_t)low] + (place - low) * (next - sorted[(int64_t)low]);
        for (int64_t i = p->offset; i < p->offset + p->count; i++) {
            const double least = 0x1p-30, most = (double)settings.sigma_max;
            double wanted =
                fmin(most, fmax(least, (double)settings.sigma_scale * room[i] / quartile));
            if (!(fabsf(given.mu[i]) > 0.0f)) wanted = least;
            assert_true(close_to((double)r.sigma[i], wanted, 0.0));
        }
    }
    pwf_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_match_the_formulas),
        cmocka_unit_test(rounding_matches_the_formulas),
        cmocka_unit_test(rounding_keeps_the_mean),
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(nan_stays_visible),
        cmocka_unit_test(start_values_match_the_formula),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || pwf_mem_live() != 0;
}
