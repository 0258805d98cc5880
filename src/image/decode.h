/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_IMAGE_DECODE_H
#define PWF_SRC_IMAGE_DECODE_H

#include "pwf/image/image.h"

/* The decoder of each format. Like pwf_image_decode, but `out` may hold memory after a failure,
 * which the caller frees. */
pwf_status pwf_jpeg_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);
pwf_status pwf_png_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);

#endif
