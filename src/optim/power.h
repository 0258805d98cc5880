/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_OPTIM_POWER_H
#define PWF_OPTIM_POWER_H

#include <stdint.h>

/* base^exponent by squaring: the same bits everywhere, which libm's pow does not promise. */
static inline double pwf_power(double base, int64_t exponent)
{
    double result = 1.0;
    for (; exponent > 0; exponent /= 2, base *= base)
        if (exponent % 2) result *= base;
    return result;
}

#endif
