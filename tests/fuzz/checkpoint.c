/* SPDX-License-Identifier: BSD-3-Clause */
/* Recomputes length, root hash and header hash of a changed checkpoint, as an attacker would, so
 * that the checks after the hashes are reached. Used by the targets checkpoint and ckpt_h5, and
 * by craft_h5 and bad_h5. */
#include "checkpoint.h"

#include "file.h"
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tables are valid, and only the root hash is wrong. */
static void correct_root(const char *path, pwf_header *header)
{
    pwf_file file = {.path = path, .header = *header};
    file.fd = open(path, O_RDWR | O_CLOEXEC);
    file.extents = calloc((size_t)header->extent_rows + 1, sizeof *file.extents);
    PWF_ASSERT(file.fd >= 0 && file.extents);
    fuzz_must(pwf_file_pread(file.fd, path, file.extents,
                             (size_t)header->extent_rows * sizeof *file.extents, header->extents));
    if (pwf_file_root(&file, -1, &header->root).code == PWF_OK) {
        pwf_file_seal(header);
        fuzz_must(pwf_file_pwrite(file.fd, path, header, sizeof *header, 0));
    }
    free(file.extents);
    close(file.fd);
}

void fuzz_correct_checkpoint(const char *path, uint8_t *bytes, size_t size)
{
    pwf_header header;
    pwf_file file;
    if (size < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    header.bytes = size;
    pwf_file_seal(&header);
    memcpy(bytes, &header, sizeof header);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    PWF_ASSERT(fd >= 0);
    fuzz_must(pwf_file_pwrite(fd, path, &header, sizeof header, 0));
    close(fd);
    const pwf_status s = pwf_file_open(path, &file);
    if (s.code == PWF_OK)
        pwf_file_close(&file);
    else if (strstr(s.text, "is damaged outside its arrays"))
        correct_root(path, &header);
}
