/* SPDX-License-Identifier: BSD-3-Clause */
/* Chooses the kernels of the exact sums for the instruction set of this process. Called for every
 * gradient by reduction.c and for every sum by the posterior update. Pure functions of their
 * arguments. */
#include "pwf/mesh/exact.h"

#include "exact_kernels.h"

typedef struct exact_table {
    bool (*add)(int64_t *sum, const float *value, int64_t count);
    void (*value)(float *value, const int64_t *sum, int64_t count);
} exact_table;

static const exact_table tables[PWF_ISA_COUNT] = {
    [PWF_ISA_BASE] = {pwf_exact_add_base, pwf_exact_value_base},
    [PWF_ISA_AVX2] = {pwf_exact_add_avx2, pwf_exact_value_avx2},
    [PWF_ISA_AVX512] = {pwf_exact_add_avx512, pwf_exact_value_avx512},
};

bool pwf_exact_add(int64_t *sum, const float *value, int64_t count)
{
    return tables[pwf_isa_now()].add(sum, value, count);
}

void pwf_exact_value(float *value, const int64_t *sum, int64_t count)
{
    tables[pwf_isa_now()].value(value, sum, count);
}
