/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_EXACT_KERNELS_H
#define PWF_MESH_EXACT_KERNELS_H

#include "pwf/core/isa.h"

#include <stdbool.h>
#include <stdint.h>

PWF_KERNEL_DECLARE(bool, pwf_exact_add, (int64_t * sum, const float *value, int64_t count))
PWF_KERNEL_DECLARE(void, pwf_exact_value, (float *value, const int64_t *sum, int64_t count))

#endif
