/* SPDX-License-Identifier: BSD-3-Clause */
/* Random problems for the tests of a fixing round, and a runner that splits a problem over the
 * ranks of a mesh and gathers the whole solution on each. Random numbers are a function of a
 * counter, so that every rank generates the same problem. */
#include "inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_bits(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + index * 0xd1b54a32d192ed03u + 0x632be59bd9b4e019u;
    for (int i = 0; i < 2; i++) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
    }
    return z;
}

static double uniform(uint64_t seed, uint64_t index)
{
    return (double)(random_bits(seed, index) >> 11) * 0x1p-53;
}

static double normal(uint64_t seed, uint64_t index)
{
    double sum = -6.0;
    for (uint64_t i = 0; i < 12; i++)
        sum += uniform(seed, index * 12 + i);
    return sum;
}

problem problem_new(int64_t total)
{
    problem p = {.total = total,
                 .settings = {.fractions = {1, {1.0}},
                              .delta = 1.0,
                              .delta_growth = 2.0,
                              .max_order = 4,
                              .min_power = 7,
                              .zero_fix = true,
                              .sigma_join = 0}};
    p.mu = calloc((size_t)total + 1, sizeof *p.mu);
    p.sigma = calloc((size_t)total + 1, sizeof *p.sigma);
    p.fixed = calloc((size_t)total + 1, 1);
    return p;
}

void problem_free(problem *p)
{
    free(p->mu);
    free(p->sigma);
    free(p->fixed);
}

static void random_settings(pwf_fixing_config *s, uint64_t seed)
{
    static const double fractions[] = {0.2, 0.5, 0.77, 0.9, 0.99, 1.0};
    static const double deltas[] = {1.0, 0.5, 2.0, 0.7, 0x1p-9, 1e-3};
    static const double growths[] = {2.0, 1.5, 1.3, 4.0};
    s->fractions.at[0] = fractions[random_bits(seed, 1) % 6];
    s->delta = deltas[random_bits(seed, 2) % 6];
    s->delta_growth = growths[random_bits(seed, 3) % 4];
    s->max_order = (int64_t)(1 + random_bits(seed, 4) % 6);
    s->min_power = (int64_t)(random_bits(seed, 5) % 10);
    s->zero_fix = random_bits(seed, 6) % 2;
    s->sigma_join = (pwf_sigma_join)(random_bits(seed, 7) % 4);
}

problem problem_random(uint64_t seed, int64_t total)
{
    static const double widths[] = {0.03, 0.3, 1.0, 0.001};
    problem p = problem_new(total);
    random_settings(&p.settings, seed);
    const double width = widths[random_bits(seed, 8) % 4];
    const double grid = ldexp(1.0, (int)p.settings.min_power + 1);
    const uint64_t kind = random_bits(seed, 9) % 5, few = random_bits(seed, 10) % 3;
    for (int64_t i = 0; i < total; i++) {
        const uint64_t at = 100 + (uint64_t)i;
        double mu = width * normal(seed, at), sigma = 0.02 * uniform(seed + 7, at);
        if (kind == 1) { /* points on half the grid, with sigma a power of two: D on delta */
            mu = round(mu * grid) / grid;
            sigma = ldexp(1.0, -(int)(random_bits(seed + 9, at) % 14));
        }
        if (kind == 2 && random_bits(seed + 3, at) % 4 == 0) mu = 0.0;
        if (kind == 3) sigma = random_bits(seed + 4, at) % 3 ? 1e-4 * sigma : 0.0;
        if (kind == 4) mu = 0.37 * width;
        p.mu[i] = (float)mu;
        p.sigma[i] = (float)sigma;
        p.fixed[i] = few == 1 && random_bits(seed + 5, at) % 3 == 0;
    }
    return p;
}

