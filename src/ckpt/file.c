/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a checkpoint file that is read without libhdf5: first block (the header of 4,096
 * bytes), tables, and the arrays with the hashes of their blocks (4,096 elements each). Called by
 * everything that writes or reads checkpoints. Reads and writes one open file; no MPI. */
#include "file.h"

#include "pwf/core/mem.h"
#include "pwf/shard/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'p', 'w', 'f', 'c', 'k', 'p', 't', '\n'};

enum { PIECE = 1 << 20 }; /* bytes read at a time */

/* The hash is computed last: it covers all other bytes of the first block. */
void pwf_file_seal(pwf_header *header)
{
    memcpy(header->magic, magic, sizeof magic);
    header->version = PWF_FORMAT;
    header->own = pwf_hash_bytes(header, offsetof(pwf_header, own));
}

/* A crafted file can have valid hashes: every field that is used as a size or an offset is checked
 * against the length of the file. */
static pwf_status check_fields(const char *path, const pwf_header *h)
{
    const uint64_t bytes = h->bytes;
    const int64_t sizes[] = {h->step,   h->posterior, h->total,       h->posterior_params,
                             h->params, h->buffers,   h->extent_rows, h->names_bytes};
    bool good = h->arrays >= 1 && h->arrays <= PWF_FILE_ARRAYS && h->kind <= PWF_KIND_MODEL;
    /* each except `step` counts items of at least one byte */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        good = good && sizes[i] >= 0 && (i == 0 || (uint64_t)sizes[i] <= bytes);
    /* written as differences, which cannot overflow */
    good = good && h->posterior <= h->total && h->posterior_params <= h->params &&
           h->params + h->buffers <= h->names_bytes && h->names <= bytes &&
           (uint64_t)h->names_bytes <= bytes - h->names && h->extents <= bytes &&
           (uint64_t)h->extent_rows <= (bytes - h->extents) / sizeof(pwf_extent);
    /* each array has one extent per parameter */
    int64_t rows = 0;
    for (int64_t i = 0; good && i < h->arrays; i++) {
        const pwf_file_array *a = &h->array[i];
        good = memchr(a->name, '\0', sizeof a->name) && (a->size == 2 || a->size == 4) &&
               a->posterior <= 1 && a->elements == (a->posterior ? h->posterior : h->total) &&
               a->blocks == pwf_block_count(a->elements) && a->hashes <= bytes &&
               (uint64_t)a->blocks <= (bytes - a->hashes) / sizeof(pwf_hash);
        rows += a->posterior ? h->posterior_params : h->params;
    }
    PWF_FAIL_IF(!good || rows != h->extent_rows, PWF_DATA,
                "the first block of %s is inconsistent; use an earlier checkpoint", path);
    return pwf_ok();
}

/* Reads the first block and checks magic, hash, version and length. */
static pwf_status read_header(int fd, const char *path, int64_t bytes, pwf_header *h)
{
    PWF_FAIL_IF(bytes < PWF_FIRST_BLOCK, PWF_DATA,
                "%s has only %lld bytes: it is not a checkpoint, or is truncated; use an "
                "earlier checkpoint",
                path, (long long)bytes);
    PWF_TRY(pwf_file_pread(fd, path, h, sizeof *h, 0));
    PWF_FAIL_IF(memcmp(h->magic, magic, sizeof magic) != 0, PWF_DATA,
                "%s is not a checkpoint of this program: its first bytes are different", path);
    /* checked before the version: the first block ends with this hash in every format version */
    PWF_FAIL_IF(!pwf_hash_equal(h->own, pwf_hash_bytes(h, offsetof(pwf_header, own))), PWF_DATA,
                "%s is damaged in its first block; use an earlier checkpoint", path);
    PWF_FAIL_IF(h->version > PWF_FORMAT || h->version == 0, PWF_DATA,
                "%s has format version %u and this program reads up to %d: use a newer "
                "program",
                path, h->version, PWF_FORMAT);
    PWF_FAIL_IF((uint64_t)bytes < h->bytes, PWF_DATA,
                "%s is truncated: %lld of %llu bytes; use an earlier checkpoint", path,
                (long long)bytes, (unsigned long long)h->bytes);
    PWF_FAIL_IF((uint64_t)bytes > h->bytes, PWF_DATA,
                "%s has %lld extra bytes at its end; use an earlier checkpoint", path,
                (long long)((uint64_t)bytes - h->bytes));
    return check_fields(path, h);
}

