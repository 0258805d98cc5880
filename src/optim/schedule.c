/* SPDX-License-Identifier: BSD-3-Clause */
/* Learning rates over the steps of a phase. Called once per step by train, with the same arguments
 * on every rank. Computed without libm, so that all machines get the same bits and a resumed run
 * the same rates. No state. */
#include "pwf/optim/schedule.h"

#include "power.h"
#include "pwf/core/status.h"

#include <math.h>

/* Taylor series up to the first term below the last bit, for |t| <= pi / 4. */
static double cosine_near_zero(double t)
{
    const double z = t * t;
    double sum = 1.0;
    for (int k = 16; k >= 2; k -= 2)
        sum = fma(-z / (double)(k * (k - 1)), sum, 1.0);
    return sum;
}

/* As cosine_near_zero. */
static double sine_near_zero(double t)
{
    const double z = t * t;
    double sum = 1.0;
    for (int k = 17; k >= 3; k -= 2)
        sum = fma(-z / (double)(k * (k - 1)), sum, 1.0);
    return t * sum;
}

double pwf_schedule_cos_pi(double x)
{
    static const double pi = 0x1.921fb54442d18p+1;
    PWF_ASSERT(x >= 0.0 && x <= 1.0);
    if (x > 0.5) return -pwf_schedule_cos_pi(1.0 - x);
    return x > 0.25 ? sine_near_zero(pi * (0.5 - x)) : cosine_near_zero(pi * x);
}

double pwf_schedule_lr(const pwf_schedule *settings, int64_t step, int64_t steps)
{
    if (step < settings->warmup)
        return settings->lr * (double)(step + 1) / (double)(settings->warmup + 1);
    const int64_t done = step - settings->warmup, all = steps - settings->warmup;
    const double share = all > 0 ? (double)done / (double)all : 0.0;
    double factor = 1.0;
    switch (settings->kind) {
    case PWF_SCHEDULE_CONSTANT:
        break;
    case PWF_SCHEDULE_LINEAR:
        factor = 1.0 - share;
        break;
    case PWF_SCHEDULE_COSINE:
        factor = 0.5 * (1.0 + pwf_schedule_cos_pi(share));
        break;
    case PWF_SCHEDULE_STEP:
        factor = pwf_power(settings->step_factor, done / settings->step_every);
        break;
    }
    return settings->lr * factor;
}
