/* SPDX-License-Identifier: BSD-3-Clause */
/* Decodes an input as an image and reads every pixel of the result. Used by the targets jpeg and
 * png. */
#include "image.h"

#include "fuzz.h"
#include "pwf/image/image.h"

void fuzz_image(const uint8_t *data, size_t size)
{
    pwf_image image;
    if (pwf_image_decode("input", data, (int64_t)size, &image).code != PWF_OK) {
        PWF_ASSERT(!image.pixels);
        return;
    }
    fuzz_accept();
    PWF_ASSERT(image.width >= 1 && image.height >= 1);
    unsigned sum = 0; /* reads all pixels */
    for (int64_t i = 0; i < 3 * image.width * image.height; i++)
        sum += image.pixels[i];
    PWF_ASSERT(sum <= 255U * 3 * PWF_IMAGE_PIXELS_MAX);
    pwf_image_free(&image);
}