/* Reads one block, which suffices to list a directory. */
pwf_status pwf_file_header(const char *path, pwf_header *header)
{
    int fd = -1;
    int64_t bytes = 0;
    PWF_TRY(pwf_file_open_read(path, &fd, &bytes));
    const pwf_status s = read_header(fd, path, bytes, header);
    close(fd);
    return s;
}

/* Order of extents by their place in the file. */
static int by_offset(const void *a, const void *b)
{
    const int64_t x = ((const pwf_extent *)a)->offset, y = ((const pwf_extent *)b)->offset;
    return (x > y) - (x < y);
}

/* Length of an extent in bytes. */
static int64_t extent_bytes(const pwf_file *file, const pwf_extent *e)
{
    return e->count * file->header.array[e->array].size;
}

/* The extents of each array cover it from the first element to the last and lie inside the file. */
static pwf_status check_extents(const pwf_file *file)
{
    const pwf_header *h = &file->header;
    const pwf_extent *e = file->extents;
    bool good = true;
    for (int64_t a = 0; good && a < h->arrays; a++) {
        int64_t start = 0;
        const int64_t rows = h->array[a].posterior ? h->posterior_params : h->params;
        for (int64_t i = 0; good && i < rows; i++, e++) {
            good = e->array == a && e->start == start && e->count >= 1 &&
                   e->count <= h->array[a].elements - start && e->offset >= PWF_FIRST_BLOCK &&
                   (uint64_t)e->offset <= h->bytes &&
                   (uint64_t)extent_bytes(file, e) <= h->bytes - (uint64_t)e->offset;
            start += e->count;
        }
        good = good && start == h->array[a].elements;
    }
    PWF_FAIL_IF(!good, PWF_DATA, "the table of extents of %s is damaged; use an earlier checkpoint",
                file->path);
    return pwf_ok();
}

/* State of a walk over all bytes outside the arrays. */
typedef struct outside {
    pwf_hasher *hasher;
    char *piece;
    int copy; /* descriptor of a copy that gets the same bytes, or -1 */
} outside;

/* Adds bytes [lo, hi) of the file to the hash and to the copy. */
static pwf_status add_bytes(const pwf_file *file, const outside *w, uint64_t lo, uint64_t hi)
{
    while (lo < hi) {
        const size_t n = hi - lo < PIECE ? (size_t)(hi - lo) : PIECE;
        PWF_TRY(pwf_file_pread(file->fd, file->path, w->piece, n, lo));
        pwf_hasher_add(w->hasher, w->piece, n);
        if (w->copy >= 0) PWF_TRY(pwf_file_pwrite(w->copy, "the copy", w->piece, n, lo));
        lo += n;
    }
    return pwf_ok();
}

/* Adds the gaps between the sorted extents. */
static pwf_status add_outside(const pwf_file *file, const pwf_extent *sorted, const outside *w)
{
    uint64_t at = PWF_FIRST_BLOCK;
    for (int64_t i = 0; i < file->header.extent_rows; i++) {
        const uint64_t lo = (uint64_t)sorted[i].offset;
        PWF_FAIL_IF(lo < at, PWF_DATA, "two parameters of %s overlap; use an earlier checkpoint",
                    file->path);
        PWF_TRY(add_bytes(file, w, at, lo));
        at = lo + (uint64_t)extent_bytes(file, &sorted[i]);
    }
    return add_bytes(file, w, at, file->header.bytes);
}

/* Covers all bytes after the first block and outside the arrays. The extents are sorted by offset,
 * so that the gaps between them are found in one pass. */
