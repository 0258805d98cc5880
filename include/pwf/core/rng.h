/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_RNG_H
#define PWF_CORE_RNG_H

#include <stdint.h>

/** Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011), key (seed, purpose),
 * counter (index / 4, step, sample). There is no state: any rank recomputes any number. */

typedef enum pwf_rng_purpose {
    PWF_RNG_NOISE = 1,   /* eps of the posterior; step = optimiser step, sample = draw */
    PWF_RNG_INIT = 2,    /* initial values; index = flat parameter index */
    PWF_RNG_ORDER = 3,   /* order of the images; step = pass over the data */
    PWF_RNG_AUGMENT = 4, /* index = 4 * image; step = pass */
    PWF_RNG_EVAL = 5,    /* eps of the evaluation's draws; sample = draw */
    /* For these step = pass * 2^32 + image. */
    PWF_RNG_CROP = 6,
    PWF_RNG_JITTER = 7,
    PWF_RNG_RANDAUGMENT = 8, /* sample = layer */
    PWF_RNG_ERASE = 9,       /* sample = 0: place, 1: noise */
    PWF_RNG_MIX = 10,        /* step = batch; sample = slot */
    PWF_RNG_ROUND = 11       /* rounding of drawn weights; step and sample as those of the draw */
} pwf_rng_purpose;

/* A stream of numbers, indexed by element. */
typedef struct pwf_stream {
    uint32_t seed;
    pwf_rng_purpose purpose;
    uint64_t step;
    uint32_t sample;
} pwf_stream;

/** The four 32-bit words at counter `quad` (elements 4 quad .. 4 quad + 3).
 * Local; any thread. `quad` < 2^32. */
void pwf_rng_words(pwf_stream stream, uint64_t quad, uint32_t out[4]);

/** out[count] = standard normals of elements [first, first + count), |value| <= 5.77.
 * Local; any thread. Box-Muller on pairs of words in fp32 with polynomials of this program: the
 * same bits on every instruction set. */
void pwf_rng_normals(float *out, pwf_stream stream, int64_t first, int64_t count);

/** out[count] = uniforms in [0, 1), multiples of 2^-24, of elements [first, first + count).
 * Local; any thread. Exact. */
void pwf_rng_uniforms(float *out, pwf_stream stream, int64_t first, int64_t count);

/** out[count] = 16 random bits for each of the elements [first, first + count). Eight elements
 * share a counter: element i is half i % 8 of the words at counter i / 8, lower half first.
 * Local; any thread. Exact. */
void pwf_rng_halves(uint16_t *out, pwf_stream stream, int64_t first, int64_t count);

#endif
