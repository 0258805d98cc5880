/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set: the library is compiled for the least, on which the same hash
 * takes up to four times as long. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hash_kernels.h"

pwf_hash PWF_KERNEL(pwf_hash_of)(const void *bytes, size_t count)
{
    const XXH128_hash_t h = XXH3_128bits(bytes, count);
    return (pwf_hash){h.low64, h.high64};
}
