/* SPDX-License-Identifier: BSD-3-Clause */
/* Start values of sigma, per tensor, from the means. Called by the trainer (run.c) once, at the
 * start of Bayesian training, on every rank for its range. A weight far from both neighbouring
 * powers of two, relative to its size, gets a large sigma; one that is a power of two gets the
 * smallest. No files, no MPI. */
#include "pwf/core/bits.h"
#include "pwf/core/mem.h"
#include "pwf/posterior/posterior.h"

#include <math.h>

/* (u - a)/a * (a - d)/a for a = |mu| > 0 between the powers of two d <= a <= u. Every fp32 number,
 * denormals too, is a normal double, so clearing the fraction gives d exactly. */
static double room_around(float mu)
{
    const double a = fabs((double)mu);
    const double d = pwf_double_of(pwf_double_bits(a) & UINT64_C(0x7ff0000000000000));
    const double u = d < a ? 2.0 * d : d;
    return (u - a) / a * ((a - d) / a);
}

enum { DIGIT = 11, DIGITS = 1 << DIGIT };

/* Returns the k-th smallest (from 0) of non-negative doubles given by their bits; *after gets the
 * next one, or +infinity if there is none. Radix selection from the most significant digit: linear
 * for any values. Destroys `key`. */
static double select_place(uint64_t *key, int64_t count, int64_t k, double *after)
{
    uint64_t above = pwf_double_bits(INFINITY); /* smallest of the larger keys that were dropped */
    int shift = 64;
    while (shift > 0) {
        shift = shift > DIGIT ? shift - DIGIT : 0;
        int64_t histogram[DIGITS] = {0};
        for (int64_t i = 0; i < count; i++)
            histogram[key[i] >> shift & (DIGITS - 1)]++;
        uint64_t digit = 0;
        while (k >= histogram[digit])
            k -= histogram[digit++];
        int64_t kept = 0;
        for (int64_t i = 0; i < count; i++) {
            const uint64_t x = key[i], here = x >> shift & (DIGITS - 1);
            if (here > digit && x < above) above = x;
            key[kept] = x;
            kept += here == digit;
        }
        count = kept;
    }
    *after = pwf_double_of(k + 1 < count ? key[0] : above);
    return pwf_double_of(key[0]);
}

/* The 75th percentile with linear interpolation. Uses both of numpy's formulas (t < 0.5 and
 * t >= 0.5), so that the result is bit-identical to numpy's. */
static double upper_quartile(uint64_t *key, int64_t count)
{
    const double place = (double)(count - 1) * 0.75;
    const int64_t k = (int64_t)place;
    const double t = place - (double)k;
    double b;
    const double a = select_place(key, count, k, &b);
    if (!(t > 0.0)) return a;
    const double step = b - a;
    return t < 0.5 ? a + step * t : b - step * (1.0 - t);
}

/* Sets sigma[i] from mu[i]. A quartile of 0 means that about three quarters or more of the non-zero
 * values are powers of two, or that all values are 0; every sigma is then the minimum. */
static void set_sigma(float *sigma, const float *mu, int64_t count, double quartile,
                      const pwf_posterior_config *config)
{
    /* Rounded to fp32 first: part of the numerics contract. */
    const double least = (double)(float)config->sigma_min;
    const double most = (double)(float)config->sigma_max;
    const double scale = (double)(float)config->sigma_scale;
    for (int64_t i = 0; i < count; i++) {
        double x = least;
        if (!(fabsf(mu[i]) <= 0.0f) && quartile > 0.0) x = scale * room_around(mu[i]) / quartile;
        sigma[i] = (float)(x < least ? least : x > most ? most : x);
    }
}

/* One tensor: the quartile is over all of it, sigma is set for the elements in the rank's range. */
static pwf_status start_param(pwf_state *state, const pwf_posterior_config *config,
                              const pwf_param *p, const float *full_mu, uint64_t *key)
{
    const float *mu = full_mu + p->offset;
    int64_t used = 0;
    for (int64_t i = 0; i < p->count; i++) {
        PWF_FAIL_IF(
            !isfinite(mu[i]), PWF_NUMBERS,
            "element %lld of parameter '%s' is not finite; start from an earlier checkpoint "
            "or from other weights",
            (long long)i, p->name);
        if (fabsf(mu[i]) > 0.0f) key[used++] = pwf_double_bits(room_around(mu[i]));
    }
    const double quartile = used ? upper_quartile(key, used) : 0.0;
    const pwf_range own =
        pwf_range_meet((pwf_range){p->offset, p->offset + p->count}, state->own_posterior);
    set_sigma(state->sigma + (own.lo - state->own_posterior.lo), full_mu + own.lo,
              pwf_range_length(own), quartile, config);
    return pwf_ok();
}

/* Whether a tensor has a posterior and elements in the range. */
static bool meets(const pwf_param *p, pwf_range own)
{
    return p->posterior && p->offset < own.hi && own.lo < p->offset + p->count;
}

pwf_status pwf_posterior_start_sigma(pwf_state *state, const pwf_posterior_config *config,
                                     const float *full_mu)
{
    const int params = pwf_registry_params(state->registry);
    int64_t longest = 0;
    for (int i = 0; i < params; i++) {
        const pwf_param *p = pwf_registry_param(state->registry, i);
        if (meets(p, state->own_posterior) && p->count > longest) longest = p->count;
    }
    uint64_t *key;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, longest, sizeof *key, &key));
    pwf_status status = pwf_ok();
    for (int i = 0; i < params && status.code == PWF_OK; i++) {
        const pwf_param *p = pwf_registry_param(state->registry, i);
        if (meets(p, state->own_posterior)) status = start_param(state, config, p, full_mu, key);
    }
    pwf_mem_free(key);
    return status;
}
