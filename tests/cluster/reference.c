/* SPDX-License-Identifier: BSD-3-Clause */
/* The reference implementation of a fixing round, see reference.h: dense and slow, in one process,
 * straight from docs/explanation/method.md, section 3. The tests compare the distributed round with
 * it. */
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int32_t *reference_centres(int64_t order, int64_t min_power, double largest, int64_t *count)
{
    const double units = ldexp(largest, (int)min_power);
    const int64_t last = (int64_t)floor(units);
    unsigned char *in = calloc((size_t)last + 1, 1), *next = calloc((size_t)last + 1, 1);
    in[0] = 1;
    for (int64_t term = 0; term < order; term++) {
        memcpy(next, in, (size_t)last + 1);
        for (int64_t n = 0; n <= last; n++)
            for (int64_t k = -min_power; largest > 0 && k < (int64_t)ceil(log2(largest)); k++) {
                const int64_t sum = n + ((int64_t)1 << (k + min_power));
                if (in[n] && sum <= last) next[sum] = 1;
            }
        memcpy(in, next, (size_t)last + 1);
    }
    int32_t *centres = malloc((size_t)(2 * last + 1) * sizeof *centres);
    *count = 0;
    for (int64_t n = -last; n <= last; n++)
        if (in[n < 0 ? -n : n]) centres[(*count)++] = (int32_t)n;
    free(in);
    free(next);
    return centres;
}

typedef struct work {
    const pwf_fixing_config *settings;
    int64_t total, left, centres;
    const float *mu, *sigma;
    int16_t *step_of; /* -1: free, -2: fixed before */
    int32_t *centre;
    double *distance; /* centres x total */
    reference_round out;
} work;

static void fill_distances(work *w)
{
    const double unit = ldexp(1.0, -(int)w->settings->min_power);
    for (int64_t k = 0; k < w->centres; k++)
        for (int64_t i = 0; i < w->total; i++) {
            const double c = w->centre[k] * unit, mu = w->mu[i], s = w->sigma[i];
            double d = fabs(mu - c) / fmax(s, 0x1p-20);
            if (w->settings->zero_fix && w->centre[k] == 0 && fabs(mu) < unit) d = 0;
            w->distance[k * w->total + i] = d;
        }
}

static const double *sort_distance;

static int nearer(const void *a, const void *b)
{
    const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    if (sort_distance[i] != sort_distance[j]) return sort_distance[i] < sort_distance[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void take(work *w, int64_t k, int64_t order, double delta)
{
    int64_t *index = malloc((size_t)w->total * sizeof *index), count = 0;
    const double *d = w->distance + k * w->total;
    for (int64_t i = 0; i < w->total; i++)
        if (w->step_of[i] == -1 && d[i] <= delta) index[count++] = i;
    if (count > w->left) {
        sort_distance = d;
        qsort(index, (size_t)count, sizeof *index, nearer);
        count = w->left;
    }
    double mean = 0, square = 0;
    for (int64_t j = 0; j < count; j++) {
        w->step_of[index[j]] = (int16_t)w->out.count;
        mean += w->mu[index[j]];
    }
    mean /= (double)count;
    for (int64_t j = 0; j < count; j++)
        square += (w->mu[index[j]] - mean) * (w->mu[index[j]] - mean);
    w->out.steps = realloc(w->out.steps, (size_t)(w->out.count + 1) * sizeof *w->out.steps);
    w->out.steps[w->out.count++] =
        (pwf_round_step){.order = (int32_t)order,
                         .integer = w->centre[k],
                         .delta = delta,
                         .centre = w->centre[k] * ldexp(1.0, -(int)w->settings->min_power),
                         .count = count,
                         .mean = mean,
                         .spread = sqrt(square / (double)count)};
    w->left -= count;
    free(index);
}

static void run_stage(work *w, int64_t order, double delta)
{
    double largest = 0;
    for (int64_t i = 0; i < w->total; i++)
        if (w->step_of[i] == -1) largest = fmax(largest, fabs((double)w->mu[i]));
    w->centre = reference_centres(order, w->settings->min_power, largest, &w->centres);
    w->distance = malloc((size_t)(w->centres * w->total) * sizeof *w->distance);
    unsigned char *dropped = calloc((size_t)w->centres, 1);
    fill_distances(w);
    while (w->left > 0) {
        int64_t best = -1, most = 0;
        for (int64_t k = 0; k < w->centres; k++) {
            int64_t count = 0;
            for (int64_t i = 0; i < w->total && !dropped[k]; i++)
                count += w->step_of[i] == -1 && w->distance[k * w->total + i] <= delta;
            if (count > most) {
                most = count;
                best = k;
            }
        }
        if (best < 0) break;
        take(w, best, order, delta);
        dropped[best] = 1;
    }
    free(dropped);
    free(w->distance);
    free(w->centre);
}

reference_round reference_run(const pwf_fixing_config *settings, int64_t total, float *mu,
                              float *sigma, uint8_t *fixed)
{
    work w = {.settings = settings, .total = total, .mu = mu, .sigma = sigma};
    w.step_of = malloc((size_t)total * sizeof *w.step_of);
    w.left = (int64_t)ceil(settings->fractions.at[0] * (double)total);
    for (int64_t i = 0; i < total; i++) {
        w.step_of[i] = fixed[i] ? -2 : -1;
        w.left -= fixed[i] != 0;
    }
    int64_t order = 1;
    double delta = settings->delta;
    for (bool raise_order = true; w.left > 0; raise_order = !raise_order) {
        if (order == settings->max_order) raise_order = true;
        run_stage(&w, order, delta);
        if (raise_order && order < settings->max_order)
            order++;
        else
            delta *= settings->delta_growth;
    }
    for (int64_t i = 0; i < total; i++) {
        if (w.step_of[i] < 0) continue;
        const pwf_round_step *s = &w.out.steps[w.step_of[i]];
        fixed[i] = 1;
        mu[i] = (float)s->centre;
        if (settings->sigma_join == PWF_JOIN_STD_MU) sigma[i] = (float)s->spread;
        if (settings->sigma_join == PWF_JOIN_DIVIDE_BY_2) sigma[i] /= 2;
        if (settings->sigma_join == PWF_JOIN_DIVIDE_BY_10) sigma[i] /= 10;
    }
    free(w.step_of);
    return w.out;
}
