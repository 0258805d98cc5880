/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of optimisers, and gradient clipping. The rows are PWF_OPTIMISERS; each names a file
 * optimiser_NAME.c that is compiled once per instruction set and defines pwf_optimiser_NAME_ISA.
 * Called by the training step and by the setup of the state; touches neither files nor MPI. */
#include "pwf/core/isa.h"
#include "pwf/core/status.h"
#include "pwf/optim/optimiser.h"

#include <math.h>

#define DECLARE(name, text)                                                                        \
    extern const pwf_optimiser pwf_optimiser_##name##_base, pwf_optimiser_##name##_avx2,           \
        pwf_optimiser_##name##_avx512;
PWF_OPTIMISERS(DECLARE)

#define ADDRESSES(name, text)                                                                      \
    {&pwf_optimiser_##name##_base, &pwf_optimiser_##name##_avx2, &pwf_optimiser_##name##_avx512},
static const pwf_optimiser *const table[PWF_OPTIMISER_COUNT][PWF_ISA_COUNT] = {
    PWF_OPTIMISERS(ADDRESSES)};

const pwf_optimiser *pwf_optimiser_get(pwf_optimiser_name name)
{
    PWF_ASSERT(name < PWF_OPTIMISER_COUNT);
    return table[name][pwf_isa_now()];
}

int pwf_optimiser_moments(const pwf_optimiser *optimiser)
{
    int count = 0;
    while (optimiser->moments[count])
        count++;
    return count;
}

float pwf_clip_factor(const double *squares, int64_t blocks, double limit, double *norm)
{
    double sum = 0.0;
    for (int64_t i = 0; i < blocks; i++)
        sum += squares[i];
    *norm = sqrt(sum);
    const double factor = limit / (*norm + 1e-6);
    return limit > 0.0 && factor < 1.0 ? (float)factor : 1.0f;
}
