/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_TABLES_H
#define PWF_SRC_TENSOR_TABLES_H

#include "attention_kernels.h"
#include "conv_backend.h"
#include "product.h"
#include "pwf/tensor/kernels.h"

/* What the kernel files define, once per instruction set; kernels.c makes tables of them. */

#define KERNEL(name, arguments) PWF_KERNEL_DECLARE(void, pwf_##name, arguments)
#include "pwf/tensor/kernel_rows.h"
#undef KERNEL

PWF_KERNEL_DECLARE(extern const pwf_attention_kernels, pwf_attention_kernels, )
PWF_KERNEL_DECLARE(extern const pwf_conv_kernels, pwf_conv_kernels, )
PWF_KERNEL_DECLARE(extern const pwf_product_kernels, pwf_product_kernels, )
extern const pwf_product_kernels pwf_product_kernels_avx512bf16;

#endif
