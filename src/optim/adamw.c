/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/optim/adamw.h"

#include "adamw_kernels.h"
#include "power.h"

#include <math.h>

typedef void (*update)(float *, float *, float *, const float *, const int16_t *, int64_t,
                       pwf_adamw_factors);

static const update table[PWF_ISA_COUNT] = {pwf_adamw_update_base, pwf_adamw_update_avx2,
                                            pwf_adamw_update_avx512};

void pwf_adamw_update(float *x, float *m, float *v, const float *gradient, const int16_t *code,
                      int64_t count, float scale, pwf_adamw settings)
{
    const double beta1 = (double)settings.beta1, beta2 = (double)settings.beta2,
                 lr = (double)settings.lr;
    const pwf_adamw_factors f = {
        .keep = (float)(1.0 - lr * (double)settings.weight_decay),
        .beta1 = settings.beta1,
        .rest1 = (float)(1.0 - beta1),
        .beta2 = settings.beta2,
        .rest2 = (float)(1.0 - beta2),
        .rate = (float)(lr / (1.0 - pwf_power(beta1, settings.step))),
        .root = (float)(1.0 / sqrt(1.0 - pwf_power(beta2, settings.step))),
        .eps = settings.eps,
        .scale = scale,
    };
    table[pwf_isa_now()](x, m, v, gradient, code, count, f);
}
