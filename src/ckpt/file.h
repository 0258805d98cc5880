/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_FILE_H
#define PWF_CKPT_FILE_H

#include "pwf/core/file.h"
#include "pwf/core/hash.h"
#include "pwf/core/status.h"
#include "pwf/formats/loaded.h"

#include <stdbool.h>
#include <stdint.h>

/** The parts of a checkpoint file that are read without libhdf5: the first block (4,096 bytes, an
 * HDF5 user block) and the tables it points to. docs/reference/checkpoint-format.md describes them.
 */

enum {
    PWF_FIRST_BLOCK = 4096, /* bytes */
    PWF_FILE_ARRAYS = 8,    /* most arrays of a file */
    PWF_KIND_CHECKPOINT = 0,
    PWF_KIND_MODEL = 1
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the tables are little-endian");

typedef struct pwf_file_array {
    char name[24];
    uint32_t size;      /* bytes of an element */
    uint32_t posterior; /* 1: covers the elements with a posterior; 0: all elements */
    int64_t elements, blocks;
    uint64_t hashes; /* offset of the table of block hashes, 16 bytes each */
} pwf_file_array;

/* The first block. Its last 16 bytes are the hash of the rest in every version of the format. */
typedef struct pwf_header {
    char magic[8];
    uint32_t version, kind;
    uint64_t bytes; /* of the file */
    int64_t step;
    pwf_hash root; /* of every byte after this block and outside the arrays */
    int64_t posterior, total;
    int64_t params, posterior_params, buffers;
    uint64_t extents; /* offset of the extents, ordered by array and start */
    int64_t extent_rows;
    uint64_t names; /* offset of the names of parameters, then buffers, a '\n' after each */
    int64_t names_bytes;
    int64_t arrays;
    pwf_file_array array[PWF_FILE_ARRAYS];
    uint8_t zero[PWF_FIRST_BLOCK - 128 - 56 * PWF_FILE_ARRAYS - 16];
    pwf_hash own;
} pwf_header;

_Static_assert(sizeof(pwf_header) == PWF_FIRST_BLOCK, "the first block is one page");

/* Where elements [start, start + count) of an array lie: one parameter. */
typedef struct pwf_extent {
    int64_t array, start, count, offset;
} pwf_extent;

/* An open file, or a partial file while it is written. */
typedef struct pwf_file {
    int fd;
    const char *path; /* the caller's */
    pwf_header header;
    pwf_extent *extents;
    char *text;        /* the names, each ended by NUL */
    const char **name; /* of parameters, then buffers */
} pwf_file;

/** Opens a file and checks its first block, length, tables and root hash.
 * Local. `path` must outlive the file; the caller closes it. Fails with PWF_MISSING, PWF_DENIED,
 * PWF_IO, PWF_DATA or PWF_RESOURCE; nothing is then open. */
pwf_status pwf_file_open(const char *path, pwf_file *file);

/** Closes a file; one that was never opened but zeroed, with fd -1, is allowed.
 * Local. */
void pwf_file_close(pwf_file *file);

/** Reads and checks the first block alone, and the length of the file.
 * Local. Fails as pwf_file_open. */
pwf_status pwf_file_header(const char *path, pwf_header *header);

/** Seals a first block: fills in magic, version and own hash.
 * Local. */
void pwf_file_seal(pwf_header *header);

/** Reads elements [lo, hi) of an array.
 * Local. Fails with PWF_IO or PWF_DATA. */
pwf_status pwf_file_read(const pwf_file *file, int array, int64_t lo, int64_t hi, void *out);

/** Writes elements [lo, hi) of an array to where its extents say.
 * Local. Fails with PWF_IO. */
pwf_status pwf_file_write(const pwf_file *file, int array, int64_t lo, int64_t hi, const void *in);

/** Reads the stored hashes of blocks [lo, hi) of an array.
 * Local. Fails with PWF_IO. */
pwf_status pwf_file_hashes(const pwf_file *file, int array, int64_t lo, int64_t hi, pwf_hash *out);

/** Compares blocks [lo, hi) of an array with `hash` (hi - lo entries), or with the stored hashes if
 * that is NULL.
 * Local. Fails with PWF_IO, PWF_RESOURCE, or PWF_DATA naming block and parameter. */
pwf_status pwf_file_check(const pwf_file *file, int array, int64_t lo, int64_t hi,
                          const pwf_hash *hash);

/** The hash of every byte after the first block and outside the arrays, by plain reads; the bytes
 * also go to the descriptor `copy`, to their own places, if that is not -1.
 * Local. Fails with PWF_IO, PWF_DATA or PWF_RESOURCE. */
pwf_status pwf_file_root(const pwf_file *file, int copy, pwf_hash *root);

/** Compares that hash with the one of the first block.
 * Local. Fails as pwf_file_root; PWF_DATA if it differs. */
pwf_status pwf_file_check_root(const pwf_file *file, int copy);

#endif
