/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_PACK_PART_H
#define PWF_SRC_PACK_PART_H

#include "pwf/data/archive.h"
#include "pwf/data/file.h"
#include "pwf/data/images.h"
#include "pwf/pack/pack.h"

/* The partial file of an archive and the images it is made from; on rank 0 only. */
typedef struct pwf_part {
    const pwf_pack_job *job;
    char dir[PWF_PATH], path[PWF_PATH];
    int fd;     /* -1: not open */
    bool fresh; /* nothing in it is kept from an earlier attempt */
    pwf_images images;
    pwf_archive_block block;
    pwf_pack_volume volume;
} pwf_part;

/* Lists the tree and opens the partial file of an earlier attempt, or creates one and lays it out
 * with all its tables; a new one is removed again on failure. Local. The caller closes it in any
 * case. Fails as pwf_pack_images. */
pwf_status pwf_part_begin(pwf_part *part, const pwf_pack_job *job);

/* Verifies the tables on disk, writes the final first block and renames the file. Local. Fails with
 * PWF_IO, PWF_CANTCREATE or PWF_RESOURCE. */
pwf_status pwf_part_end(pwf_part *part);

void pwf_part_close(pwf_part *part);

#endif
