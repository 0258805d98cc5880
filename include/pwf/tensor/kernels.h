/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TENSOR_KERNELS_H
#define PWF_TENSOR_KERNELS_H

#include "pwf/tensor/conv.h"
#include "pwf/tensor/matmul.h"

#include <stdbool.h>
#include <stdint.h>

/** The program's own kernels: everything but convolutions and fast matrix products. kernel_rows.h
 * describes each one. They vectorise over channels, the last axis, and add over pixels in index
 * order, so every instruction set gives the same bits. */

#define KERNEL(name, arguments) void(*name) arguments;
typedef struct pwf_kernels {
#include "pwf/tensor/kernel_rows.h"
} pwf_kernels;
#undef KERNEL

/** The kernels of the instruction set in use (pwf_isa_now).
 * Local; any thread. Constant; valid for the whole run. */
const pwf_kernels *pwf_kernels_now(void);

#endif
