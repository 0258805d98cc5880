/* SPDX-License-Identifier: BSD-3-Clause */
/* 128-bit XXH3 hashes in one call or piece by piece. Called for fingerprints, for the blocks of
 * checkpoints, and to compare arguments and states of ranks. No state; pwf_hasher objects belong to
 * the caller. */
#define XXH_INLINE_ALL /* its state is then that of the header, not of the installed library */
#include <xxhash.h>

#include "kernels.h"

#include <inttypes.h>
#include <stdio.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(pwf_hasher), "a hasher holds the state of XXH3");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(pwf_hasher), "and is aligned for it");

bool pwf_hash_equal(pwf_hash a, pwf_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* All kernels give the same hash; they differ only in speed. */
pwf_hash pwf_hash_bytes(const void *bytes, size_t count)
{
    typedef pwf_hash (*hash_of)(const void *, size_t);
    static const hash_of table[] = PWF_KERNEL_VARIANTS(pwf_hash_of);
    return table[pwf_isa_now()](bytes, count);
}

void pwf_hasher_begin(pwf_hasher *hasher)
{
    XXH3_128bits_reset((XXH3_state_t *)hasher->state);
}

void pwf_hasher_add(pwf_hasher *hasher, const void *bytes, size_t count)
{
    XXH3_128bits_update((XXH3_state_t *)hasher->state, bytes, count);
}

/* The state is only read: more bytes may follow. */
pwf_hash pwf_hasher_digest(const pwf_hasher *hasher)
{
    const XXH128_hash_t h = XXH3_128bits_digest((const XXH3_state_t *)hasher->state);
    return (pwf_hash){h.low64, h.high64};
}

/* High word first, as xxhsum prints it. */
void pwf_hash_text(pwf_hash hash, char text[33])
{
    snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, hash.hi, hash.lo);
}
