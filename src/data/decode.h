/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_DATA_DECODE_H
#define PWF_SRC_DATA_DECODE_H

#include "pwf/data/image.h"

/* One decoder per format. Both as pwf_image_decode, except that the caller frees what they leave in
 * `out` on failure. */
pwf_status pwf_jpeg_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);
pwf_status pwf_png_decode(const char *name, const uint8_t *bytes, int64_t size, pwf_image *out);

/* As pwf_image_read, for a folder that pwf_source_resolve has resolved. */
pwf_status pwf_image_read_inside(const char *real_root, const char *path, int64_t size,
                                 pwf_image *out);

/* Checks the sides that a header states and allocates the pixels. */
pwf_status pwf_image_new(const char *name, int64_t width, int64_t height, pwf_image *out);

#endif
