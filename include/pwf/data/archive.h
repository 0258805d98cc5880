/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_DATA_ARCHIVE_H
#define PWF_DATA_ARCHIVE_H

#include "pwf/core/file.h"
#include "pwf/core/hash.h"
#include "pwf/image/image.h"

#include <stddef.h>

/** Image archives: the images of one split of a data set in one HDF5 file, each with its hash
 * (docs/reference/image-archive-format.md). Every dataset is contiguous and the first block, the
 * user block of HDF5, holds its offset. Images are therefore read with pread from any thread
 * (libhdf5 serves one thread at a time), and libhdf5 never parses a damaged file. */

enum {
    PWF_ARCHIVE_BLOCK = 4096,    /* bytes of the first block */
    PWF_ARCHIVE_VERSION = 1,     /* of the format */
    PWF_ARCHIVE_NAME_MAX = 1024, /* bytes of a stored name, including at least one zero byte */
    PWF_ARCHIVE_CLASSES_MAX = 1 << 20
};

typedef enum pwf_archive_form { PWF_ARCHIVE_ENCODED, PWF_ARCHIVE_PIXELS } pwf_archive_form;

/* The first block, little-endian. In every version its last 16 bytes are
 * the hash of the bytes before them. */
typedef struct pwf_archive_block {
    char magic[8];
    uint32_t version, form;
    uint32_t complete; /* 0 while the file is being written */
    uint32_t train;    /* 1: training images; 0: validation images */
    uint64_t bytes;    /* of the file */
    int64_t images, classes;
    int64_t side;                    /* of stored pixels; 0: encoded files */
    int64_t name_bytes, class_bytes; /* of an entry of the two tables of names */
    struct {
        int64_t bytes; /* of data per chunk; the last one may be shorter */
        int64_t count;
    } chunk; /* unit of work and of restart while the archive is made */
    uint64_t data_bytes;
    uint64_t data;         /* offsets in the file: uint8 [data_bytes] or [images, side, side, 3] */
    uint64_t places;       /* int64 [images + 1]: offset of each image in data */
    uint64_t labels;       /* int32 [images] */
    uint64_t names;        /* string [images] */
    uint64_t class_names;  /* string [classes] */
    uint64_t hashes;       /* uint8 [images, 16] */
    uint64_t chunk_hashes; /* uint8 [chunks, 16]: of the hashes of a chunk's images */
    pwf_hash list; /* of names, file sizes and classes in order; equal to that of the folder */
    pwf_hash class_list; /* of the class names */
    pwf_hash root;       /* of all bytes after this block except data */
    uint8_t zero[PWF_ARCHIVE_BLOCK - 216];
    pwf_hash own;
} pwf_archive_block;

_Static_assert(sizeof(pwf_archive_block) == PWF_ARCHIVE_BLOCK, "the first block is one page");
_Static_assert(offsetof(pwf_archive_block, data_bytes) == 88, "the layout on disk is fixed");
_Static_assert(offsetof(pwf_archive_block, list) == 152, "the layout on disk is fixed");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "archives are little-endian");

/* An open archive. Read only; each table has one entry per image, `places` one more. */
typedef struct pwf_archive {
    int fd;
    pwf_archive_block block;
    int64_t *places; /* offset of each image in data, and the end of the last one */
    int32_t *labels;
    pwf_hash *hashes;
    char *names, *class_names; /* entries of block.name_bytes and block.class_bytes */
    char path[PWF_PATH];
} pwf_archive;

/** Opens an archive and checks its first block, its tables and, if `complete`, the hash of
 * everything except the images; an archive still being written has no such hash. `root` is the
 * folder that must contain the file, also after links are resolved.
 * Local. The caller owns the result. Allocates memory for the tables. Fails with PWF_MISSING,
 * PWF_DENIED, PWF_IO, PWF_RESOURCE, or PWF_DATA, which names what is damaged. */
pwf_status pwf_archive_open(const char *root, const char *path, bool complete, pwf_archive **out);
void pwf_archive_free(pwf_archive *archive);

/** The name of an image.
 * Local; any thread. */
static inline const char *pwf_archive_name(const pwf_archive *archive, int64_t index)
{
    return archive->names + index * archive->block.name_bytes;
}

/** Reads an image, checks its hash, and decodes it unless pixels are stored. `out` is that
 * of pwf_image_decode.
 * Local; any thread. Fails with PWF_IO, PWF_RESOURCE, or PWF_DATA naming image and file. */
pwf_status pwf_archive_read(const pwf_archive *archive, int64_t index, pwf_image *out);

/* ---- writing an archive ---- */

/** The images of chunk `chunk`: those that begin in bytes [chunk, chunk + 1) * chunk.bytes of data.
 * Local. There may be none. */
void pwf_archive_chunk(const pwf_archive_block *block, const int64_t *places, int64_t chunk,
                       int64_t *lo, int64_t *hi);

/** Fills in magic, version and own hash.
 * Local. */
void pwf_archive_seal(pwf_archive_block *block);

/** Reads the first block and checks it.
 * Local. Fails with PWF_IO or PWF_DATA. */
pwf_status pwf_archive_read_block(int fd, const char *path, int64_t bytes,
                                  pwf_archive_block *block);

/** Computes the hash of all bytes after the first block except data.
 * Local. Fails with PWF_IO, PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_archive_root(int fd, const char *path, const pwf_archive_block *block,
                            pwf_hash *root);

#endif
