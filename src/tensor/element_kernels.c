/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels that work element by element: ReLU, sums of arrays, exp and log; compiled once per
 * instruction set, called through pwf_kernels. PWF_INDEPENDENT lets them vectorise although an
 * output may be one of the inputs. */
#include "functions.h"
#include "tables.h"

/* The comparison is false for NaN, which therefore passes. */
void PWF_KERNEL(pwf_relu_forward)(float *y, const float *x, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

/* A NaN result passes its gradient on. */
void PWF_KERNEL(pwf_relu_backward)(float *dx, bool add, const float *dy, const float *y,
                                   int64_t count)
{
    PWF_EACH_GRADIENT(dx, add, i, count, y[i] <= 0.0f ? 0.0f : dy[i])
}

void PWF_KERNEL(pwf_add)(float *y, const float *a, const float *b, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

void PWF_KERNEL(pwf_accumulate)(float *y, const float *x, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

void PWF_KERNEL(pwf_exp)(float *y, const float *x, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = pwf_exp(x[i]);
}

void PWF_KERNEL(pwf_log)(float *y, const float *x, int64_t count)
{
    PWF_INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = pwf_ln(x[i]);
}
