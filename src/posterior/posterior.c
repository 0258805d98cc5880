/* SPDX-License-Identifier: BSD-3-Clause */
/* Sampling, means and gradients of the posterior, block by block on all threads of a rank. Called
 * by the training step and evaluations. Each task works on one block of the rank's range, so the
 * result does not depend on the number of threads or ranks. No files, no MPI. */
#include "pwf/posterior/posterior.h"

#include "posterior_kernels.h"
#include "pwf/mesh/exact.h"

#include <string.h>

static const pwf_posterior_kernels *const table[PWF_ISA_COUNT] = {
    &pwf_posterior_kernels_base, &pwf_posterior_kernels_avx2, &pwf_posterior_kernels_avx512};

/* Arguments of one call, shared by its tasks; task t is block t of the rank's range. */
typedef struct job {
    const pwf_state *state;
    const pwf_posterior_config *config;
    bool reference; /* regularise fixed weights too */
    const pwf_stream *noise;
    const pwf_posterior_kernels *k;
    float *weights; /* output of sampling and means */
    bool rounded;
    const int64_t *sum; /* input of the gradient, exact units */
    float *dmu, *dsigma;
    double *norm;
} job;

/* A block: flat elements [lo, hi), of which the `count` elements [lo, edge) have a posterior. */
typedef struct block_range {
    int64_t lo, edge, hi;
    int64_t at, count; /* lo as an index of the rank's arrays; edge - lo */
} block_range;

/* Elements of task t's block. */
static block_range block_of(const pwf_state *s, int task)
{
    const int64_t lo = s->own.lo + (int64_t)task * PWF_BLOCK;
    const int64_t hi = s->own.hi - lo < PWF_BLOCK ? s->own.hi : lo + PWF_BLOCK;
    const int64_t edge = s->posterior < lo ? lo : s->posterior < hi ? s->posterior : hi;
    return (block_range){lo, edge, hi, lo - s->own.lo, edge - lo};
}

/* Number of blocks in the rank's range, which starts at a block boundary. */
static int block_tasks(const pwf_state *s)
{
    const int64_t blocks = pwf_block_count(pwf_range_length(s->own));
    PWF_ASSERT(blocks == 0 || s->own.lo % PWF_BLOCK == 0);
    PWF_ASSERT(blocks <= INT32_MAX);
    return (int)blocks;
}

/* Noise is keyed by the flat index, so it does not depend on which rank draws it. */
static void sample_block(void *context, int task, int worker)
{
    (void)worker;
    const job *j = context;
    const pwf_state *s = j->state;
    const block_range b = block_of(s, task);
    float *weights = j->weights + b.at;
    float eps[PWF_BLOCK];
    if (b.count > 0) {
        pwf_rng_normals(eps, *j->noise, b.lo, b.count);
        if (j->rounded) {
            uint16_t random[PWF_BLOCK];
            pwf_stream rounding = *j->noise;
            rounding.purpose = PWF_RNG_ROUND;
            pwf_rng_halves(random, rounding, b.lo, b.count);
            j->k->draw_rounded(weights, s->mu + b.at, s->sigma + b.at, eps, random, b.count);
        } else {
            j->k->draw(weights, s->mu + b.at, s->sigma + b.at, eps, b.count);
        }
    }
    memcpy(weights + b.count, s->mu + b.at + b.count, (size_t)(b.hi - b.edge) * sizeof *weights);
}

void pwf_posterior_sample(const pwf_state *state, pwf_pool *pool, pwf_stream noise, bool rounded,
                          float *weights)
{
    job j = {.state = state,
             .noise = &noise,
             .k = table[pwf_isa_now()],
             .weights = weights,
             .rounded = rounded};
    pwf_pool_run(pool, block_tasks(state), sample_block, &j);
}

/* Only values with a posterior are rounded; plain parameters are copied. */
static void means_block(void *context, int task, int worker)
{
    (void)worker;
    const job *j = context;
    const block_range b = block_of(j->state, task);
    const float *mu = j->state->mu + b.at;
    float *weights = j->weights + b.at;
    const int64_t count = j->rounded ? b.count : 0;
    j->k->round(weights, mu, count);
    memcpy(weights + count, mu + count, (size_t)(b.hi - b.lo - count) * sizeof *weights);
}

void pwf_posterior_means(const pwf_state *state, pwf_pool *pool, bool rounded, float *weights)
{
    job j = {.state = state, .k = table[pwf_isa_now()], .weights = weights, .rounded = rounded};
    pwf_pool_run(pool, block_tasks(state), means_block, &j);
}

/* Index of the first parameter that ends after flat element `at`. */
static int param_at(const pwf_registry *registry, int64_t at)
{
    int low = 0, high = pwf_registry_params(registry);
    while (low < high) {
        const int middle = low + (high - low) / 2;
        const pwf_param *p = pwf_registry_param(registry, middle);
        if (p->offset + p->count > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Applies the regulariser to the parameters of the block with the role of a weight; biases are
 * exempt. */
static void pull_block(const job *j, block_range b, const float *eps)
{
    const pwf_state *s = j->state;
    const int params = pwf_registry_params(s->registry);
    for (int i = param_at(s->registry, b.lo); i < params; i++) {
        const pwf_param *p = pwf_registry_param(s->registry, i);
        if (p->offset >= b.edge) break;
        if (p->role != PWF_ROLE_WEIGHT) continue;
        const pwf_range r =
            pwf_range_meet((pwf_range){p->offset, p->offset + p->count}, (pwf_range){b.lo, b.edge});
        const int64_t at = r.lo - s->own.lo;
        j->k->pull(j->dsigma + at, s->sigma + at, s->code + at, eps + (r.lo - b.lo),
                   pwf_range_length(r), (float)j->config->reg_weight, (float)j->config->reg_target,
                   j->reference);
    }
}

/* Converts the exact sums to fp32 before anything is computed from them. */
static void gradient_block(void *context, int task, int worker)
{
    (void)worker;
    const job *j = context;
    const pwf_state *s = j->state;
    const block_range b = block_of(s, task);
    const int64_t at = b.at, count = b.count;
    float eps[PWF_BLOCK];
    pwf_exact_value(j->dmu + at, j->sum + at, b.hi - b.lo);
    if (count > 0) {
        if (j->noise) pwf_rng_normals(eps, *j->noise, b.lo, count);
        j->k->loss(j->dmu + at, j->dsigma + at, s->sigma + at, s->code + at, j->noise ? eps : NULL,
                   count);
        if (j->noise) pull_block(j, b, eps);
    }
    /* A block without a posterior has no dsigma; its address would lie outside the array. */
    j->norm[task] =
        j->k->squares(j->dmu + at, b.hi - b.lo, count > 0 ? j->dsigma + at : NULL, count);
}

/* One task per block; each writes its own elements and its own entry of norm. */
void pwf_posterior_gradient(const pwf_state *state, const pwf_posterior_config *config,
                            bool reference, pwf_pool *pool, const pwf_stream *noise,
                            const int64_t *sum, float *dmu, float *dsigma, double *norm)
{
    job j = {.state = state,
             .config = config,
             .reference = reference,
             .noise = noise,
             .k = table[pwf_isa_now()],
             .sum = sum,
             .dmu = dmu,
             .dsigma = dsigma,
             .norm = norm};
    pwf_pool_run(pool, block_tasks(state), gradient_block, &j);
}
