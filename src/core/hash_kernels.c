/* SPDX-License-Identifier: BSD-3-Clause */
/* XXH3 inlined and compiled once per instruction set, because the installed library is compiled for
 * the baseline, where the same hash takes up to four times as long. Called through hash.c. Pure
 * function. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "kernels.h"

pwf_hash PWF_KERNEL(pwf_hash_of)(const void *bytes, size_t count)
{
    const XXH128_hash_t h = XXH3_128bits(bytes, count);
    return (pwf_hash){h.low64, h.high64};
}
