/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_NPZ_H
#define PWF_TESTS_NPZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes NumPy archives, as numpy.savez and numpy.savez_compressed do. */

enum { NPZ_BYTES = 1 << 18 };

typedef struct npz {
    unsigned char bytes[NPZ_BYTES]; /* of the archive so far */
    size_t length;
    unsigned char directory[4096];
    size_t directory_length;
    int members;
    bool deflated; /* for members added from now on */
} npz;

/* Adds an array: the dict of the header, for example "{'descr': '<f4', 'fortran_order': False,
 * 'shape': (2, 3), }", and the values. `version` is 1, 2 or 3. */
void npz_add(npz *to, const char *member, int version, const char *header, const void *values,
             size_t bytes);

/* Ends the archive; to->bytes holds to->length bytes. */
void npz_end(npz *to);

#endif
