/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/optim/sgd.h"

#include "sgd_kernels.h"

#include <math.h>

typedef void (*update)(float *, float *, const float *, const int16_t *, int64_t, float, pwf_sgd);

static const update table[PWF_ISA_COUNT] = {pwf_sgd_update_base, pwf_sgd_update_avx2,
                                            pwf_sgd_update_avx512};

float pwf_clip_factor(const double *squares, int64_t blocks, double limit, double *norm)
{
    double sum = 0.0;
    for (int64_t i = 0; i < blocks; i++)
        sum += squares[i];
    *norm = sqrt(sum);
    const double factor = limit / (*norm + 1e-6);
    return limit > 0.0 && factor < 1.0 ? (float)factor : 1.0f;
}

void pwf_sgd_update(float *x, float *m, const float *gradient, const int16_t *code, int64_t count,
                    float scale, pwf_sgd settings)
{
    table[pwf_isa_now()](x, m, gradient, code, count, scale, settings);
}
