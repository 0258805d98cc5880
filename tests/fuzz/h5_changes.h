/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_FUZZ_H5_CHANGES_H
#define PWF_TESTS_FUZZ_H5_CHANGES_H

#include <stddef.h>
#include <stdint.h>

/** Applies the changes of an input to a valid HDF5 file and recomputes libhdf5's checksums, as an
 * attacker would. A change is two bytes of position, one byte of length, and the new bytes; the
 * position counts metadata under a checksum, or all bytes if its top bit is set or the file has no
 * checksums. */

enum { FUZZ_H5_MAX = 32768 }; /* bytes of a file */

typedef struct fuzz_h5 fuzz_h5;

/** Reads a valid file. Local. The caller frees it. Aborts on failure. */
fuzz_h5 *fuzz_h5_read(const char *folder, const char *name);
void fuzz_h5_free(fuzz_h5 *file);

/** Writes the changed bytes and returns their number.
 * Local. */
size_t fuzz_h5_change(const fuzz_h5 *file, const uint8_t *changes, size_t size,
                      uint8_t bytes[FUZZ_H5_MAX]);

#endif
