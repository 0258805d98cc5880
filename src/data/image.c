/* SPDX-License-Identifier: BSD-3-Clause */
/* Image files to pixels: reads a file under a folder and picks the decoder by its first bytes.
 * Called by sources of images, by pack and by tests, from any thread; reads files, keeps no state.
 */
#include "pwf/data/image.h"

#include "decode.h"
#include "file.h"
#include "pwf/core/mem.h"

#include <string.h>

pwf_status pwf_image_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    *out = (pwf_image){0};
    if (size > PWF_IMAGE_FILE_MAX)
        return PWF_FAIL(PWF_DATA, "%s has %lld bytes; at most %d are allowed", name,
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

pwf_status pwf_image_read_inside(const char *real_root, const char *path, int64_t size,
                                 pwf_image *out)
{
    uint8_t *bytes = NULL;
    int64_t now = 0;
    *out = (pwf_image){0};
    PWF_TRY(pwf_source_read(real_root, path, PWF_IMAGE_FILE_MAX, &bytes, &now));
    const pwf_status s =
        size > 0 && now != size
            ? PWF_FAIL(PWF_DATA, "%s had %lld bytes when the run began and has %lld now", path,
                       (long long)size, (long long)now)
            : pwf_image_decode(path, bytes, now, out);
    pwf_mem_free(bytes);
    return s;
}

pwf_status pwf_image_read(const char *root, const char *path, int64_t size, pwf_image *out)
{
    char real[PWF_PATH];
    pwf_source_resolve(root, real);
    return pwf_image_read_inside(real, path, size, out);
}

pwf_status pwf_image_bytes(const char *root, const char *path, int64_t size, uint8_t **bytes)
{
    char real[PWF_PATH];
    int64_t now = 0;
    pwf_source_resolve(root, real);
    PWF_TRY(pwf_source_read(real, path, PWF_IMAGE_FILE_MAX, bytes, &now));
    if (size < 0 || now == size) return pwf_ok();
    pwf_mem_free(*bytes);
    *bytes = NULL;
    return PWF_FAIL(PWF_DATA, "%s had %lld bytes when it was listed and has %lld now", path,
                    (long long)size, (long long)now);
}
