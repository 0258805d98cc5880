/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_HASH_H
#define PWF_CORE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** XXH3, 128 bits: the one hash of fingerprints and checkpoints. */

typedef struct pwf_hash {
    uint64_t lo, hi;
} pwf_hash;

/** Whether two are the same.
 * Local; any thread. */
bool pwf_hash_equal(pwf_hash a, pwf_hash b);

/** The hash of some bytes.
 * Local; any thread. */
pwf_hash pwf_hash_bytes(const void *bytes, size_t count);

/** A hash fed piece by piece: the same value as pwf_hash_bytes of all pieces in a row.
 * Local. new returns NULL without memory; digest may be called at any time. */
typedef struct pwf_hasher pwf_hasher;
pwf_hasher *pwf_hasher_new(void);
void pwf_hasher_add(pwf_hasher *h, const void *bytes, size_t count);
pwf_hash pwf_hasher_digest(const pwf_hasher *h);
void pwf_hasher_free(pwf_hasher *h);

/** Writes the 32 hexadecimal digits and a NUL.
 * Local. */
void pwf_hash_text(pwf_hash hash, char text[33]);

#endif
