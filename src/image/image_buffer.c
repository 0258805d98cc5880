/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of one decoded image, with the limits on its size. Called by the decoders (jpeg.c,
 * png.c), which must not depend on each other or on decode.c, and by everything that makes or frees
 * an image. Any thread; touches no file and keeps no state. */
#include "decode.h"
#include "pwf/core/mem.h"

enum { PAST_END = 16 }; /* bytes that a kernel may read after the last pixel */

pwf_status pwf_image_new(const char *name, int64_t width, int64_t height, pwf_image *out)
{
    PWF_FAIL_IF(width < 1 || height < 1 || width > PWF_IMAGE_SIDE_MAX ||
                    height > PWF_IMAGE_SIDE_MAX || width * height > PWF_IMAGE_PIXELS_MAX,
                PWF_DATA,
                "%s: the image has %lld x %lld pixels; a side must have 1 to %d pixels and "
                "the image at most %d million",
                name, (long long)width, (long long)height, PWF_IMAGE_SIDE_MAX,
                PWF_IMAGE_PIXELS_MAX >> 20);
    /* The products cannot overflow: sides have at most 15 bits. */
    out->width = width;
    out->height = height;
    return pwf_mem_alloc(PWF_MEM_DATA, 3 * width * height + PAST_END, 1, &out->pixels);
}

void pwf_image_free(pwf_image *image)
{
    if (!image) return;
    pwf_mem_free(image->pixels);
    *image = (pwf_image){0};
}
