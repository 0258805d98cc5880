/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"
#include "image.h"

void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_image(data, size);
}
