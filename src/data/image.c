/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/data/image.h"

#include "decode.h"
#include "file.h"
#include "pwf/core/mem.h"

#include <string.h>

enum { PAST_END = 16 }; /* bytes that a kernel may read behind the last pixel */

pwf_status pwf_image_new(const char *name, int64_t width, int64_t height, pwf_image *out)
{
    if (width < 1 || height < 1 || width > PWF_IMAGE_SIDE_MAX || height > PWF_IMAGE_SIDE_MAX ||
        width * height > PWF_IMAGE_PIXELS_MAX)
        return PWF_FAIL(PWF_DATA,
                        "%s: %lld x %lld pixels; sides of 1 to %d and %d million pixels are the "
                        "most that is decoded",
                        name, (long long)width, (long long)height, PWF_IMAGE_SIDE_MAX,
                        PWF_IMAGE_PIXELS_MAX >> 20);
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

pwf_status pwf_image_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    *out = (pwf_image){0};
    if (size > PWF_IMAGE_FILE_MAX)
        return PWF_FAIL(PWF_DATA, "%s has %lld bytes; at most %d are decoded", name,
                        (long long)size, PWF_IMAGE_FILE_MAX);
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

pwf_status pwf_image_read(const char *root, const char *path, int64_t size, pwf_image *out)
{
    uint8_t *bytes = NULL;
    int64_t now = 0;
    *out = (pwf_image){0};
    PWF_TRY(pwf_source_read(root, path, PWF_IMAGE_FILE_MAX, &bytes, &now));
    const pwf_status s =
        size > 0 && now != size
            ? PWF_FAIL(PWF_DATA, "%s had %lld bytes when the run began and has %lld now", path,
                       (long long)size, (long long)now)
            : pwf_image_decode(path, bytes, now, out);
    pwf_mem_free(bytes);
    return s;
}

pwf_status pwf_image_bytes(const char *root, const char *path, int64_t size, uint8_t **bytes)
{
    int64_t now = 0;
    PWF_TRY(pwf_source_read(root, path, PWF_IMAGE_FILE_MAX, bytes, &now));
    if (size < 0 || now == size) return pwf_ok();
    pwf_mem_free(*bytes);
    *bytes = NULL;
    return PWF_FAIL(PWF_DATA, "%s had %lld bytes when it was listed and has %lld now", path,
                    (long long)size, (long long)now);
}
