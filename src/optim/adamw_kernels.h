/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_ADAMW_KERNELS_H
#define PWF_OPTIM_ADAMW_KERNELS_H

#include "pwf/core/isa.h"

#include <stdint.h>

/* The factors of one update, the same for all elements. */
typedef struct pwf_adamw_factors {
    float keep;                       /* 1 - lr * weight_decay */
    float beta1, rest1, beta2, rest2; /* rest = 1 - beta */
    float rate;                       /* lr / (1 - beta1^t) */
    float root;                       /* 1 / sqrt(1 - beta2^t) */
    float eps, scale;
} pwf_adamw_factors;

#define PWF_DECLARE(isa)                                                                           \
    void pwf_adamw_update_##isa(float *x, float *m, float *v, const float *gradient,               \
                                const int16_t *code, int64_t count, pwf_adamw_factors f);
PWF_DECLARE(base)
PWF_DECLARE(avx2)
PWF_DECLARE(avx512)
#undef PWF_DECLARE

#endif
