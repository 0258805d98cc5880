/* SPDX-License-Identifier: BSD-3-Clause */
/* A checkpoint or model file up to where libhdf5 would see it: the first block, the tables and the
 * hashes; as it is, and with length, root hash and the first block's own hash made right, as
 * somebody who means harm would. */
#include "fuzz.h"

#include "file.h"
#include "read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tables are sound and only the root hash is not: makes that right too. */
static void mend_root(const char *path, pwf_header *header)
{
    pwf_file file = {.path = path, .header = *header};
    file.fd = open(path, O_RDWR | O_CLOEXEC);
    file.extents = calloc((size_t)header->extent_rows + 1, sizeof *file.extents);
    PWF_ASSERT(file.fd >= 0 && file.extents);
    fuzz_must(pwf_file_pread(file.fd, path, file.extents,
                             (size_t)header->extent_rows * sizeof *file.extents, header->extents));
    if (pwf_file_root(&file, &header->root).code == PWF_OK) {
        pwf_file_seal(header);
        fuzz_must(pwf_file_pwrite(file.fd, path, header, sizeof *header, 0));
    }
    free(file.extents);
    close(file.fd);
}

/* Whether the file opens, or fails at the root hash alone. */
static bool read_file(const char *path)
{
    static float values[PWF_BLOCK];
    pwf_file file;
    const pwf_status s = pwf_file_open(path, &file);
    if (s.code != PWF_OK) return strstr(s.text, "is damaged outside its arrays") != NULL;
    fuzz_accept();
    pwf_read_check_arrays(&file);
    for (int i = 0; i < (int)file.header.arrays; i++) {
        const int64_t count = file.header.array[i].elements;
        fuzz_must(pwf_file_read(&file, i, 0, count < PWF_BLOCK ? count : PWF_BLOCK, values));
    }
    for (int64_t i = 0; i < file.header.params + file.header.buffers; i++)
        PWF_ASSERT(strlen(file.name[i]) < PWF_NAME);
    pwf_file_close(&file);
    return true;
}

void fuzz_one(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file("ckpt.h5", data, size);
    pwf_header header;
    read_file(path);
    if (size < sizeof header) return;
    memcpy(&header, data, sizeof header);
    header.bytes = size;
    pwf_file_seal(&header);
    uint8_t *bytes = malloc(size);
    PWF_ASSERT(bytes);
    memcpy(bytes, data, size);
    memcpy(bytes, &header, sizeof header);
    path = fuzz_file("ckpt.h5", bytes, size);
    free(bytes);
    if (!read_file(path)) return;
    mend_root(path, &header);
    read_file(path);
}
