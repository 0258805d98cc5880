/* SPDX-License-Identifier: BSD-3-Clause */
/* Decodes encoded images to pixels, with the decoder that the first bytes select. Called by the
 * room data for each image that it reads from a folder or an archive, from any thread. Touches no
 * file and keeps no state. */
#include "decode.h"

#include <string.h>

/* The first bytes decide, not the name: image sets contain PNG files named .JPEG. */
pwf_status pwf_image_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    *out = (pwf_image){0};
    PWF_FAIL_IF(size > PWF_IMAGE_FILE_MAX, PWF_DATA, "%s has %lld bytes; at most %d are allowed",
                name, (long long)size, PWF_IMAGE_FILE_MAX);
    pwf_status s;
    if (size >= 3 && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        s = pwf_jpeg_decode(name, bytes, size, out);
    else if (size >= 8 && memcmp(bytes, png, sizeof png) == 0)
        s = pwf_png_decode(name, bytes, size, out);
    else if (size == 0)
        s = PWF_FAIL(PWF_DATA, "%s is empty", name);
    else
        s = PWF_FAIL(PWF_DATA, "%s is neither a JPEG nor a PNG file", name);
    if (s.code != PWF_OK) pwf_image_free(out);
    return s;
}
