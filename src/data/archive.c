/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads image archives (docs/reference/image-archive-format.md) with pread, from any thread and
 * without libhdf5, which serves one thread at a time. Every number of the file is checked before it
 * is used, because the file is untrusted. Called by source_hdf5.c, and by pack to make and check
 * archives. */
#include "pwf/data/archive.h"

#include "pwf/core/mem.h"
#include "pwf/data/file.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* The newline shows whether a transfer converted line ends. */
static const char magic[8] = {'p', 'w', 'f', 'i', 'm', 'g', 's', '\n'};

/* ---- the first block ------------------------------------------------------------------------- */

/* The hash covers all bytes before it, the zero padding included. */
void pwf_archive_seal(pwf_archive_block *block)
{
    memcpy(block->magic, magic, sizeof magic);
    block->version = PWF_ARCHIVE_VERSION;
    block->own = pwf_hash_bytes(block, offsetof(pwf_archive_block, own));
}

/* Whether `count` entries of `size` bytes at `offset` lie after the first block and within the
 * file. */
static bool fits(const pwf_archive_block *b, uint64_t offset, int64_t count, int64_t size)
{
    return offset >= PWF_ARCHIVE_BLOCK && offset <= b->bytes && count >= 0 && size >= 1 &&
           (uint64_t)count <= (b->bytes - offset) / (uint64_t)size;
}

/* Checked in addition to the hash: a crafted file has a correct hash, too. */
static bool is_sound(const pwf_archive_block *b)
{
    const bool pixels = b->form == PWF_ARCHIVE_PIXELS;
    return b->form <= PWF_ARCHIVE_PIXELS && b->complete <= 1 && b->train <= 1 && b->images >= 1 &&
           b->images <= UINT32_MAX && b->classes >= 1 && b->classes <= PWF_ARCHIVE_CLASSES_MAX &&
           b->name_bytes >= 2 && b->name_bytes <= PWF_ARCHIVE_NAME_MAX && b->class_bytes >= 2 &&
           b->class_bytes <= PWF_ARCHIVE_NAME_MAX && b->data_bytes >= 1 &&
           b->data_bytes <= INT64_MAX && fits(b, b->data, (int64_t)b->data_bytes, 1) &&
           (pixels ? b->side >= 1 && b->side <= PWF_IMAGE_SIDE_MAX &&
                         b->side * b->side <= PWF_IMAGE_PIXELS_MAX &&
                         fits(b, b->data, b->images, 3 * b->side * b->side)
                   : b->side == 0) &&
           fits(b, b->places, b->images + 1, 8) && fits(b, b->labels, b->images, 4) &&
           fits(b, b->names, b->images, b->name_bytes) &&
           fits(b, b->class_names, b->classes, b->class_bytes) &&
           fits(b, b->hashes, b->images, 16) && b->chunk.bytes >= 1 &&
           b->chunk.count == (int64_t)((b->data_bytes - 1) / (uint64_t)b->chunk.bytes) + 1 &&
           fits(b, b->chunk_hashes, b->chunk.count, 16);
}

/* The magic is compared before the hash, and the hash before the version: every version has the
 * hash at this offset, so damage and a newer format get different messages. */
pwf_status pwf_archive_read_block(int fd, const char *path, int64_t bytes, pwf_archive_block *block)
{
    PWF_FAIL_IF(bytes < PWF_ARCHIVE_BLOCK, PWF_DATA,
                "%s has only %lld bytes: it is truncated, or not an image archive", path,
                (long long)bytes);
    PWF_TRY(pwf_file_pread(fd, path, block, sizeof *block, 0));
    PWF_FAIL_IF(memcmp(block->magic, magic, sizeof magic) != 0, PWF_DATA,
                "%s is not an image archive; make one with pwf pack", path);
    PWF_FAIL_IF(
        !pwf_hash_equal(block->own, pwf_hash_bytes(block, offsetof(pwf_archive_block, own))),
        PWF_DATA, "%s is damaged in its first block; pack it again", path);
    PWF_FAIL_IF(
        block->version == 0 || block->version > PWF_ARCHIVE_VERSION, PWF_DATA,
        "%s has format version %u, but this program reads versions 1 to %d; use a newer program",
        path, block->version, PWF_ARCHIVE_VERSION);
    PWF_FAIL_IF((uint64_t)bytes != block->bytes, PWF_DATA,
                "%s has %lld bytes instead of %llu; copy or pack it again", path, (long long)bytes,
                (unsigned long long)block->bytes);
    PWF_FAIL_IF(!is_sound(block), PWF_DATA, "the first block of %s is inconsistent; pack it again",
                path);
    return pwf_ok();
}

