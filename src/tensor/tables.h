/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_TABLES_H
#define PWF_SRC_TENSOR_TABLES_H

#include "attention_kernels.h"
#include "conv_backend.h"
#include "product.h"
#include "pwf/tensor/kernels.h"

/* What the kernel files define, once per instruction set; kernels.c makes tables of them. */

#define KERNEL(name, arguments)                                                                    \
    void pwf_##name##_base arguments;                                                              \
    void pwf_##name##_avx2 arguments;                                                              \
    void pwf_##name##_avx512 arguments;
#include "pwf/tensor/kernel_rows.h"
#undef KERNEL

extern const pwf_attention_kernels pwf_attention_kernels_base, pwf_attention_kernels_avx2,
    pwf_attention_kernels_avx512;
extern const pwf_conv_kernels pwf_conv_kernels_base, pwf_conv_kernels_avx2, pwf_conv_kernels_avx512;
extern const pwf_product_kernels pwf_product_kernels_base, pwf_product_kernels_avx2,
    pwf_product_kernels_avx512, pwf_product_kernels_avx512bf16;

#endif
