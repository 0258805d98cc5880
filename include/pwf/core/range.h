/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_RANGE_H
#define PWF_CORE_RANGE_H

#include <stdint.h>

/** Half-open ranges of indices, and the partition of a range into equal parts. */

typedef struct pwf_range {
    int64_t lo, hi; /* [lo, hi), lo <= hi */
} pwf_range;

/** Number of indices in a range.
 * Local; any thread. */
static inline int64_t pwf_range_length(pwf_range range)
{
    return range.hi - range.lo;
}

/** The part of range `a` inside `b`; lo == hi if they do not overlap.
 * Local; any thread. */
static inline pwf_range pwf_range_meet(pwf_range a, pwf_range b)
{
    const int64_t lo = a.lo > b.lo ? a.lo : b.lo, hi = a.hi < b.hi ? a.hi : b.hi;
    return (pwf_range){lo, hi > lo ? hi : lo};
}

/** The first index of part `part` when `count` indices are split into `parts` parts whose lengths
 * differ by at most one: floor(count * part / parts), without the product, which could overflow.
 * Local; any thread. `part` is 0 to `parts`; the last value gives `count`. */
static inline int64_t pwf_range_split(int64_t count, int parts, int part)
{
    return count / parts * part + count % parts * part / parts;
}

#endif