pwf_status pwf_file_root(const pwf_file *file, int copy, pwf_hash *root)
{
    const int64_t rows = file->header.extent_rows;
    const uint64_t bytes = file->header.bytes;
    pwf_extent *sorted = NULL;
    pwf_hasher hasher;
    outside w = {&hasher, NULL, copy};
    pwf_hasher_begin(&hasher);
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, rows, sizeof *sorted, &sorted);
    if (s.code == PWF_OK)
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, bytes < PIECE ? (int64_t)bytes : PIECE, 1, &w.piece);
    if (s.code == PWF_OK) {
        if (rows > 0) {
            memcpy(sorted, file->extents, (size_t)rows * sizeof *sorted);
            qsort(sorted, (size_t)rows, sizeof *sorted, by_offset);
        }
        s = add_outside(file, sorted, &w);
    }
    if (s.code == PWF_OK) *root = pwf_hasher_digest(&hasher);
    pwf_mem_free(w.piece);
    pwf_mem_free(sorted);
    return s;
}

/* Names are separated by newlines in the file; each gets its NUL in place. */
static pwf_status split_names(pwf_file *file)
{
    const pwf_header *h = &file->header;
    const int64_t count = h->params + h->buffers;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *file->name, &file->name));
    char *at = file->text, *end = file->text + h->names_bytes;
    bool good = true;
    for (int64_t i = 0; i < count && good; i++) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        good = stop && stop > at && stop - at < PWF_NAME;
        for (char *c = at; good && c < stop; c++)
            good = *c > ' ' && *c < 127 && *c != '/';
        file->name[i] = at;
        if (good) *stop = '\0';
        at = good ? stop + 1 : end;
    }
    PWF_FAIL_IF(!good || at != end, PWF_DATA,
                "the table of names of %s is damaged; use an earlier checkpoint", file->path);
    return pwf_ok();
}

pwf_status pwf_file_check_root(const pwf_file *file, int copy)
{
    pwf_hash root;
    PWF_TRY(pwf_file_root(file, copy, &root));
    if (pwf_hash_equal(root, file->header.root)) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s is damaged outside its arrays (HDF5 metadata, tables, codebook, buffers or "
                    "state); use an earlier checkpoint",
                    file->path);
}

/* Reads the extents and names, and verifies the root hash. */
static pwf_status open_tables(pwf_file *file)
{
    const pwf_header *h = &file->header;
    const size_t bytes = (size_t)h->extent_rows * sizeof(pwf_extent);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->extent_rows, sizeof(pwf_extent), &file->extents));
    PWF_TRY(pwf_file_pread(file->fd, file->path, file->extents, bytes, h->extents));
    PWF_TRY(check_extents(file));
    PWF_TRY(pwf_file_check_root(file, -1));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->names_bytes + 1, 1, &file->text));
    PWF_TRY(pwf_file_pread(file->fd, file->path, file->text, (size_t)h->names_bytes, h->names));
    return split_names(file);
}

/* After this call every number in the tables is safe to use. */
pwf_status pwf_file_open(const char *path, pwf_file *file)
{
    *file = (pwf_file){.fd = -1, .path = path};
    int64_t bytes = 0;
    PWF_TRY(pwf_file_open_read(path, &file->fd, &bytes));
    pwf_status s = read_header(file->fd, path, bytes, &file->header);
    if (s.code == PWF_OK) s = open_tables(file);
    if (s.code != PWF_OK) pwf_file_close(file);
    return s;
}

void pwf_file_close(pwf_file *file)
{
    if (file->fd >= 0) close(file->fd);
    pwf_mem_free(file->extents);
    pwf_mem_free(file->text);
    pwf_mem_free(file->name);
    *file = (pwf_file){.fd = -1, .path = file->path};
}

/* The first extent of an array, and how many it has. */
static const pwf_extent *extents_of(const pwf_file *file, int array, int64_t *rows)
{
    const pwf_header *h = &file->header;
    const pwf_extent *first = file->extents;
    for (int a = 0; a < array; a++)
        first += h->array[a].posterior ? h->posterior_params : h->params;
    *rows = h->array[array].posterior ? h->posterior_params : h->params;
    return first;
}

