/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf pack: archives a tree of images in one HDF5 file. Rank 0 lists the tree and lays the file
 * out; then every rank reads the tables and fills its chunks with pwrite. libhdf5 does not have the
 * file open meanwhile: it would mark the file as open for writing and refuse it after a kill. */
#include "pwf/pack/pack.h"

#include "part.h"
#include "pwf/core/fault.h"
#include "pwf/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The state of a rank while it packs. */
typedef struct packing {
    const pwf_mesh *mesh;
    const pwf_pack_job *job;
    bool first;
    char tree[PWF_PATH];                /* job->tree, resolved */
    char dir[PWF_PATH], path[PWF_PATH]; /* of the partial file */
    int fd;                             /* -1: not open */
    pwf_archive *archive;               /* tables of the partial file */
    int64_t images, bytes, kept;        /* of this rank */
} packing;

/* ---- one chunk ------------------------------------------------------------------------------- */

typedef struct chunk {
    int64_t number, lo, hi; /* images [lo, hi) */
    int64_t bytes;
    uint8_t *data;
    pwf_hash *hash; /* [hi - lo] */
} chunk;

/* Offset of a chunk in the file. */
static uint64_t chunk_place(const packing *w, const chunk *c)
{
    return w->archive->block.data + (uint64_t)w->archive->places[c->lo];
}

/* Offset of the record of a chunk, which says that it is done. */
static uint64_t record_place(const packing *w, const chunk *c)
{
    return w->archive->block.chunk_hashes + (uint64_t)c->number * sizeof(pwf_hash);
}

/* Offset of the hashes of its images. */
static uint64_t hash_place(const packing *w, const chunk *c)
{
    return w->archive->block.hashes + (uint64_t)c->lo * sizeof(pwf_hash);
}

/* Computes the hashes of the images of a chunk. */
static void hash_images(const packing *w, chunk *c)
{
    const int64_t *places = w->archive->places;
    for (int64_t i = c->lo; i < c->hi; i++)
        c->hash[i - c->lo] = pwf_hash_bytes(c->data + (places[i] - places[c->lo]),
                                            (size_t)(places[i + 1] - places[i]));
}

/* The record of a chunk: the hash over the hashes of its images. */
static pwf_hash hash_chunk(const chunk *c)
{
    return pwf_hash_bytes(c->hash, (size_t)(c->hi - c->lo) * sizeof *c->hash);
}

/* Sets *good if an earlier attempt recorded the chunk and the file still matches the record. */
static pwf_status check_chunk(const packing *w, chunk *c, pwf_hash *stored, bool *good)
{
    pwf_hash recorded;
    const size_t hashes = (size_t)(c->hi - c->lo) * sizeof *stored;
    *good = false;
    PWF_TRY(pwf_file_pread(w->fd, w->path, &recorded, sizeof recorded, record_place(w, c)));
    if (recorded.lo == 0 && recorded.hi == 0) return pwf_ok();
    PWF_TRY(pwf_file_pread(w->fd, w->path, c->data, (size_t)c->bytes, chunk_place(w, c)));
    PWF_TRY(pwf_file_pread(w->fd, w->path, stored, hashes, hash_place(w, c)));
    hash_images(w, c);
    *good = pwf_hash_equal(recorded, hash_chunk(c)) &&
            pwf_hash_equal(recorded, pwf_hash_bytes(stored, hashes));
    return pwf_ok();
}

/* Reads one image file, or its resized pixels, into `to`. */
static pwf_status fetch(const packing *w, int64_t index, uint8_t *to, int64_t size)
{
    const int64_t side = w->archive->block.side;
    char path[PWF_PATH];
    PWF_FAIL_IF(snprintf(path, sizeof path, "%s/%s", w->job->tree,
                         pwf_archive_name(w->archive, index)) >= (int)sizeof path,
                PWF_DATA, "the path %.200s... is too long", path);
    if (side == 0) {
        uint8_t *bytes = NULL;
        PWF_TRY(pwf_data_read_encoded(w->tree, path, size, &bytes, &size));
        memcpy(to, bytes, (size_t)size);
        pwf_mem_free(bytes);
        return pwf_ok();
    }
    pwf_image image;
    PWF_TRY(pwf_data_read_image(w->tree, path, -1, &image));
    const pwf_status s = pwf_image_resize(&image, side, side, PWF_BILINEAR,
                                          (pwf_image_window){0, 0, side, side}, to);
    pwf_image_free(&image);
    return s;
}

