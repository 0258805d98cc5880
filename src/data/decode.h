/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_DECODE_H
#define PWF_SRC_DATA_DECODE_H

#include "pwf/data/image.h"

/* One decoder a format; both as pwf_image_decode, but what they leave in `out` on failure is freed
 * by the caller. */
pwf_status pwf_jpeg_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);
pwf_status pwf_png_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);

/* Checks the sides that a header claims and takes memory for them. */
pwf_status pwf_image_new(const char *name, int64_t width, int64_t height, pwf_image *out);

#endif
