/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_TABLES_H
#define PWF_SRC_TENSOR_TABLES_H

#include "attention_kernels.h"
#include "conv_backend.h"
#include "product.h"
#include "pwf/tensor/kernels.h"
#include "pwf/tensor/matmul.h"

/* The tables that the kernel files fill, one per instruction set. */

extern const pwf_attention_kernels pwf_attention_kernels_base, pwf_attention_kernels_avx2,
    pwf_attention_kernels_avx512;
extern const pwf_conv_kernels pwf_conv_kernels_base, pwf_conv_kernels_avx2, pwf_conv_kernels_avx512;
extern const pwf_product_kernels pwf_product_kernels_base, pwf_product_kernels_avx2,
    pwf_product_kernels_avx512, pwf_product_kernels_avx512bf16;
extern const pwf_kernels pwf_kernels_base, pwf_kernels_avx2, pwf_kernels_avx512;

/* Pooling lives in a file of its own. */
#define PWF_POOL_KERNELS(isa)                                                                      \
    void pwf_max_pool_forward_##isa(float *, int32_t *, const float *, const pwf_pool_shape *);    \
    void pwf_max_pool_backward_##isa(float *, bool, const float *, const int32_t *,                \
                                     const pwf_pool_shape *);                                      \
    void pwf_avg_pool_forward_##isa(float *, const float *, const pwf_pool_shape *);               \
    void pwf_avg_pool_backward_##isa(float *, bool, const float *, const pwf_pool_shape *);
PWF_POOL_KERNELS(base)
PWF_POOL_KERNELS(avx2)
PWF_POOL_KERNELS(avx512)

/* And so do the kernels of transformers. */
#define PWF_TOKEN_KERNELS(isa)                                                                     \
    void pwf_layer_norm_forward_##isa(float *, float *, float *, const float *, const float *,     \
                                      const float *, double, int64_t, int64_t);                    \
    void pwf_layer_norm_backward_##isa(float *, bool, double *, double *, float *, const float *,  \
                                       const float *, const float *, const float *, const float *, \
                                       int64_t, int64_t);                                          \
    void pwf_softmax_##isa(float *, float *, const float *, int64_t, int64_t);                     \
    void pwf_cdf_all_##isa(float *, const float *, int64_t);                                       \
    void pwf_gelu_forward_##isa(float *, float *, const float *, int64_t);                         \
    void pwf_gelu_backward_##isa(float *, bool, const float *, const float *, int64_t);            \
    void pwf_matmul_plain_##isa(float *, bool, float, const float *, const float *,                \
                                const pwf_matmul *);
PWF_TOKEN_KERNELS(base)
PWF_TOKEN_KERNELS(avx2)
PWF_TOKEN_KERNELS(avx512)

/* pwf_matmul_plain of the instruction set in use. */
void pwf_matmul_plain_now(float *y, bool add, float factor, const float *a, const float *b,
                          const pwf_matmul *shape);

#endif
