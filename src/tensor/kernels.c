/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables.h"

const pwf_kernels *pwf_kernels_now(void)
{
    static const pwf_kernels *const table[PWF_ISA_COUNT] = {&pwf_kernels_base, &pwf_kernels_avx2,
                                                            &pwf_kernels_avx512};
    return table[pwf_isa_now()];
}

const pwf_conv_kernels *pwf_conv_kernels_now(void)
{
    static const pwf_conv_kernels *const table[PWF_ISA_COUNT] = {
        &pwf_conv_kernels_base, &pwf_conv_kernels_avx2, &pwf_conv_kernels_avx512};
    return table[pwf_isa_now()];
}

const pwf_product_kernels *pwf_product_kernels_now(pwf_precision precision)
{
    static const pwf_product_kernels *const table[PWF_ISA_COUNT] = {
        &pwf_product_kernels_base, &pwf_product_kernels_avx2, &pwf_product_kernels_avx512};
    if (precision == PWF_BF16 && pwf_isa_bf16()) return &pwf_product_kernels_avx512bf16;
    return table[pwf_isa_now()];
}

const pwf_attention_kernels *pwf_attention_kernels_now(void)
{
    static const pwf_attention_kernels *const table[PWF_ISA_COUNT] = {
        &pwf_attention_kernels_base, &pwf_attention_kernels_avx2, &pwf_attention_kernels_avx512};
    return table[pwf_isa_now()];
}

void pwf_matmul_plain_now(float *y, bool add, float factor, const float *a, const float *b,
                          const pwf_matmul *shape)
{
    switch (pwf_isa_now()) {
    case PWF_ISA_AVX512:
        pwf_matmul_plain_avx512(y, add, factor, a, b, shape);
        break;
    case PWF_ISA_AVX2:
        pwf_matmul_plain_avx2(y, add, factor, a, b, shape);
        break;
    default:
        pwf_matmul_plain_base(y, add, factor, a, b, shape);
    }
}
