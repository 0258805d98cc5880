/* SPDX-License-Identifier: BSD-3-Clause */
/* The partial file of an image archive: creation, continuation of an earlier attempt, layout,
 * tables, completion. Called by pack.c on rank 0. Writes next to the output file and holds a lock
 * on the partial file. */
#define _DEFAULT_SOURCE /* flock */
#include "part.h"

#include "pwf/config/config.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/h5/flat_file.h"
#include "pwf/rundir/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* 256 chunks, so that ranks share the work evenly and a kill costs little; fewer below 16 MiB of
 * data, so that records stay small relative to the data, and more above 4 GiB, because a chunk is
 * held in memory. */
enum { CHUNKS = 256, CHUNK_LEAST = 1 << 16, CHUNK_MOST = 16 << 20 };

/* ---- the plan ---- */

/* Copies a path, refusing one that is too long. */
static pwf_status set_text(char to[PWF_PATH], const char *from)
{
    if (snprintf(to, PWF_PATH, "%s", from ? from : "") < PWF_PATH) return pwf_ok();
    return PWF_FAIL(PWF_MISSING, "the path %.200s... is too long", from);
}

/* Lists the images of the tree. */
static pwf_status list_tree(pwf_part *p)
{
    pwf_config config;
    const pwf_pack_job *job = p->job;
    /* the tree is listed as a run with these settings would list it */
    pwf_config_defaults(&config);
    config.model.classes = 0;
    config.model.channels = 3;
    config.data.format = PWF_DATA_imagefolder;
    PWF_TRY(set_text(config.data.path, job->tree));
    PWF_TRY(set_text(config.data.val_list, job->val_list));
    PWF_TRY(set_text(config.data.val_classes, job->val_classes));
    return pwf_images_open(pwf_config_dataset(&config), job->train, &p->images);
}

/* Finds the length in bytes of the longest name, with its NUL; at least 2. */
static pwf_status longest(const pwf_part *p, int64_t count, bool classes, int64_t *bytes)
{
    *bytes = 2;
    for (int64_t i = 0; i < count; i++) {
        const char *name =
            classes ? pwf_images_class(&p->images, i) : pwf_images_get(&p->images, i).name;
        const int64_t n = (int64_t)strlen(name) + 1;
        PWF_FAIL_IF(n > PWF_ARCHIVE_NAME_MAX, PWF_DATA,
                    "the name %.100s... has more than %d bytes; shorten it", name,
                    PWF_ARCHIVE_NAME_MAX - 1);
        if (n > *bytes) *bytes = n;
    }
    return pwf_ok();
}

/* Hash of the class names; train.h5 and val.h5 must agree in it. */
static pwf_hash hash_classes(const pwf_part *p)
{
    pwf_hasher h;
    pwf_hasher_begin(&h);
    for (int64_t i = 0; i < p->block.classes; i++) {
        const char *name = pwf_images_class(&p->images, i);
        pwf_hasher_add(&h, name, strlen(name) + 1);
    }
    return pwf_hasher_digest(&h);
}

/* Lists the tree and fills in the first block, except for the offsets. */
static pwf_status plan(pwf_part *p)
{
    const pwf_pack_job *job = p->job;
    pwf_archive_block *b = &p->block;
    PWF_TRY(list_tree(p));
    *b = (pwf_archive_block){.form = job->side > 0 ? PWF_ARCHIVE_PIXELS : PWF_ARCHIVE_ENCODED,
                             .train = job->train,
                             .images = p->images.count,
                             .classes = p->images.classes,
                             .side = job->side};
    int64_t source = 0;
    for (int64_t i = 0; i < b->images; i++) {
        const pwf_images_item image = pwf_images_get(&p->images, i);
        const int64_t size = image.size;
        PWF_FAIL_IF(size > PWF_IMAGE_FILE_MAX, PWF_DATA,
                    "%s has %lld bytes; images have at most %d", image.name, (long long)size,
                    PWF_IMAGE_FILE_MAX);
        source += size;
    }
    PWF_FAIL_IF(source == 0, PWF_DATA, "all image files of %s are empty", job->tree);
    b->data_bytes = (uint64_t)(job->side > 0 ? b->images * 3 * job->side * job->side : source);
    const int64_t share = (int64_t)b->data_bytes / CHUNKS;
    b->chunk.bytes = share < CHUNK_LEAST ? CHUNK_LEAST : share > CHUNK_MOST ? CHUNK_MOST : share;
    b->chunk.count = ((int64_t)b->data_bytes - 1) / b->chunk.bytes + 1;
    PWF_TRY(longest(p, b->images, false, &b->name_bytes));
    PWF_TRY(longest(p, b->classes, true, &b->class_bytes));
    b->list = p->images.hash;
    b->class_list = hash_classes(p);
    p->volume =
        (pwf_pack_volume){.images = b->images, .classes = b->classes, .source_bytes = source};
    return pwf_ok();
}

