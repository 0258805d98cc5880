/* SPDX-License-Identifier: BSD-3-Clause */
/* An image archive, data.format hdf5: as it is, and with length and hashes recomputed, as an
 * attacker would. Tables and up to eight images and chunks are read. */
#include "fuzz.h"

#include "pwf/core/file.h"
#include "pwf/data/archive.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void read_images(const pwf_archive *archive)
{
    const pwf_archive_block *about = &archive->block;
    for (int64_t i = 0; i < about->images && i < 8; i++) {
        pwf_image image;
        PWF_ASSERT(strlen(pwf_archive_name(archive, i)) < PWF_ARCHIVE_NAME_MAX);
        PWF_ASSERT(strlen(archive->class_names + archive->labels[i] * about->class_bytes) <
                   PWF_ARCHIVE_NAME_MAX);
        if (pwf_archive_read(archive, i, &image).code == PWF_OK) pwf_image_free(&image);
    }
    for (int64_t chunk = 0; chunk < about->chunk.count && chunk < 8; chunk++) {
        int64_t lo = 0, hi = 0;
        pwf_archive_chunk(about, archive->places, chunk, &lo, &hi);
        PWF_ASSERT(lo >= 0 && lo <= hi && hi <= about->images);
    }
}

static void read_file(const char *path, bool complete)
{
    pwf_archive *archive = NULL;
    if (pwf_archive_open(fuzz_folder(), path, complete, &archive).code != PWF_OK) return;
    if (complete) fuzz_accept();
    read_images(archive);
    pwf_archive_free(archive);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    pwf_archive_block block, read;
    const char *path = fuzz_file("train.h5", data, size);
    read_file(path, true);
    if (size < sizeof block) return;
    memcpy(&block, data, sizeof block);
    block.bytes = size;
    block.complete = 1;
    pwf_archive_seal(&block);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    PWF_ASSERT(fd >= 0);
    fuzz_must(pwf_file_pwrite(fd, path, &block, sizeof block, 0));
    if (pwf_archive_read_block(fd, path, (int64_t)size, &read).code == PWF_OK) {
        read_file(path, false);
        if (pwf_archive_root(fd, path, &block, &block.root).code == PWF_OK) {
            pwf_archive_seal(&block);
            fuzz_must(pwf_file_pwrite(fd, path, &block, sizeof block, 0));
            read_file(path, true);
        }
    }
    close(fd);
}
