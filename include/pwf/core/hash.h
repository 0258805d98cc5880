/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_HASH_H
#define PWF_CORE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** 128-bit XXH3, the hash of fingerprints and checkpoints. Not cryptographic. */

typedef struct pwf_hash {
    uint64_t lo, hi;
} pwf_hash;

/** Whether two hashes are equal.
 * Local; any thread. */
bool pwf_hash_equal(pwf_hash a, pwf_hash b);

/** The hash of `count` bytes.
 * Local; any thread. */
pwf_hash pwf_hash_bytes(const void *bytes, size_t count);

/* The state of a hash of data in pieces; only the functions below use its contents. */
typedef struct pwf_hasher {
    _Alignas(64) unsigned char state[640];
} pwf_hasher;

/** A hash of data in pieces: equal to pwf_hash_bytes of their concatenation. pwf_hasher_begin comes
 * first; pwf_hasher_digest may be called repeatedly. There is nothing to free.
 * Local; one thread at a time. */
void pwf_hasher_begin(pwf_hasher *hasher);
void pwf_hasher_add(pwf_hasher *hasher, const void *bytes, size_t count);
pwf_hash pwf_hasher_digest(const pwf_hasher *hasher);

/** The hash as 32 hexadecimal digits, NUL-terminated.
 * Local. */
void pwf_hash_text(pwf_hash hash, char text[33]);

#endif