/* Adds bytes [lo, hi) of the file to the hash, `room` at a time. */
static pwf_status add_bytes(int fd, const char *path, pwf_hasher *h, uint8_t *piece, int64_t room,
                            uint64_t lo, uint64_t hi)
{
    while (lo < hi) {
        const size_t n = hi - lo < (uint64_t)room ? (size_t)(hi - lo) : (size_t)room;
        PWF_TRY(pwf_file_pread(fd, path, piece, n, lo));
        pwf_hasher_add(h, piece, n);
        lo += n;
    }
    return pwf_ok();
}

/* Two ranges: from the first block to the images, and from their end to the end of the file. */
pwf_status pwf_archive_root(int fd, const char *path, const pwf_archive_block *block,
                            pwf_hash *root)
{
    enum { PIECE = 1 << 20 };
    uint8_t *piece = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, block->bytes < PIECE ? (int64_t)block->bytes : PIECE, 1,
                          &piece));
    pwf_hasher h;
    pwf_hasher_begin(&h);
    pwf_status s = add_bytes(fd, path, &h, piece, PIECE, PWF_ARCHIVE_BLOCK, block->data);
    if (s.code == PWF_OK)
        s = add_bytes(fd, path, &h, piece, PIECE, block->data + block->data_bytes, block->bytes);
    if (s.code == PWF_OK) *root = pwf_hasher_digest(&h);
    pwf_mem_free(piece);
    return s;
}

/* ---- the tables ------------------------------------------------------------------------------ */

/* Allocates and reads one table; *pointer gets its address. */
static pwf_status read_table(pwf_archive *a, uint64_t offset, int64_t count, int64_t size,
                             void *pointer)
{
    void *to = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, count, (size_t)size, &to));
    memcpy(pointer, &to, sizeof to);
    return pwf_file_pread(a->fd, a->path, to, (size_t)(count * size), offset);
}

/* Every entry is a non-empty string that ends within its `size` bytes. */
static bool are_texts(const char *text, int64_t count, int64_t size)
{
    for (int64_t i = 0; i < count; i++)
        if (text[i * size] == '\0' || text[(i + 1) * size - 1] != '\0') return false;
    return true;
}

/* Images follow each other without overlap and fill the data, each of an allowed size. */
static bool are_places(const pwf_archive *a)
{
    const pwf_archive_block *b = &a->block;
    const int64_t one = 3 * b->side * b->side; /* 0: any length */
    if (a->places[0] != 0 || a->places[b->images] != (int64_t)b->data_bytes) return false;
    /* An encoded image may have any length up to the limit of image files, also 0. */
    for (int64_t i = 0; i < b->images; i++) {
        if (a->places[i + 1] < a->places[i] || a->places[i + 1] > (int64_t)b->data_bytes)
            return false;
        const int64_t size = a->places[i + 1] - a->places[i];
        if (one ? size != one : size > PWF_IMAGE_FILE_MAX) return false;
    }
    return true;
}

/* Labels index the class names, so one out of range would read outside the table. */
static bool are_labels(const pwf_archive *a)
{
    for (int64_t i = 0; i < a->block.images; i++)
        if (a->labels[i] < 0 || a->labels[i] >= a->block.classes) return false;
    return true;
}

