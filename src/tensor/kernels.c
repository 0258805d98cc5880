/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of the kernels, one per instruction set, and the choice among them. Every kernel file is
 * compiled once per instruction set; whoever calls a kernel gets it from pwf_kernels_now or, inside
 * this room, from the tables of convolutions, products and attention. Reads pwf_isa_now, no other
 * state. */
#include "tables.h"

#define KERNEL(name, arguments) .name = pwf_##name##_base,
static const pwf_kernels base = {
#include "pwf/tensor/kernel_rows.h"
};
#undef KERNEL

#define KERNEL(name, arguments) .name = pwf_##name##_avx2,
static const pwf_kernels avx2 = {
#include "pwf/tensor/kernel_rows.h"
};
#undef KERNEL

#define KERNEL(name, arguments) .name = pwf_##name##_avx512,
static const pwf_kernels avx512 = {
#include "pwf/tensor/kernel_rows.h"
};
#undef KERNEL

const pwf_kernels *pwf_kernels_now(void)
{
    static const pwf_kernels *const table[PWF_ISA_COUNT] = {&base, &avx2, &avx512};
    return table[pwf_isa_now()];
}

const pwf_conv_kernels *pwf_conv_kernels_now(void)
{
    static const pwf_conv_kernels *const table[] = PWF_KERNEL_VARIANTS(&pwf_conv_kernels);
    return table[pwf_isa_now()];
}

/* In bf16, kernels for pairs where the machine has AVX512_BF16, else for rounded fp32 numbers. */
const pwf_product_kernels *pwf_product_kernels_now(pwf_precision precision)
{
    static const pwf_product_kernels *const table[] = PWF_KERNEL_VARIANTS(&pwf_product_kernels);
    if (precision == PWF_BF16 && pwf_isa_bf16()) return &pwf_product_kernels_avx512bf16;
    return table[pwf_isa_now()];
}

const pwf_attention_kernels *pwf_attention_kernels_now(void)
{
    static const pwf_attention_kernels *const table[] = PWF_KERNEL_VARIANTS(&pwf_attention_kernels);
    return table[pwf_isa_now()];
}
