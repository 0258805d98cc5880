/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers for one image or slot: uniform, normal and Beta variates from a counter-based
 * stream, without libm, so the same bits everywhere. Called by augment.c and mix.c from
 * any thread. */
#include "draws.h"

#include "pwf/core/functions.h"

#include <math.h>

pwf_draws pwf_draws_of_image(pwf_image_key key, pwf_rng_purpose purpose)
{
    PWF_ASSERT(key.pass >= 0 && key.pass <= UINT32_MAX && key.index >= 0 &&
               key.index <= UINT32_MAX);
    const uint64_t step = (uint64_t)key.pass << 32 | (uint64_t)key.index;
    return (pwf_draws){.stream = {key.seed, purpose, step, 0}};
}

/* The generator gives four words at a time. */
uint32_t pwf_draw_word(pwf_draws *draws)
{
    if (draws->left == 0) {
        pwf_rng_words(draws->stream, draws->quad++, draws->words);
        draws->left = 4;
    }
    return draws->words[4 - draws->left--];
}

/* A multiple of 2^-32, exact. */
double pwf_draw_uniform(pwf_draws *draws)
{
    return pwf_draw_word(draws) * 0x1p-32;
}

double pwf_draw_between(pwf_draws *draws, double low, double high)
{
    return low + (high - low) * pwf_draw_uniform(draws);
}

int64_t pwf_draw_below(pwf_draws *draws, int64_t places)
{
    return (int64_t)((pwf_draw_word(draws) * (uint64_t)places) >> 32);
}

/* Uses a fresh counter, so that words and normals never share one. */
float pwf_draw_normal(pwf_draws *draws)
{
    float x;
    pwf_rng_normals(&x, draws->stream, (int64_t)(4 * draws->quad++), 1);
    return x;
}

double pwf_draw_log_uniform(pwf_draws *draws, double low, double high)
{
    const double from = (double)pwf_ln((float)low), to = (double)pwf_ln((float)high);
    return (double)pwf_exp((float)pwf_draw_between(draws, from, to));
}

/* ln of a uniform variate in (0, 1). */
static double log_uniform(pwf_draws *d)
{
    return (double)pwf_ln((float)((pwf_draw_word(d) >> 8) + 0.5) * 0x1p-24f);
}

/* ln of a Gamma(alpha, 1) variate by Marsaglia and Tsang (TOMS 2000); for alpha < 1 that of
 * Gamma(alpha + 1) times U^(1/alpha). */
static double log_gamma_number(pwf_draws *d, double alpha)
{
    double less = 0.0;
    if (alpha < 1.0) {
        less = log_uniform(d) / alpha;
        alpha += 1.0;
    }
    const double size = alpha - 1.0 / 3.0, width = 1.0 / sqrt(9.0 * size);
    for (;;) {
        const double x = (double)pwf_draw_normal(d), root = 1.0 + width * x;
        const double u = log_uniform(d);
        if (root <= 0.0) continue;
        const double v = root * root * root, log_v = 3.0 * (double)pwf_ln((float)root);
        if (u < 0.5 * x * x + size - size * v + size * log_v)
            return (double)pwf_ln((float)size) + log_v + less;
    }
}

double pwf_draw_beta(pwf_draws *draws, double alpha)
{
    const double x = log_gamma_number(draws, alpha), y = log_gamma_number(draws, alpha);
    return 1.0 / (1.0 + (double)pwf_exp((float)(y - x)));
}
