/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_PACK_PACK_H
#define PWF_PACK_PACK_H

#include "pwf/mesh/mesh.h"

#include <stdbool.h>
#include <stdint.h>

/** Making an image archive (pwf/data/archive.h) of an image folder. */

/* How much there is to do; on rank 0 alone. */
typedef struct pwf_pack_volume {
    int64_t images, classes;
    int64_t source_bytes; /* of the image files */
    int64_t bytes;        /* of the archive */
    int64_t free_bytes;   /* in its file system; 0: unknown */
    int64_t done_bytes;   /* of an earlier attempt that is taken up, before they are checked */
} pwf_pack_volume;

typedef struct pwf_pack_job {
    const char *tree, *output;
    bool train;                         /* tree/train; else tree/val */
    const char *val_list, *val_classes; /* as data.val_list and data.val_classes; NULL: none */
    int64_t side; /* of the square of pixels that is stored; 0: the files as they are */
    bool force;   /* replace an output, discard an unfinished one of other settings */
    /* called on rank 0 before anything is written, and after every round of chunks */
    void (*begin)(void *context, const pwf_pack_volume *volume);
    void (*progress)(void *context, int64_t images, int64_t bytes, int64_t all_bytes);
    void *context;
} pwf_pack_job;

/* What came of it, the same on every rank. */
typedef struct pwf_pack_result {
    int64_t images, bytes;
    int64_t kept; /* images of an earlier attempt, whose hashes were right */
} pwf_pack_result;

/** Writes OUTPUT under the name .OUTPUT.part next to it and renames it when all of it is on disk.
 * The ranks take chunks of images in turn; a chunk is recorded once its images are on disk with
 * their hashes. After a failure or a kill the part stays, and the next call with the same settings,
 * on any number of ranks, keeps the recorded chunks whose hashes are right.
 * Collective over the world; the job is the same everywhere. Fails with PWF_CANTCREATE (the output
 * exists, there is no space, the part is another's), PWF_DENIED, PWF_IO, PWF_MISSING, PWF_RESOURCE,
 * or PWF_DATA with the name of a bad image, the same everywhere. Exact: the bytes of the archive
 * depend on tree and settings alone. */
pwf_status pwf_pack_images(const pwf_mesh *mesh, const pwf_pack_job *job, pwf_pack_result *result);

#endif
