/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_IMAGE_IMAGE_H
#define PWF_IMAGE_IMAGE_H

#include "pwf/core/status.h"
#include "pwf/image/config.h"

#include <stdint.h>

/** Single images: decoding of JPEG (libjpeg-turbo) and PNG (libpng), which the first bytes
 * distinguish, and resizing. The pixels are identical to Pillow's. */

/* Images beyond these limits are refused before they are decoded. */
enum {
    PWF_IMAGE_SIDE_MAX = 16384,
    PWF_IMAGE_FILE_MAX = 64 << 20,   /* bytes */
    PWF_IMAGE_PIXELS_MAX = 64 << 20, /* of the whole image */
    PWF_IMAGE_SCANS_MAX = 100,       /* of a progressive JPEG */
    PWF_IMAGE_MEMORY_MAX = 512 << 20 /* bytes to decode one image */
};

typedef struct pwf_image {
    int64_t width, height;
    uint8_t *pixels;  /* [height, width, 3], red first; a few bytes may be read past the end */
    int64_t warnings; /* of the decoder, which returns the pixels nevertheless */
} pwf_image;

/** Decodes the bytes of a file to RGB: grey, RGB, YCbCr, CMYK and YCCK (inverted, as Adobe writes
 * and Pillow reads them) and progressive JPEG; PNG of any kind, its upper 8 bits, without its alpha
 * channel. `name` is for messages.
 * Local; any thread. The caller frees the image. Fails with PWF_DATA (damaged, truncated, beyond a
 * limit) or PWF_RESOURCE; the image is then empty. Exact for one version of the libraries. */
pwf_status pwf_image_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);

/** Allocates the pixels of an image, after checking its sides; `name` is for messages.
 * Local; any thread. The caller frees the image. Fails with PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_image_new(const char *name, int64_t width, int64_t height, pwf_image *out);
void pwf_image_free(pwf_image *image);

/* A part of an image: `columns` x `rows` pixels from (left, top) on. */
typedef struct pwf_image_window {
    int64_t left, top, columns, rows;
} pwf_image_window;

/** Resizes to width x height as Pillow's Image.resize does, antialiased, and writes the window of
 * the result to `out` [rows, columns, 3]: horizontal pass, rounding to 8 bits, vertical pass, with
 * weights of 22 fraction bits.
 * Local; any thread. Fails with PWF_RESOURCE. Exact: Pillow's values, on every instruction set.
 * Source: Pillow, src/libImaging/Resample.c. */
pwf_status pwf_image_resize(const pwf_image *image, int64_t width, int64_t height,
                            pwf_image_filter filter, pwf_image_window window, uint8_t *out);

#endif