/* Sizes and offsets were checked with the first block; the contents are checked here. */
static pwf_status read_tables(pwf_archive *a)
{
    const pwf_archive_block *b = &a->block;
    PWF_TRY(read_table(a, b->places, b->images + 1, 8, &a->places));
    PWF_TRY(read_table(a, b->labels, b->images, 4, &a->labels));
    PWF_TRY(read_table(a, b->hashes, b->images, 16, &a->hashes));
    PWF_TRY(read_table(a, b->names, b->images, b->name_bytes, &a->names));
    PWF_TRY(read_table(a, b->class_names, b->classes, b->class_bytes, &a->class_names));
    PWF_FAIL_IF(!are_places(a) || !are_labels(a) ||
                    !are_texts(a->names, b->images, b->name_bytes) ||
                    !are_texts(a->class_names, b->classes, b->class_bytes),
                PWF_DATA, "the tables of %s are inconsistent; pack it again", a->path);
    return pwf_ok();
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A complete archive must also match its root hash; one that is being written has none yet. */
static pwf_status open_archive(pwf_archive *a, const char *root, const char *path, bool complete)
{
    pwf_hash now;
    int64_t bytes = 0;
    PWF_FAIL_IF(strlen(path) >= sizeof a->path, PWF_MISSING, "the path %.200s... is too long",
                path);
    memcpy(a->path, path, strlen(path) + 1);
    /* A link to an archive outside the folder is refused, as for image files. */
    char real[PWF_PATH];
    pwf_data_resolve(root, real);
    PWF_TRY(pwf_data_open_file(real, path, &a->fd, &bytes));
    PWF_FAIL_IF(a->fd < 0, PWF_MISSING,
                "%s does not exist; make it from an image folder with pwf pack", path);
    PWF_TRY(pwf_archive_read_block(a->fd, path, bytes, &a->block));
    PWF_FAIL_IF(complete && !a->block.complete, PWF_DATA,
                "%s is unfinished; run the same pwf pack again", path);
    if (complete) {
        PWF_TRY(pwf_archive_root(a->fd, path, &a->block, &now));
        PWF_FAIL_IF(!pwf_hash_equal(now, a->block.root), PWF_DATA,
                    "%s is damaged outside its images (names, labels, hashes or HDF5 "
                    "metadata); copy or pack it again",
                    path);
    }
    return read_tables(a);
}

/* `complete` is false only for pwf pack, which opens the partial file that it fills. */
pwf_status pwf_archive_open(const char *root, const char *path, bool complete, pwf_archive **out)
{
    pwf_archive *a = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *a, &a));
    a->fd = -1;
    const pwf_status s = open_archive(a, root, path, complete);
    if (s.code == PWF_OK)
        *out = a;
    else
        pwf_archive_free(a);
    return s;
}

/* Also frees an archive whose opening failed: tables not yet allocated are NULL, the descriptor is
 * -1. */
void pwf_archive_free(pwf_archive *archive)
{
    if (!archive) return;
    if (archive->fd >= 0) close(archive->fd);
    pwf_mem_free(archive->places);
    pwf_mem_free(archive->labels);
    pwf_mem_free(archive->hashes);
    pwf_mem_free(archive->names);
    pwf_mem_free(archive->class_names);
    pwf_mem_free(archive);
}

/* Two binary searches, O(log images); `places` is sorted. */
void pwf_archive_chunk(const pwf_archive_block *block, const int64_t *places, int64_t chunk,
                       int64_t *lo, int64_t *hi)
{
    int64_t *const ends[2] = {lo, hi};
    for (int e = 0; e < 2; e++) { /* the first image that begins at or after the border */
        const int64_t border = (chunk + e) * block->chunk.bytes;
        int64_t from = 0, to = block->images;
        while (from < to) {
            const int64_t middle = from + (to - from) / 2;
            if (places[middle] < border)
                from = middle + 1;
            else
                to = middle;
        }
        *ends[e] = from;
    }
}

/* ---- images ---------------------------------------------------------------------------------- */

/* Reads the stored bytes of one image and compares their hash. */
static pwf_status read_checked(const pwf_archive *a, int64_t index, uint8_t *bytes, int64_t size)
{
    PWF_TRY(pwf_file_pread(a->fd, a->path, bytes, (size_t)size,
                           a->block.data + (uint64_t)a->places[index]));
    if (pwf_hash_equal(pwf_hash_bytes(bytes, (size_t)size), a->hashes[index])) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s in %s (image %lld) is damaged: its hash differs; copy or pack the file "
                    "again",
                    pwf_archive_name(a, index), a->path, (long long)index);
}

/* Stored pixels are read straight into the image; encoded files pass through a buffer. pread
 * leaves the file position alone, so threads share the descriptor. */
pwf_status pwf_archive_read(const pwf_archive *archive, int64_t index, pwf_image *out)
{
    PWF_ASSERT(index >= 0 && index < archive->block.images);
    const int64_t size = archive->places[index + 1] - archive->places[index];
    const char *name = pwf_archive_name(archive, index);
    uint8_t *bytes = NULL;
    pwf_status s;
    *out = (pwf_image){0};
    if (archive->block.form == PWF_ARCHIVE_PIXELS) {
        s = pwf_image_new(name, archive->block.side, archive->block.side, out);
        if (s.code == PWF_OK) s = read_checked(archive, index, out->pixels, size);
        if (s.code != PWF_OK) pwf_image_free(out);
        return s;
    }
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, size + 1, 1,
                          &bytes)); /* one more byte: a zero, as after files */
    s = read_checked(archive, index, bytes, size);
    if (s.code == PWF_OK) s = pwf_image_decode(name, bytes, size, out);
    pwf_mem_free(bytes);
    return s;
}
