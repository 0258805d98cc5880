/* SPDX-License-Identifier: BSD-3-Clause */
/* Lion (Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675):
 *   c = beta1 m + (1 - beta1) g;  x -= lr * (sign(c) + weight_decay * x)
 *   m = beta2 m + (1 - beta2) g
 * beta1 is optim.momentum, beta2 is optim.beta2 (0.9 and 0.99 in the paper); optim.eps is unused.
 * Compiled once per instruction set; called through the table of optimisers.c from any thread;
 * touches only the slices it is given. */
#include "pwf/core/isa.h"
#include "pwf/optim/optimiser.h"

#include <math.h>
#include <stddef.h>

typedef struct lion_factors {
    float keep;                       /* 1 - lr * weight_decay */
    float beta1, rest1, beta2, rest2; /* rest = 1 - beta */
    float lr, scale;
} lion_factors;

static void update_slice(float *restrict x, float *restrict m, const float *restrict gradient,
                         const int16_t *restrict code, int64_t elements, lion_factors f)
{
    for (int64_t i = 0; i < elements; i++) {
        const float g = f.scale * gradient[i];
        const float c = fmaf(f.rest1, g, f.beta1 * m[i]);
        const float sign = (c > 0.0f ? 1.0f : 0.0f) - (c < 0.0f ? 1.0f : 0.0f);
        const float x_new = fmaf(-f.lr, sign, f.keep * x[i]);
        const float m_new = fmaf(f.rest2, g, f.beta2 * m[i]);
        /* Fixed elements are written back unchanged: a blend vectorises, a branch does not. */
        const int is_free = !code || code[i] < 0;
        m[i] = is_free ? m_new : m[i];
        x[i] = is_free ? x_new : x[i];
    }
}

static void update(const pwf_optimiser_step *step, float *x, float *const *moments,
                   const float *gradient, const int16_t *code, int64_t elements)
{
    const float beta1 = (float)step->config->momentum, beta2 = (float)step->config->beta2;
    const double decay = (double)(float)step->config->weight_decay;
    const lion_factors f = {.keep = (float)(1.0 - (double)step->lr * decay),
                            .beta1 = beta1,
                            .rest1 = (float)(1.0 - (double)beta1),
                            .beta2 = beta2,
                            .rest2 = (float)(1.0 - (double)beta2),
                            .lr = step->lr,
                            .scale = step->scale};
    update_slice(x, moments[0], gradient, code, elements, f);
}

const pwf_optimiser PWF_KERNEL(pwf_optimiser_lion) = {.moments = {"momentum"}, .update = update};
