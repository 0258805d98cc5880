/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_PACK_PACK_H
#define PWF_PACK_PACK_H

#include "pwf/mesh/mesh.h"

#include <stdbool.h>
#include <stdint.h>

/** Creation of an image archive (pwf/data/archive.h) from an image folder. */

/* The amount of work; known to rank 0 only. */
typedef struct pwf_pack_volume {
    int64_t images, classes;
    int64_t source_bytes; /* of the image files */
    int64_t bytes;        /* of the archive */
    int64_t free_bytes;   /* in its file system; 0: unknown */
    int64_t done_bytes;   /* recorded by an earlier attempt; not yet verified */
} pwf_pack_volume;

typedef struct pwf_pack_job {
    const char *tree, *output;
    bool train;                         /* tree/train; else tree/val */
    const char *val_list, *val_classes; /* as data.val_list and data.val_classes; NULL: none */
    int64_t side; /* store squares of side x side pixels; 0: the encoded files */
    bool force;   /* replace the output, and discard a partial file of other settings */
    /* called on rank 0: before the archive is laid out; after every round of chunks */
    void (*begin)(void *context, const pwf_pack_volume *volume);
    void (*progress)(void *context, int64_t images, int64_t bytes, int64_t all_bytes);
    void *context;
} pwf_pack_job;

/* The result, the same on every rank. */
typedef struct pwf_pack_result {
    int64_t images, bytes;
    int64_t kept; /* images kept from an earlier attempt */
} pwf_pack_result;

/** Writes the partial file .OUTPUT.part next to OUTPUT and renames it when all of it is on disk.
 * The ranks share the chunks of images round-robin; a chunk is recorded once its images and their
 * hashes are on disk. After a failure or a kill the partial file remains, and the next call with
 * the same settings, on any number of ranks, keeps the recorded chunks whose hashes match.
 * Collective over the world; the job is the same on all ranks. Fails with PWF_CANTCREATE (the
 * output exists, there is no space, or another process writes the partial file), PWF_DENIED,
 * PWF_IO, PWF_MISSING, PWF_RESOURCE, or PWF_DATA naming a damaged image; the same on all ranks.
 * Exact: the bytes of the archive depend only on tree and settings. */
pwf_status pwf_pack_images(const pwf_mesh *mesh, const pwf_pack_job *job, pwf_pack_result *result);

#endif
