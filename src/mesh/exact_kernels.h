/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_EXACT_KERNELS_H
#define PWF_MESH_EXACT_KERNELS_H

#include "pwf/core/isa.h"

#include <stdbool.h>
#include <stdint.h>

#define PWF_EXACT_DECLARE(isa)                                                                     \
    bool pwf_exact_add_##isa(int64_t *sum, const float *value, int64_t count);                     \
    void pwf_exact_value_##isa(float *value, const int64_t *sum, int64_t count);

PWF_EXACT_DECLARE(base)
PWF_EXACT_DECLARE(avx2)
PWF_EXACT_DECLARE(avx512)

#endif
