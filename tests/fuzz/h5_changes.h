/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_H5_CHANGES_H
#define PWF_TESTS_FUZZ_H5_CHANGES_H

#include <stddef.h>
#include <stdint.h>

/** Good HDF5 files that an input changes in places, with libhdf5's own checksums made right again,
 * as somebody who means harm would. Changes are two bytes that say where, one that says how many
 * bytes, and these; a place is in the metadata behind a checksum, or anywhere if its top bit is set
 * or the file has no checksums. */

enum { FUZZ_H5_MAX = 32768 }; /* bytes of a file */

typedef struct fuzz_h5 fuzz_h5;

/** Reads a good file. Local. The caller frees it. Aborts on failure. */
fuzz_h5 *fuzz_h5_read(const char *folder, const char *name);
void fuzz_h5_free(fuzz_h5 *file);

/** The changed bytes; returns their number.
 * Local. */
size_t fuzz_h5_change(const fuzz_h5 *file, const uint8_t *changes, size_t size,
                      uint8_t bytes[FUZZ_H5_MAX]);

#endif