/* Images and hashes must be on disk before the record that says so. */
static pwf_status write_chunk(const packing *w, chunk *c)
{
    const int64_t *places = w->archive->places;
    for (int64_t i = c->lo; i < c->hi; i++)
        PWF_TRY(fetch(w, i, c->data + (places[i] - places[c->lo]), places[i + 1] - places[i]));
    hash_images(w, c);
    const pwf_hash record = hash_chunk(c);
    PWF_TRY(PWF_FAULT_POINT("pack.chunk"));
    PWF_TRY(pwf_file_pwrite(w->fd, w->path, c->data, (size_t)c->bytes, chunk_place(w, c)));
    PWF_TRY(pwf_file_pwrite(w->fd, w->path, c->hash, (size_t)(c->hi - c->lo) * sizeof *c->hash,
                            hash_place(w, c)));
    PWF_TRY(PWF_FAULT_POINT("pack.chunk_written"));
    PWF_FAIL_IF(fdatasync(w->fd) != 0, PWF_IO, "cannot sync %s to the disk: %s", w->path,
                strerror(errno));
    PWF_TRY(pwf_file_pwrite(w->fd, w->path, &record, sizeof record, record_place(w, c)));
    return PWF_FAULT_POINT("pack.chunk_recorded");
}

/* Writes one chunk, unless an earlier attempt has done so. */
static pwf_status do_chunk(packing *w, int64_t number)
{
    const int64_t *places = w->archive->places;
    chunk c = {.number = number};
    pwf_hash *stored = NULL;
    bool good = false;
    pwf_archive_chunk(&w->archive->block, places, number, &c.lo, &c.hi);
    c.bytes = places[c.hi] - places[c.lo];
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, c.bytes, 1, &c.data);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_BUFFERS, c.hi - c.lo, sizeof *c.hash, &c.hash);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_BUFFERS, c.hi - c.lo, sizeof *stored, &stored);
    if (s.code == PWF_OK) s = check_chunk(w, &c, stored, &good);
    if (s.code == PWF_OK && !good) s = write_chunk(w, &c);
    if (s.code == PWF_OK) {
        w->images += c.hi - c.lo;
        w->bytes += c.bytes;
        w->kept += good ? c.hi - c.lo : 0;
    }
    pwf_mem_free(stored);
    pwf_mem_free(c.hash);
    pwf_mem_free(c.data);
    return s;
}

/* ---- all chunks ---- */

/* Opens the partial file that rank 0 has laid out. */
static pwf_status open_part(packing *w)
{
    w->fd = open(w->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    PWF_FAIL_IF(w->fd < 0, PWF_IO,
                "cannot open %s on every rank: %s; the ranks need one file system", w->path,
                strerror(errno));
    return pwf_archive_open(w->dir, w->path, false, &w->archive);
}

/* In each round every rank does one chunk; one bad file stops all ranks. */
static pwf_status do_chunks(packing *w)
{
    const pwf_archive_block *b = &w->archive->block;
    const int size = pwf_mesh_size(w->mesh, PWF_WORLD), rank = pwf_mesh_rank(w->mesh, PWF_WORLD);
    for (int64_t lo = 0; lo < b->chunk.count; lo += size) {
        PWF_TRY(pwf_mesh_agree(w->mesh,
                               lo + rank < b->chunk.count ? do_chunk(w, lo + rank) : pwf_ok()));
        /* Collective, so the progress on rank 0 counts the work of all ranks. */
        int64_t done[2] = {w->images, w->bytes};
        pwf_mesh_sum_i64(w->mesh, PWF_WORLD, done, 2);
        if (w->first && w->job->progress)
            w->job->progress(w->job->context, done[0], done[1], (int64_t)b->data_bytes);
    }
    return pwf_mesh_agree(w->mesh, pwf_file_sync(w->fd, w->path));
}

/* All chunks, then completion on rank 0. */
static pwf_status run(packing *w, pwf_part *part, pwf_pack_result *result)
{
    PWF_TRY(pwf_mesh_agree(w->mesh, w->first ? pwf_part_begin(part, w->job) : pwf_ok()));
    if (w->first) {
        memcpy(w->dir, part->dir, sizeof w->dir);
        memcpy(w->path, part->path, sizeof w->path);
    }
    /* The other ranks open the same partial file. */
    pwf_mesh_broadcast(w->mesh, PWF_WORLD, 0, w->dir, sizeof w->dir);
    pwf_mesh_broadcast(w->mesh, PWF_WORLD, 0, w->path, sizeof w->path);
    PWF_TRY(pwf_mesh_agree(w->mesh, open_part(w)));
    PWF_TRY(do_chunks(w));
    PWF_TRY(pwf_mesh_agree(w->mesh, w->first ? pwf_part_end(part) : pwf_ok()));
    const pwf_archive_block *b = &w->archive->block;
    pwf_mesh_sum_i64(w->mesh, PWF_WORLD, &w->kept, 1);
    *result = (pwf_pack_result){b->images, (int64_t)b->bytes, w->kept};
    return pwf_ok();
}

pwf_status pwf_pack_images(const pwf_mesh *mesh, const pwf_pack_job *job, pwf_pack_result *result)
{
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    packing w = {.mesh = mesh, .job = job, .first = first, .fd = -1};
    pwf_part part = {.fd = -1};
    pwf_data_resolve(job->tree, w.tree);
    const pwf_status s = run(&w, &part, result);
    pwf_archive_free(w.archive);
    if (w.fd >= 0) close(w.fd);
    pwf_part_close(&part);
    return s;
}
