/* SPDX-License-Identifier: BSD-3-Clause */
/* A .pwf file for the stand-alone decoder: as it is, and with length and hashes recomputed. If the
 * tables are accepted, all values are decoded. */
#include "fuzz.h"

#include "pwf/core/hash.h"
#include "pwf/decoder/pwf_decode.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 128, BODY_HASH = 96, OWN_HASH = HEADER - 16, LENGTH = 16, ELEMENTS_MAX = 1 << 16 };

static float values[ELEMENTS_MAX];
static int16_t codes[ELEMENTS_MAX];

static void decode(const uint8_t *bytes, size_t size)
{
    pwf_packed p;
    const char *wrong = pwf_packed_open(&p, bytes, size);
    if (!wrong && p.elements <= ELEMENTS_MAX) {
        size_t length = strlen(p.metadata);
        for (uint32_t t = 0; t < p.tensors; t++)
            length += strlen(p.tensor[t].name);
        PWF_ASSERT(length <= size);
        if (!pwf_packed_values(&p, values, codes)) fuzz_accept();
    }
    pwf_packed_close(&p);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    decode(data, size);
    if (size < HEADER) return;
    uint8_t *bytes = malloc(size);
    PWF_ASSERT(bytes);
    memcpy(bytes, data, size);
    const uint64_t length = size;
    memcpy(bytes + LENGTH, &length, sizeof length);
    const pwf_hash body = pwf_hash_bytes(bytes + HEADER, size - HEADER);
    memcpy(bytes + BODY_HASH, &body, sizeof body);
    const pwf_hash own = pwf_hash_bytes(bytes, OWN_HASH);
    memcpy(bytes + OWN_HASH, &own, sizeof own);
    decode(bytes, size);
    free(bytes);
}
