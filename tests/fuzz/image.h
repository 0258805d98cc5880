/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_IMAGE_H
#define PWF_TESTS_FUZZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/** Decodes an image file and reads all of its pixels.
 * Local. */
void fuzz_image(const uint8_t *data, size_t size);

#endif
