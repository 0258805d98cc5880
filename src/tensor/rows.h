/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_TENSOR_ROWS_H
#define PWF_SRC_TENSOR_ROWS_H

#include "lanes.h"

/* Reductions along a row, for kernel files. Element i goes to partial sum i % 64, in fp32; the
 * upper half of the partial sums is added to the lower half until 16 are left, and these are added
 * in double, again halving, until one is left. The order does not depend on the instruction set. */

enum { LANES = PWF_LANES, PARTS = 4, BLOCK = PARTS * LANES };

/* Reductions of a row x: sum of x, sum of (x - about)^2, sum of x z, maximum of x. */
typedef enum row_kind { SUM, SQUARES, PRODUCT, TOP } row_kind;

/* Adds sixteen elements to a partial result; `kind` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) pwf_lanes
take(row_kind kind, pwf_lanes sum, pwf_lanes x, pwf_lanes z, pwf_lanes about)
{
    const pwf_lanes d = pwf_lanes_subtract(x, about);
    return kind == SUM       ? pwf_lanes_add(sum, x)
           : kind == SQUARES ? pwf_lanes_add(sum, pwf_lanes_multiply(d, d))
           : kind == PRODUCT ? pwf_lanes_add(sum, pwf_lanes_multiply(x, z))
                             : pwf_lanes_greater(x, sum);
}

/* The sixteen partial results of a row of n elements; missing elements of the last vector are
 * filled with a value that changes nothing. */
static inline __attribute__((always_inline)) pwf_lanes row(row_kind kind, const float *x,
                                                           const float *z, float about, int64_t n)
{
    const float rest = kind == TOP ? -INFINITY : kind == SQUARES ? about : 0.0f;
    const pwf_lanes m = pwf_lanes_of(about), none = pwf_lanes_of(kind == TOP ? -INFINITY : 0.0f);
    pwf_lanes part[PARTS] = {none, none, none, none};
    int64_t c = 0;
    for (; c + BLOCK <= n; c += BLOCK) {
        PWF_UNROLL
        for (int k = 0; k < PARTS; k++) {
            const int64_t at = c + k * LANES;
            part[k] = take(kind, part[k], pwf_lanes_load(x + at), pwf_lanes_load(z + at), m);
        }
    }
    PWF_UNROLL
    for (int k = 0; k < PARTS; k++) {
        const int64_t at = c + k * LANES, left = n - at;
        if (left >= LANES)
            part[k] = take(kind, part[k], pwf_lanes_load(x + at), pwf_lanes_load(z + at), m);
        else if (left > 0)
            part[k] = take(kind, part[k], pwf_lanes_load_first(x + at, left, rest),
                           pwf_lanes_load_first(z + at, left, 0.0f), m);
    }
    if (kind == TOP)
        return pwf_lanes_greater(pwf_lanes_greater(part[0], part[2]),
                                 pwf_lanes_greater(part[1], part[3]));
    return pwf_lanes_add(pwf_lanes_add(part[0], part[2]), pwf_lanes_add(part[1], part[3]));
}

static inline double row_sum(const float *x, int64_t n)
{
    return pwf_lanes_sum(row(SUM, x, x, 0.0f, n));
}

static inline double row_squares(const float *x, float about, int64_t n)
{
    return pwf_lanes_sum(row(SQUARES, x, x, about, n));
}

static inline double row_product(const float *x, const float *z, int64_t n)
{
    return pwf_lanes_sum(row(PRODUCT, x, z, 0.0f, n));
}

/* Rows that each step processes together, so that the work on different rows overlaps. */
enum { TOGETHER = 8 };

#endif
