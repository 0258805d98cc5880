/* SPDX-License-Identifier: BSD-3-Clause */
/* AdamW (Loshchilov and Hutter, ICLR 2019), as torch.optim.AdamW computes it. With t = count:
 *   x -= lr * weight_decay * x;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *   x -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
 * beta1 is optim.momentum. Compiled once per instruction set; called through the table of
 * optimisers.c from any thread; touches only the slices it is given. */
#include "power.h"
#include "pwf/core/isa.h"
#include "pwf/optim/optimiser.h"

#include <math.h>
#include <stddef.h>

/* Computed in double from fp32 settings, then rounded: part of the numerics contract. */
typedef struct adamw_factors {
    float keep;                       /* 1 - lr * weight_decay */
    float beta1, rest1, beta2, rest2; /* rest = 1 - beta */
    float rate;                       /* lr / (1 - beta1^t) */
    float root;                       /* 1 / sqrt(1 - beta2^t) */
    float eps, scale;
} adamw_factors;

static void update_slice(float *restrict x, float *restrict m, float *restrict v,
                         const float *restrict gradient, const int16_t *restrict code,
                         int64_t elements, adamw_factors f)
{
    for (int64_t i = 0; i < elements; i++) {
        const float g = f.scale * gradient[i];
        const float m_new = fmaf(f.rest1, g, f.beta1 * m[i]);
        const float v_new = fmaf(f.rest2 * g, g, f.beta2 * v[i]);
        const float ratio = m_new / fmaf(sqrtf(v_new), f.root, f.eps);
        const float x_new = fmaf(-f.rate, ratio, f.keep * x[i]);
        /* Fixed elements are written back unchanged: a blend vectorises, a branch does not. */
        const int is_free = !code || code[i] < 0;
        m[i] = is_free ? m_new : m[i];
        v[i] = is_free ? v_new : v[i];
        x[i] = is_free ? x_new : x[i];
    }
}

static void update(const pwf_optimiser_step *step, float *x, float *const *moments,
                   const float *gradient, const int16_t *code, int64_t elements)
{
    const float beta1 = (float)step->config->momentum, beta2 = (float)step->config->beta2;
    const double b1 = (double)beta1, b2 = (double)beta2, lr = (double)step->lr;
    const double decay = (double)(float)step->config->weight_decay;
    const adamw_factors f = {
        .keep = (float)(1.0 - lr * decay),
        .beta1 = beta1,
        .rest1 = (float)(1.0 - b1),
        .beta2 = beta2,
        .rest2 = (float)(1.0 - b2),
        .rate = (float)(lr / (1.0 - pwf_power(b1, step->count))),
        .root = (float)(1.0 / sqrt(1.0 - pwf_power(b2, step->count))),
        .eps = (float)step->config->eps,
        .scale = step->scale,
    };
    update_slice(x, moments[0], moments[1], gradient, code, elements, f);
}

const pwf_optimiser PWF_KERNEL(pwf_optimiser_adamw) = {.moments = {"momentum", "second"},
                                                       .update = update};
