/* SPDX-License-Identifier: BSD-3-Clause */
/* A JPEG file: decoded by pwf_image_decode, and its pixels are read. Whatever the format, the
 * decoder is chosen by the first bytes. */
#include "fuzz.h"
#include "image.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_image(data, size);
}