/* ---- the partial file ---- */

/* The lock excludes a second packer of the same file; on file systems without locks it has no
 * effect. */
static pwf_status lock(const pwf_part *p)
{
    struct stat named, held;
    PWF_FAIL_IF(flock(p->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK, PWF_CANTCREATE,
                "another pwf pack is writing %s", p->path);
    PWF_FAIL_IF(stat(p->path, &named) != 0 || fstat(p->fd, &held) != 0 ||
                    named.st_ino != held.st_ino || named.st_dev != held.st_dev,
                PWF_CANTCREATE, "another pwf pack has just finished %s", p->job->output);
    return pwf_ok();
}

/* Opens or creates the partial file and locks it. */
static pwf_status open_part(pwf_part *p)
{
    struct stat info;
    const char *name = NULL, *output = p->job->output;
    PWF_TRY(pwf_path_split(output, p->dir, &name));
    PWF_TRY(pwf_path_check_folder(p->dir));
    PWF_FAIL_IF(!p->job->force && lstat(output, &info) == 0, PWF_CANTCREATE,
                "%s exists; --force replaces it", output);
    PWF_FAIL_IF(snprintf(p->path, sizeof p->path, "%s/.%s.part", p->dir, name) >=
                    (int)sizeof p->path,
                PWF_CANTCREATE, "the name %.200s... is too long", output);
    p->fd = open(p->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    /* O_NOFOLLOW and the check below: never write through a link, or to a pipe or device. */
    if (p->fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "create", p->path);
    PWF_FAIL_IF(fstat(p->fd, &info) != 0 || !S_ISREG(info.st_mode), PWF_CANTCREATE,
                "%s is not a regular file", p->path);
    return lock(p);
}

/* Describes the form of an archive for messages. */
static void say_form(char text[80], const pwf_archive_block *b)
{
    if (b->form == PWF_ARCHIVE_PIXELS)
        snprintf(text, 80, "pixels (--pixels %lld)", (long long)b->side);
    else
        snprintf(text, 80, "encoded files (no --pixels)");
}

/* The file of an earlier attempt must be the beginning of the same archive. */
static pwf_status compare(const pwf_part *p, const pwf_archive_block *old)
{
    static const char *const parts[2] = {"val", "train"};
    const pwf_archive_block *b = &p->block;
    char was[80], is[80];
    PWF_FAIL_IF(old->train != b->train, PWF_CANTCREATE,
                "%s is an unfinished archive of --split %s, not %s; name another output, "
                "or discard it with --force",
                p->path, parts[old->train], parts[b->train]);
    if (old->form != b->form || old->side != b->side) {
        say_form(was, old);
        say_form(is, b);
        return PWF_FAIL(PWF_CANTCREATE,
                        "%s is an unfinished archive of %s, but this run is to store %s; use the "
                        "same options again, or discard it with --force",
                        p->path, was, is);
    }
    PWF_FAIL_IF(!pwf_hash_equal(old->list, b->list) ||
                    !pwf_hash_equal(old->class_list, b->class_list) ||
                    old->chunk.bytes != b->chunk.bytes,
                PWF_CANTCREATE,
                "%s is an unfinished archive of %lld images of a different tree, or of this one "
                "before it changed (%lld images now); discard it with --force",
                p->path, (long long)old->images, (long long)b->images);
    return pwf_ok();
}

/* Sets *taken if the partial file of an earlier attempt is to be continued. One without a valid
 * first block was not laid out yet and holds no images. */
static pwf_status take_up(pwf_part *p, bool *taken)
{
    struct stat info;
    pwf_archive_block old;
    *taken = false;
    if (fstat(p->fd, &info) != 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat", p->path);
    p->fresh = pwf_archive_read_block(p->fd, p->path, info.st_size, &old).code != PWF_OK;
    if (p->fresh) return pwf_ok();
    const pwf_status s = compare(p, &old);
    p->fresh = s.code != PWF_OK && p->job->force;
    if (p->fresh) return pwf_ok();
    PWF_TRY(s);
    p->block = old;
    *taken = true;
    return pwf_ok();
}

/* Fails if the file system has too little free space for `wanted` bytes. */
static pwf_status check_room(pwf_part *p, int64_t wanted)
{
    struct statvfs room;
    struct stat info;
    if (fstatvfs(p->fd, &room) != 0 || room.f_blocks == 0 || fstat(p->fd, &info) != 0)
        return pwf_ok();
    const int64_t held = (int64_t)info.st_blocks * 512;
    p->volume.free_bytes = (int64_t)(room.f_bavail * room.f_frsize);
    if (wanted - held <= p->volume.free_bytes) return pwf_ok();
    return PWF_FAIL(PWF_CANTCREATE,
                    "%s needs %.2f GB more, but its file system has %.2f GB free; free some space, "
                    "or choose an output on another file system",
                    p->job->output, (double)(wanted - held) * 1e-9,
                    (double)p->volume.free_bytes * 1e-9);
}

/* ---- layout and tables ----------------------------------------------------------------------- */

enum { DATA, PLACES, LABELS, NAMES, CLASS_NAMES, HASHES, CHUNK_HASHES, ARRAYS };

/* Lays out an empty archive. */
static pwf_status lay_out(pwf_part *p)
{
    static const char *const forms[2] = {"encoded", "pixels"}, *const parts[2] = {"val", "train"};
    pwf_archive_block *b = &p->block;
    const pwf_flat_text texts[3] = {
        {"format", "pwf image archive 1"}, {"form", forms[b->form]}, {"split", parts[b->train]}};
    pwf_flat_array a[ARRAYS] = {
        [DATA] = {"bytes", PWF_FLAT_U8, 0, 1, {(int64_t)b->data_bytes}, 0},
        [PLACES] = {"offsets", PWF_FLAT_I64, 0, 1, {b->images + 1}, 0},
        [LABELS] = {"labels", PWF_FLAT_I32, 0, 1, {b->images}, 0},
        [NAMES] = {"names", PWF_FLAT_TEXT, b->name_bytes, 1, {b->images}, 0},
        [CLASS_NAMES] = {"classes", PWF_FLAT_TEXT, b->class_bytes, 1, {b->classes}, 0},
        [HASHES] = {"hashes", PWF_FLAT_U8, 0, 2, {b->images, 16}, 0},
        [CHUNK_HASHES] = {"chunk_hashes", PWF_FLAT_U8, 0, 2, {b->chunk.count, 16}, 0}};
    int64_t bytes = 0;
    if (b->form == PWF_ARCHIVE_PIXELS)
        a[DATA] =
            (pwf_flat_array){"images", PWF_FLAT_U8, 0, 4, {b->images, b->side, b->side, 3}, 0};
    if (ftruncate(p->fd, 0) != 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "empty", p->path);
    PWF_TRY(pwf_flat_lay_out(p->fd, p->path, PWF_ARCHIVE_BLOCK, texts, 3, a, ARRAYS, &bytes));
    b->bytes = (uint64_t)bytes;
    b->data = a[DATA].offset;
    b->places = a[PLACES].offset;
    b->labels = a[LABELS].offset;
    b->names = a[NAMES].offset;
    b->class_names = a[CLASS_NAMES].offset;
    b->hashes = a[HASHES].offset;
    b->chunk_hashes = a[CHUNK_HASHES].offset;
    return pwf_ok();
}

/* Fills in entry i of a table. */
static void fill_entry(const pwf_part *p, int which, int64_t i, int64_t *place, char *out)
{
    const bool pixels = p->block.form == PWF_ARCHIVE_PIXELS;
    if (which == PLACES) {
        memcpy(out, place, sizeof *place);
        if (i < p->block.images)
            *place +=
                pixels ? 3 * p->block.side * p->block.side : pwf_images_get(&p->images, i).size;
    } else if (which == LABELS) {
        const int32_t label = pwf_images_get(&p->images, i).label;
        memcpy(out, &label, sizeof label);
    } else {
        const char *name =
            which == NAMES ? pwf_images_get(&p->images, i).name : pwf_images_class(&p->images, i);
        memcpy(out, name, strlen(name));
    }
}

/* Writes a table of `count` entries of `size` bytes to `offset`, in pieces. */
static pwf_status write_table(const pwf_part *p, int which, uint64_t offset, int64_t count,
                              int64_t size)
{
    enum { ENTRIES = 1024 };
    char *piece = NULL;
    int64_t place = 0;
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, ENTRIES, (size_t)size, &piece);
    for (int64_t lo = 0; lo < count && s.code == PWF_OK; lo += ENTRIES) {
        const int64_t n = count - lo < ENTRIES ? count - lo : ENTRIES;
        memset(piece, 0, (size_t)(n * size));
        for (int64_t i = 0; i < n; i++)
            fill_entry(p, which, lo + i, &place, piece + i * size);
        s = pwf_file_pwrite(p->fd, p->path, piece, (size_t)(n * size),
                            offset + (uint64_t)(lo * size));
    }
    pwf_mem_free(piece);
    return s;
}

/* Writes offsets, labels, names and class names. */
static pwf_status write_tables(const pwf_part *p)
{
    const pwf_archive_block *b = &p->block;
    PWF_TRY(write_table(p, PLACES, b->places, b->images + 1, 8));
    PWF_TRY(write_table(p, LABELS, b->labels, b->images, 4));
    PWF_TRY(write_table(p, NAMES, b->names, b->images, b->name_bytes));
    return write_table(p, CLASS_NAMES, b->class_names, b->classes, b->class_bytes);
}

/* The first block is written last, after everything else is on disk: a partial file that has one is
 * laid out. */
static pwf_status write_block(pwf_part *p)
{
    PWF_TRY(pwf_file_sync(p->fd, p->path));
    pwf_archive_seal(&p->block);
    PWF_TRY(pwf_file_pwrite(p->fd, p->path, &p->block, sizeof p->block, 0));
    return pwf_file_sync(p->fd, p->path);
}

/* Adds up the data of the chunks that an earlier attempt recorded. */
static void count_done(pwf_part *p)
{
    const pwf_archive_block *b = &p->block;
    pwf_hash h;
    for (int64_t c = 0; c < b->chunk.count; c++)
        if (pwf_file_pread(p->fd, p->path, &h, sizeof h, b->chunk_hashes + (uint64_t)c * 16).code ==
                PWF_OK &&
            (h.lo || h.hi))
            p->volume.done_bytes += b->chunk.bytes;
    if (p->volume.done_bytes > (int64_t)b->data_bytes)
        p->volume.done_bytes = (int64_t)b->data_bytes;
}

/* Plans, opens and lays out. */
static pwf_status begin(pwf_part *p)
{
    bool taken = false;
    PWF_TRY(plan(p));
    PWF_TRY(open_part(p));
    PWF_TRY(take_up(p, &taken));
    const pwf_archive_block *b = &p->block;
    /* names, labels, offsets and hashes; HDF5 adds a few pages */
    p->volume.bytes = (int64_t)b->data_bytes + b->images * (b->name_bytes + 28) +
                      b->classes * b->class_bytes + b->chunk.count * 16 + 16 * PWF_ARCHIVE_BLOCK;
    if (taken) count_done(p);
    const pwf_status s = check_room(p, p->volume.bytes);
    if (p->job->begin) p->job->begin(p->job->context, &p->volume);
    PWF_TRY(s);
    PWF_TRY(PWF_FAULT_POINT("pack.begin"));
    /* Laying out empties the file; the tables of an earlier attempt keep their offsets. */
    if (!taken) PWF_TRY(lay_out(p));
    PWF_TRY(PWF_FAULT_POINT("pack.laid_out"));
    PWF_TRY(write_tables(p)); /* those of an earlier attempt, too: they are the same */
    if (!taken) PWF_TRY(write_block(p));
    return PWF_FAULT_POINT("pack.planned");
}

pwf_status pwf_part_begin(pwf_part *part, const pwf_pack_job *job)
{
    *part = (pwf_part){.job = job, .fd = -1};
    const pwf_status s = begin(part);
    if (s.code != PWF_OK && part->fresh) unlink(part->path);
    return s;
}

void pwf_part_close(pwf_part *part)
{
    if (part->fd >= 0) close(part->fd);
    part->fd = -1;
    pwf_images_close(&part->images);
}

/* ---- completion ---- */

/* Compares the records of the chunks, written by all ranks, with the hashes of their images as rank
 * 0 reads them now: finds data that one rank wrote and another cannot see. */
static pwf_status check_hashes(const pwf_part *p, const pwf_archive *archive)
{
    const pwf_archive_block *b = &p->block;
    pwf_hash *all = NULL, *chunk = NULL;
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, b->images, sizeof *all, &all);
    if (s.code == PWF_OK) s = pwf_mem_alloc(PWF_MEM_BUFFERS, b->chunk.count, sizeof *chunk, &chunk);
    if (s.code == PWF_OK)
        s = pwf_file_pread(p->fd, p->path, all, (size_t)b->images * sizeof *all, b->hashes);
    if (s.code == PWF_OK)
        s = pwf_file_pread(p->fd, p->path, chunk, (size_t)b->chunk.count * sizeof *chunk,
                           b->chunk_hashes);
    for (int64_t c = 0; c < b->chunk.count && s.code == PWF_OK; c++) {
        int64_t lo = 0, hi = 0;
        pwf_archive_chunk(b, archive->places, c, &lo, &hi);
        const pwf_hash now = pwf_hash_bytes(all + lo, (size_t)(hi - lo) * sizeof *all);
        if (!pwf_hash_equal(now, chunk[c]))
            s = PWF_FAIL(PWF_IO,
                         "the hashes in %s differ from those that were written; check that the "
                         "disk is not full or failing",
                         p->path);
    }
    pwf_mem_free(all);
    pwf_mem_free(chunk);
    return s;
}

/* Verifies the tables and hashes before the archive gets its name. */
static pwf_status check_tables(const pwf_part *p)
{
    pwf_archive *archive = NULL;
    PWF_TRY(pwf_archive_open(p->dir, p->path, false, &archive));
    const pwf_status s = check_hashes(p, archive);
    pwf_archive_free(archive);
    return s;
}

pwf_status pwf_part_end(pwf_part *part)
{
    PWF_TRY(check_tables(part));
    /* over everything but the first block, which holds it */
    PWF_TRY(pwf_archive_root(part->fd, part->path, &part->block, &part->block.root));
    /* from here on readers accept the archive */
    part->block.complete = 1;
    PWF_TRY(write_block(part));
    PWF_TRY(PWF_FAULT_POINT("pack.sealed"));
    PWF_TRY(pwf_output_set_mode(part->fd, part->path, pwf_output_mode()));
    PWF_TRY(pwf_output_rename(part->path, part->job->output, PWF_CANTCREATE));
    PWF_TRY(PWF_FAULT_POINT("pack.renamed"));
    return pwf_path_sync_folder(part->dir);
}
