/* SPDX-License-Identifier: BSD-3-Clause */
/* Chooses the kernels of the exact sums for the instruction set of this process. Called for every
 * gradient by reduction.c and for every sum by the posterior update. Pure functions of their
 * arguments. */
#include "pwf/mesh/exact.h"

#include "exact_kernels.h"

bool pwf_exact_add(int64_t *sum, const float *value, int64_t count)
{
    static bool (*const table[])(int64_t *, const float *, int64_t) =
        PWF_KERNEL_VARIANTS(pwf_exact_add);
    return table[pwf_isa_now()](sum, value, count);
}

void pwf_exact_value(float *value, const int64_t *sum, int64_t count)
{
    static void (*const table[])(float *, const int64_t *, int64_t) =
        PWF_KERNEL_VARIANTS(pwf_exact_value);
    table[pwf_isa_now()](value, sum, count);
}