/* The extent that holds an element. */
static int64_t find_extent(const pwf_extent *extents, int64_t rows, int64_t element)
{
    int64_t lo = 0, hi = rows;
    while (hi - lo > 1) {
        const int64_t middle = lo + (hi - lo) / 2;
        if (extents[middle].start <= element)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

/* Reads elements [lo, hi) into `out`, or with `in` writes them. They can span several parameters,
 * which lie at different offsets. */
static pwf_status transfer(const pwf_file *file, int array, int64_t lo, int64_t hi, char *out,
                           const char *in)
{
    int64_t rows = 0;
    const pwf_extent *extents = extents_of(file, array, &rows);
    const int64_t size = file->header.array[array].size, first = lo;
    PWF_ASSERT(lo >= 0 && lo <= hi && hi <= file->header.array[array].elements);
    for (int64_t i = lo < hi ? find_extent(extents, rows, lo) : 0; lo < hi; i++) {
        const pwf_extent *e = &extents[i];
        const int64_t end = e->start + e->count < hi ? e->start + e->count : hi;
        const int64_t at = (lo - first) * size;
        const size_t bytes = (size_t)((end - lo) * size);
        const uint64_t offset = (uint64_t)(e->offset + (lo - e->start) * size);
        PWF_TRY(in ? pwf_file_pwrite(file->fd, file->path, in + at, bytes, offset)
                   : pwf_file_pread(file->fd, file->path, out + at, bytes, offset));
        lo = end;
    }
    return pwf_ok();
}

pwf_status pwf_file_read(const pwf_file *file, int array, int64_t lo, int64_t hi, void *out)
{
    return transfer(file, array, lo, hi, out, NULL);
}

pwf_status pwf_file_write(const pwf_file *file, int array, int64_t lo, int64_t hi, const void *in)
{
    return transfer(file, array, lo, hi, NULL, in);
}

pwf_status pwf_file_hashes(const pwf_file *file, int array, int64_t lo, int64_t hi, pwf_hash *out)
{
    PWF_ASSERT(lo >= 0 && lo <= hi && hi <= file->header.array[array].blocks);
    return pwf_file_pread(file->fd, file->path, out, (size_t)(hi - lo) * sizeof *out,
                          file->header.array[array].hashes + (uint64_t)lo * sizeof *out);
}

/* Names the damaged block. Which of the parameters in it is damaged is unknown. */
static pwf_status bad_block(const pwf_file *file, int array, int64_t block)
{
    int64_t rows = 0;
    const pwf_extent *extents = extents_of(file, array, &rows);
    const int64_t elements = file->header.array[array].elements;
    const int64_t lo = block * PWF_BLOCK;
    const int64_t hi = lo + PWF_BLOCK < elements ? lo + PWF_BLOCK : elements;
    const int64_t first = find_extent(extents, rows, lo), last = find_extent(extents, rows, hi - 1);
    const char *name = file->header.array[array].name;
    PWF_FAIL_IF(first == last, PWF_DATA,
                "%s is damaged in block %lld of array %s (parameter %s); use an earlier checkpoint",
                file->path, (long long)block, name, file->name[first]);
    return PWF_FAIL(PWF_DATA,
                    "%s is damaged in block %lld of array %s (parameters %s to %s); use an earlier "
                    "checkpoint",
                    file->path, (long long)block, name, file->name[first], file->name[last]);
}

/* Reads at most 64 blocks at a time, so that the memory stays small. */
pwf_status pwf_file_check(const pwf_file *file, int array, int64_t lo, int64_t hi,
                          const pwf_hash *hash)
{
    enum { MANY = 64 };
    const pwf_file_array *a = &file->header.array[array];
    pwf_hash stored[MANY];
    char *piece = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS,
                          a->elements < MANY * PWF_BLOCK ? a->elements : MANY * PWF_BLOCK, a->size,
                          &piece));
    pwf_status s = pwf_ok();
    for (int64_t at = lo; s.code == PWF_OK && at < hi; at += MANY) {
        const int64_t blocks = hi - at < MANY ? hi - at : MANY;
        const int64_t first = at * PWF_BLOCK;
        const int64_t end =
            first + blocks * PWF_BLOCK < a->elements ? first + blocks * PWF_BLOCK : a->elements;
        if (!hash) s = pwf_file_hashes(file, array, at, at + blocks, stored);
        if (s.code == PWF_OK) s = pwf_file_read(file, array, first, end, piece);
        const pwf_hash *want = hash ? hash + (at - lo) : stored;
        for (int64_t b = 0; s.code == PWF_OK && b < blocks; b++) {
            const pwf_hash now = pwf_block_hash(piece, end - first, a->size, b);
            if (!pwf_hash_equal(now, want[b])) s = bad_block(file, array, at + b);
        }
    }
    pwf_mem_free(piece);
    return s;
}
