/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes to the metadata of an HDF5 file: finds its checksummed pieces, applies the changes that
 * an input describes, and recomputes the checksums. Used by the targets ckpt_h5 and user_h5 and by
 * craft_h5. */
#include "h5_changes.h"

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exported by libhdf5, but not declared in its headers. */
extern uint32_t H5_checksum_metadata(const void *data, size_t size, uint32_t start);

enum { PIECES_MAX = 128, CHANGE_MAX = 16 };

/* Metadata with a checksum after it or, in a direct block of a heap, in the middle of it. */
typedef struct piece {
    size_t start, length; /* without the checksum */
    size_t inside;        /* offset of the checksum; 0: after the piece */
} piece;

struct fuzz_h5 {
    uint8_t bytes[FUZZ_H5_MAX];
    size_t size, metadata; /* bytes of all pieces */
    piece piece[PIECES_MAX];
    int pieces;
};

static uint32_t checksum_of(uint8_t *bytes, const piece *p)
{
    if (p->inside > 0) memset(bytes + p->start + p->inside, 0, 4);
    return H5_checksum_metadata(bytes + p->start, p->length, 0);
}

/* Finds the length of the piece that starts at `at` by its checksum. */
static bool measure(const fuzz_h5 *file, size_t at, piece *out)
{
    enum { HEAP_CHECKSUM = 17, PIECE_MAX = 4096 };
    uint8_t copy[PIECE_MAX];
    uint32_t want;
    const bool heap = memcmp(file->bytes + at, "FHDB", 4) == 0;
    for (size_t n = heap ? HEAP_CHECKSUM + 4 : 8; n <= PIECE_MAX && at + n + 4 <= file->size; n++) {
        const piece here = {0, n, heap ? HEAP_CHECKSUM : 0};
        memcpy(copy, file->bytes + at, n);
        memcpy(&want, file->bytes + at + (heap ? HEAP_CHECKSUM : n), sizeof want);
        if (checksum_of(copy, &here) != want) continue;
        *out = here;
        out->start = at;
        return true;
    }
    return false;
}

static void find_pieces(fuzz_h5 *file)
{
    static const char *const names[] = {"\x89HDF", "OHDR", "OCHK", "FRHP", "FHDB", "FSHD",
                                        "FSSE",    "BTHD", "BTLF", "FADB", "FAHD"};
    for (size_t at = 0; at + 12 <= file->size; at++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            piece p;
            if (memcmp(file->bytes + at, names[i], 4) != 0 || !measure(file, at, &p)) continue;
            PWF_ASSERT(file->pieces < PIECES_MAX);
            file->piece[file->pieces++] = p;
            file->metadata += p.length;
        }
}

fuzz_h5 *fuzz_h5_read(const char *folder, const char *name)
{
    char path[1024];
    fuzz_h5 *file = calloc(1, sizeof *file);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    PWF_ASSERT(file && in);
    file->size = fread(file->bytes, 1, sizeof file->bytes, in);
    PWF_ASSERT(file->size > 0 && file->size < sizeof file->bytes);
    fclose(in);
    find_pieces(file);
    return file;
}

void fuzz_h5_free(fuzz_h5 *file)
{
    free(file);
}

static size_t place(const fuzz_h5 *file, unsigned where)
{
    if ((where & 0x8000U) || file->metadata == 0) return (where & 0x7fffU) % file->size;
    size_t at = where % file->metadata;
    for (int i = 0;; i++) {
        if (at < file->piece[i].length) return file->piece[i].start + at;
        at -= file->piece[i].length;
    }
}

/* The length of an object header may have been changed: libhdf5 uses the changed one. */
static piece as_read(const uint8_t *bytes, size_t size, piece p)
{
    const uint8_t *at = bytes + p.start;
    if (memcmp(at, "OHDR", 4) != 0) return p;
    const unsigned flags = at[5], width = 1U << (flags & 3U);
    const size_t front = 6 + ((flags & 0x20U) ? 16U : 0U) + ((flags & 0x10U) ? 4U : 0U);
    uint64_t chunk = 0;
    if (p.start + front + width > size) return p;
    memcpy(&chunk, at + front, width);
    if (chunk <= size && p.start + front + width + chunk + 4 <= size)
        p.length = front + width + (size_t)chunk;
    return p;
}

static void correct_checksums(const fuzz_h5 *file, uint8_t *bytes)
{
    for (int i = 0; i < file->pieces; i++) {
        const piece p = as_read(bytes, file->size, file->piece[i]);
        const uint32_t sum = checksum_of(bytes, &p);
        memcpy(bytes + p.start + (p.inside > 0 ? p.inside : p.length), &sum, sizeof sum);
    }
}

size_t fuzz_h5_change(const fuzz_h5 *file, const uint8_t *changes, size_t size,
                      uint8_t bytes[FUZZ_H5_MAX])
{
    memcpy(bytes, file->bytes, file->size);
    for (size_t at = 0; at + 3 < size;) {
        const size_t to = place(file, (unsigned)changes[at] | (unsigned)changes[at + 1] << 8);
        size_t n = 1 + changes[at + 2] % CHANGE_MAX;
        at += 3;
        if (n > size - at) n = size - at;
        if (n > file->size - to) n = file->size - to;
        memcpy(bytes + to, changes + at, n);
        at += n;
    }
    correct_checksums(file, bytes);
    return file->size;
}
