/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_SGD_KERNELS_H
#define PWF_OPTIM_SGD_KERNELS_H

#include "pwf/core/isa.h"
#include "pwf/optim/sgd.h"

/* pwf_sgd_update, once per instruction set. */
#define PWF_DECLARE(isa)                                                                           \
    void pwf_sgd_update_##isa(float *x, float *m, const float *gradient, const int16_t *code,      \
                              int64_t count, float scale, pwf_sgd settings);
PWF_DECLARE(base)
PWF_DECLARE(avx2)
PWF_DECLARE(avx512)
#undef PWF_DECLARE

#endif
