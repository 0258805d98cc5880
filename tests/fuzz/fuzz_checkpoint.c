/* SPDX-License-Identifier: BSD-3-Clause */
/* A checkpoint or model file, before libhdf5 reads it: the first block, the tables and the hashes.
 * Tried as it is, and with length, root hash and header hash recomputed, as an attacker would. */
#include "checkpoint.h"
#include "fuzz.h"
#include "layout.h"

#include <stdlib.h>
#include <string.h>

static void read_file(const char *path)
{
    static float values[PWF_BLOCK];
    pwf_file file;
    if (pwf_file_open(path, &file).code != PWF_OK) return;
    fuzz_accept();
    pwf_read_check_arrays(&file);
    for (int i = 0; i < (int)file.header.arrays; i++) {
        const int64_t count = file.header.array[i].elements;
        fuzz_must(pwf_file_read(&file, i, 0, count < PWF_BLOCK ? count : PWF_BLOCK, values));
    }
    for (int64_t i = 0; i < file.header.params + file.header.buffers; i++)
        PWF_ASSERT(strlen(file.name[i]) < PWF_NAME);
    pwf_file_close(&file);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file("ckpt.h5", data, size);
    read_file(path);
    uint8_t *bytes = malloc(size + !size);
    PWF_ASSERT(bytes);
    if (size > 0) memcpy(bytes, data, size);
    fuzz_correct_checkpoint(path, bytes, size);
    free(bytes);
    read_file(path);
}
