/* SPDX-License-Identifier: BSD-3-Clause */
/* 128-bit XXH3 hashes in one call or piece by piece. Called for fingerprints, for the blocks of
 * checkpoints, and to compare arguments and states of ranks. No state; pwf_hasher objects belong to
 * the caller. */
#include "pwf/core/hash.h"

#include "kernels.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

struct pwf_hasher {
    XXH3_state_t *state; /* allocated by the library, which aligns it */
};

static pwf_hash from_xxh(XXH128_hash_t h)
{
    return (pwf_hash){h.low64, h.high64};
}

bool pwf_hash_equal(pwf_hash a, pwf_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* All kernels give the same hash; they differ in speed alone. */
pwf_hash pwf_hash_bytes(const void *bytes, size_t count)
{
    typedef pwf_hash (*hash_of)(const void *, size_t);
    static const hash_of table[] = PWF_KERNEL_VARIANTS(pwf_hash_of);
    return table[pwf_isa_now()](bytes, count);
}

pwf_hasher *pwf_hasher_new(void)
{
    pwf_hasher *h = malloc(sizeof *h);
    if (!h) return NULL;
    h->state = XXH3_createState();
    if (!h->state) {
        free(h);
        return NULL;
    }
    XXH3_128bits_reset(h->state);
    return h;
}

void pwf_hasher_add(pwf_hasher *hasher, const void *bytes, size_t count)
{
    XXH3_128bits_update(hasher->state, bytes, count);
}

/* The state is only read: more bytes may follow. */
pwf_hash pwf_hasher_digest(const pwf_hasher *hasher)
{
    return from_xxh(XXH3_128bits_digest(hasher->state));
}

void pwf_hasher_free(pwf_hasher *hasher)
{
    if (!hasher) return;
    XXH3_freeState(hasher->state);
    free(hasher);
}

/* High word first, as xxhsum prints it. */
void pwf_hash_text(pwf_hash hash, char text[33])
{
    snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, hash.hi, hash.lo);
}
