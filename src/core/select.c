/* SPDX-License-Identifier: BSD-3-Clause */
/* Order statistics of values in memory, in linear time. Used for the quantiles of `pwf inspect`
 * and for the medians that losses and ranks are compared with. Pure functions: no state, no files,
 * no MPI. */
#include "pwf/core/select.h"

/* Hoare's selection: each pass splits [lo, hi] around a pivot and keeps the side that holds k. */
double pwf_select(double *values, int64_t count, int64_t k)
{
    int64_t lo = 0, hi = count - 1;
    while (lo < hi) {
        const double pivot = values[lo + (hi - lo) / 2];
        int64_t i = lo, j = hi;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i > j) break;
            const double swap = values[i];
            values[i++] = values[j];
            values[j--] = swap;
        }
        /* Between j and i all values equal the pivot. */
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return values[k];
}

double pwf_median(double *values, int64_t count)
{
    const double lower = pwf_select(values, count, (count - 1) / 2);
    return (lower + pwf_select(values, count, count / 2)) / 2.0;
}
