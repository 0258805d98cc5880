/* SPDX-License-Identifier: BSD-3-Clause */
/* The candidates of a stage: which free weights accept which centres. Called by round.c on every
 * rank for its own range of the weights. Allocates the buckets of the stage; touches neither files
 * nor MPI. */
#include "cluster.h"

#include <math.h>

/* Indices of the centres that a weight accepts, both included; last < first: none. */
typedef struct interval {
    int64_t first, last;
} interval;

/* D = |mu - centre| / max(sigma, 2^-20), section 3 of docs/explanation/method.md. With zero_fix, a
 * weight below the smallest power of two is at distance 0 from the centre 0. */
double pwf_stage_distance(const pwf_stage *stage, float mu, float sigma, int32_t centre)
{
    const double x = (double)mu * stage->scale;
    if (stage->zero_fix && centre == 0 && fabs(x) < 1.0) return 0.0;
    const double s =
        (double)sigma > PWF_DISTANCE_SIGMA_FLOOR ? (double)sigma : PWF_DISTANCE_SIGMA_FLOOR;
    /* Scaling by a power of two is exact, so D has the same bits as in unscaled arithmetic. */
    return fabs(x - (double)centre) * stage->unit / s;
}

/* Smallest integer that is not below `value`; it must fit into int64_t. */
static int64_t round_up(double value)
{
    const int64_t n = (int64_t)value;
    return (double)n < value ? n + 1 : n;
}

/* Largest integer that is not above `value`. */
static int64_t round_down(double value)
{
    const int64_t n = (int64_t)value;
    return (double)n > value ? n - 1 : n;
}

/* The centres with D <= delta are neighbours: D falls towards mu and rises beyond it, in exact and
 * in rounded arithmetic. A slightly widened bound finds both ends without a division; D itself is
 * computed only for an end within rounding of delta. A centre outside the widened bound is
 * certainly outside, since rounding is monotone and centres are exact. */
static interval accepted(const pwf_stage *stage, const pwf_centres *c, float mu, float sigma)
{
    const double x = (double)mu * stage->scale;
    const double s =
        (double)sigma > PWF_DISTANCE_SIGMA_FLOOR ? (double)sigma : PWF_DISTANCE_SIGMA_FLOOR;
    const double width = stage->delta * s * stage->scale;
    const double wide = width * (1.0 + 0x1p-40), narrow = width * (1.0 - 0x1p-40);
    const double low = x - wide, high = x + wide;
    const double limit = (double)c->limit;
    interval v = {0, c->count - 1};
    if (low > limit)
        v.first = c->count;
    else if (low > -limit)
        v.first = pwf_centres_find(c, round_up(low));
    if (high < -limit)
        v.last = -1;
    else if (high < limit)
        v.last = pwf_centres_find(c, round_down(high) + 1) - 1;
    while (v.first <= v.last && fabs(x - (double)c->at[v.first]) > narrow &&
           pwf_stage_distance(stage, mu, sigma, c->at[v.first]) > stage->delta)
        v.first++;
    while (v.first <= v.last && fabs(x - (double)c->at[v.last]) > narrow &&
           pwf_stage_distance(stage, mu, sigma, c->at[v.last]) > stage->delta)
        v.last--;
    if (stage->zero_fix && fabs(x) < 1.0) {
        /* No other centre lies within one unit of 0, so the interval has no gap. */
        if (v.first > v.last)
            v.first = v.last = c->zero;
        else if (v.first > c->zero)
            v.first = c->zero;
        else if (v.last < c->zero)
            v.last = c->zero;
    }
    return v;
}

/* Empties the buckets of a stage, after enlarging them if it has more centres than any before. */
static pwf_status reset_buckets(pwf_candidates *b, int64_t centres)
{
    if (centres > b->bucket_room) {
        pwf_mem_free(b->begin);
        pwf_mem_free(b->length);
        pwf_mem_free(b->reach);
        pwf_mem_free(b->change);
        pwf_mem_free(b->count);
        b->begin = b->length = b->change = b->count = NULL;
        b->reach = NULL;
        b->bucket_room = centres;
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, centres, sizeof *b->begin, &b->begin));
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, centres, sizeof *b->length, &b->length));
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, centres, sizeof *b->reach, &b->reach));
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, centres + 1, sizeof *b->change, &b->change));
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, centres, sizeof *b->count, &b->count));
    }
    for (int64_t k = 0; k < centres; k++) {
        b->begin[k] = b->length[k] = b->change[k] = b->count[k] = 0;
        b->reach[k] = -1;
    }
    b->change[centres] = 0;
    return pwf_ok();
}

/* Two passes over the weights: the first sizes the buckets, the second fills them. That doubles the
 * arithmetic and halves the memory. */
pwf_status pwf_candidates_build(pwf_candidates *candidates, const pwf_stage *stage,
                                const pwf_centres *centres, const pwf_round_weights *weights)
{
    pwf_candidates *b = candidates;
    const int64_t local = pwf_range_length(weights->own);
    PWF_TRY(reset_buckets(b, centres->count));
    for (int64_t i = 0; i < local; i++) {
        if (weights->code[i] != PWF_FREE) continue;
        const interval v = accepted(stage, centres, weights->mu[i], weights->sigma[i]);
        if (v.first > v.last) continue;
        b->length[v.first]++;
        b->change[v.first]++;
        b->change[v.last + 1]--;
    }
    int64_t total = 0;
    for (int64_t k = 0; k < centres->count; k++) {
        b->begin[k] = total;
        total += b->length[k];
        b->length[k] = 0;
    }
    if (total > b->room) {
        pwf_mem_free(b->at);
        b->at = NULL;
        b->room = 0;
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, total, sizeof *b->at, &b->at));
        b->room = total;
    }
    for (int64_t i = 0; i < local && total > 0; i++) {
        if (weights->code[i] != PWF_FREE) continue;
        const interval v = accepted(stage, centres, weights->mu[i], weights->sigma[i]);
        if (v.first > v.last) continue;
        b->at[b->begin[v.first] + b->length[v.first]++] =
            (pwf_candidate){(uint32_t)i, (int32_t)v.last};
        if (v.last > b->reach[v.first]) b->reach[v.first] = (int32_t)v.last;
    }
    return pwf_ok();
}

void pwf_candidates_free(pwf_candidates *candidates)
{
    pwf_mem_free(candidates->at);
    pwf_mem_free(candidates->begin);
    pwf_mem_free(candidates->length);
    pwf_mem_free(candidates->reach);
    pwf_mem_free(candidates->change);
    pwf_mem_free(candidates->count);
    *candidates = (pwf_candidates){0};
}

/* Only the two centres adjacent to mu can be nearest, since centres are sorted. */
double pwf_stage_nearest(const pwf_stage *stage, const pwf_centres *centres,
                         const pwf_round_weights *weights)
{
    const int64_t local = pwf_range_length(weights->own);
    double least = INFINITY;
    for (int64_t i = 0; i < local; i++) {
        if (weights->code[i] != PWF_FREE) continue;
        const float mu = weights->mu[i], sigma = weights->sigma[i];
        const int64_t above = pwf_centres_find(centres, round_up((double)mu * stage->scale));
        for (int64_t k = above > 0 ? above - 1 : 0; k <= above && k < centres->count; k++) {
            const double d = pwf_stage_distance(stage, mu, sigma, centres->at[k]);
            if (d < least) least = d;
        }
    }
    return least;
}
