/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_FORMATS_UNPACKED_H
#define PWF_FORMATS_UNPACKED_H

#include "pwf/decoder/pwf_decode.h"
#include "pwf/formats/loaded.h"

/** A .pwf file in the memory of one process, for the commands. */
typedef struct pwf_unpacked {
    pwf_packed packed;     /* its tables */
    pwf_loaded_part *part; /* [packed.tensors]; code for coded ones, index into packed.entry */
    float *values;
    int16_t *code;
    unsigned char *bytes; /* the file */
    int64_t size;
} pwf_unpacked;

/** Verifies, reads and decodes a file.
 * Local. The caller frees it with pwf_unpack_free. Fails with PWF_MISSING, PWF_DENIED, PWF_IO,
 * PWF_RESOURCE, or PWF_DATA with the reason; nothing is then allocated. A file that claims more
 * than 2^28 elements and more than 64 for each of its bytes is refused. */
pwf_status pwf_unpack(const char *path, pwf_unpacked *out);

/** Frees what pwf_unpack has read.
 * Local. */
void pwf_unpack_free(pwf_unpacked *unpacked);

#endif
