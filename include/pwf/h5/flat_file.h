/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_H5_FLAT_FILE_H
#define PWF_H5_FLAT_FILE_H

#include "pwf/core/status.h"

#include <stdint.h>

/** HDF5 files of contiguous arrays at known offsets, which many ranks fill with pwrite: when a rank
 * dies, libhdf5 does not have the file open. */

typedef enum pwf_flat_type { PWF_FLAT_U8, PWF_FLAT_I32, PWF_FLAT_I64, PWF_FLAT_TEXT } pwf_flat_type;

/* A dataset of the root group, little-endian; strings are padded with zero bytes. */
typedef struct pwf_flat_array {
    const char *name;
    pwf_flat_type type;
    int64_t text; /* bytes of a string (PWF_FLAT_TEXT) */
    int dims;
    int64_t shape[4];
    uint64_t offset; /* result: offset in the file */
} pwf_flat_array;

/* An attribute of the root group. */
typedef struct pwf_flat_text {
    const char *name, *value;
} pwf_flat_text;

/** Lays out an empty file: a user block of `first` zero bytes (a power of two, at least 512), then
 * contiguous arrays of at least one element, each beginning at a multiple of `first`. The arrays
 * are not written: the file has holes there. The bytes depend only on the arguments.
 * Local. *bytes gets the length of the file. Fails with PWF_IO or PWF_RESOURCE. */
pwf_status pwf_flat_lay_out(int fd, const char *path, int64_t first, const pwf_flat_text *texts,
                            int text_count, pwf_flat_array *arrays, int array_count,
                            int64_t *bytes);

#endif