pwf_range part_of(const pwf_mesh *mesh, int64_t total, uint64_t seed)
{
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD), rank = pwf_mesh_rank(mesh, PWF_WORLD);
    if (seed == 0) return pwf_shard_range(total, ranks, rank);
    int order[64];
    int64_t cut[65];
    const int64_t blocks = pwf_block_count(total);
    cut[0] = 0;
    for (int r = 1; r < ranks; r++) {
        int64_t at = (int64_t)(random_bits(seed, (uint64_t)r) % (uint64_t)(blocks + 1));
        int k = r;
        for (; k > 1 && cut[k - 1] > at; k--)
            cut[k] = cut[k - 1];
        cut[k] = at;
    }
    cut[ranks] = blocks;
    for (int r = 0; r < ranks; r++) {
        const int k = (int)(random_bits(seed + 1, (uint64_t)r) % (uint64_t)(r + 1));
        order[r] = r;
        order[r] = order[k];
        order[k] = r;
    }
    pwf_range part = {cut[order[rank]] * PWF_BLOCK, cut[order[rank] + 1] * PWF_BLOCK};
    if (part.hi > total) part.hi = total;
    if (part.lo >= part.hi) part.lo = part.hi = 0;
    return part;
}

/* Ranks have zeros outside their range, so sums of bit patterns give the whole array. */
static void merge_floats(const pwf_mesh *mesh, const float *own, pwf_range part, int64_t total,
                         float *all)
{
    int64_t *bits = calloc((size_t)total + 1, sizeof *bits);
    for (int64_t i = part.lo; i < part.hi; i++) {
        uint32_t word = 0;
        memcpy(&word, &own[i - part.lo], sizeof word);
        bits[i] = word;
    }
    pwf_mesh_sum_i64(mesh, PWF_WORLD, bits, total);
    for (int64_t i = 0; i < total; i++) {
        const uint32_t word = (uint32_t)bits[i];
        memcpy(&all[i], &word, sizeof word);
    }
    free(bits);
}

static void merge_codes(const pwf_mesh *mesh, const int16_t *own, pwf_range part, solution *out,
                        int64_t total)
{
    int64_t *code = calloc((size_t)total + 1, sizeof *code);
    for (int64_t i = part.lo; i < part.hi; i++)
        code[i] = own[i - part.lo];
    pwf_mesh_sum_i64(mesh, PWF_WORLD, code, total);
    for (int64_t i = 0; i < total; i++) {
        out->code[i] = (int16_t)code[i];
        out->fixed[i] = code[i] != PWF_FREE;
    }
    free(code);
}

pwf_status solve(const pwf_mesh *mesh, const problem *p, uint64_t seed, int codebook_count,
                 solution *out)
{
    const pwf_range part = part_of(mesh, p->total, seed);
    const size_t room = (size_t)(part.hi - part.lo) + 1, all = (size_t)p->total + 1;
    out->codebook = (pwf_codebook){.min_power = p->settings.min_power, .count = codebook_count};
    out->codebook.entry = calloc(PWF_CODES_MAX, sizeof *out->codebook.entry);
    for (int i = 0; i < codebook_count; i++)
        out->codebook.entry[i] = 1 << 24 | i;
    pwf_round_weights w = {.total = p->total, .own = part, .codebook = &out->codebook};
    w.mu = calloc(room, sizeof *w.mu);
    w.sigma = calloc(room, sizeof *w.sigma);
    w.code = calloc(room, sizeof *w.code);
    for (int64_t i = part.lo; i < part.hi; i++) {
        w.mu[i - part.lo] = p->mu[i];
        w.sigma[i - part.lo] = p->sigma[i];
        w.code[i - part.lo] = p->fixed[i] ? 0 : PWF_FREE;
    }
    const pwf_status status = pwf_cluster_round(mesh, &p->settings, 0, &w, &out->result);
    out->mu = calloc(all, sizeof *out->mu);
    out->sigma = calloc(all, sizeof *out->sigma);
    out->fixed = calloc(all, 1);
    out->code = calloc(all, sizeof *out->code);
    merge_floats(mesh, w.mu, part, p->total, out->mu);
    merge_floats(mesh, w.sigma, part, p->total, out->sigma);
    merge_codes(mesh, w.code, part, out, p->total);
    free(w.mu);
    free(w.sigma);
    free(w.code);
    return status;
}

void solution_free(solution *s)
{
    free(s->mu);
    free(s->sigma);
    free(s->fixed);
    free(s->code);
    free(s->codebook.entry);
    pwf_mem_free(s->result.steps);
}
