/* SPDX-License-Identifier: BSD-3-Clause */
/* Stochastic gradient descent with momentum (docs/explanation/method.md, section 2):
 *   g = scale * gradient + weight_decay * x;  m = momentum * m + g;  x = x - lr * m
 * with one fma per term. Compiled once per instruction set; called through the table of
 * optimisers.c from any thread; touches only the slices it is given. */
#include "pwf/core/isa.h"
#include "pwf/optim/optimiser.h"

#include <math.h>
#include <stddef.h>

typedef struct sgd_factors {
    float lr, momentum, weight_decay, scale;
} sgd_factors;

static void update_slice(float *restrict x, float *restrict m, const float *restrict gradient,
                         const int16_t *restrict code, int64_t elements, sgd_factors f)
{
    if (!code) {
        for (int64_t i = 0; i < elements; i++) {
            const float g = fmaf(f.weight_decay, x[i], f.scale * gradient[i]);
            m[i] = fmaf(f.momentum, m[i], g);
            x[i] = fmaf(-f.lr, m[i], x[i]);
        }
        return;
    }
    /* Fixed elements are written back unchanged: a blend vectorises, a branch does not. */
    for (int64_t i = 0; i < elements; i++) {
        const float g = fmaf(f.weight_decay, x[i], f.scale * gradient[i]);
        const float m_new = fmaf(f.momentum, m[i], g);
        const float x_new = fmaf(-f.lr, m_new, x[i]);
        m[i] = code[i] < 0 ? m_new : m[i];
        x[i] = code[i] < 0 ? x_new : x[i];
    }
}

static void update(const pwf_optimiser_step *step, float *x, float *const *moments,
                   const float *gradient, const int16_t *code, int64_t elements)
{
    const sgd_factors f = {.lr = step->lr,
                           .momentum = (float)step->config->momentum,
                           .weight_decay = (float)step->config->weight_decay,
                           .scale = step->scale};
    update_slice(x, moments[0], gradient, code, elements, f);
}

const pwf_optimiser PWF_KERNEL(pwf_optimiser_sgd) = {.moments = {"momentum"}, .update = update};
