/* SPDX-License-Identifier: BSD-3-Clause */
/* A PNG file for pwf_image_decode: as it is, and with the checksums of its chunks recomputed, so
 * that changed chunks reach libpng. */
#include "fuzz.h"
#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_image(data, size);
    uint8_t *bytes = malloc(size + !size);
    PWF_ASSERT(bytes);
    if (size > 0) memcpy(bytes, data, size);
    for (size_t at = 8; at + 12 <= size;) { /* length, name, content, checksum */
        const size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 |
                              (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length > size - at - 12) break;
        const uLong sum = crc32(crc32(0, NULL, 0), bytes + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++)
            bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
    fuzz_image(bytes, size);
    free(bytes);
}
