/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_PACK_PART_H
#define PWF_SRC_PACK_PART_H

#include "pwf/data/archive.h"
#include "pwf/data/file.h"
#include "pwf/data/images.h"
#include "pwf/pack/pack.h"

/* The unfinished archive, as rank 0 has it. */
typedef struct pwf_part {
    const pwf_pack_job *job;
    char dir[PWF_PATH], path[PWF_PATH];
    int fd;     /* -1: not open */
    bool fresh; /* there was nothing in it to take up */
    pwf_images images;
    pwf_archive_block block;
    pwf_pack_volume volume;
} pwf_part;

/* Lists the tree and opens the part: one that can be taken up, or a new one, which is laid out with
 * all its tables; nothing is left of it if that fails. Local. The caller closes it in any case.
 * Fails as pwf_pack_images. */
pwf_status pwf_part_begin(pwf_part *part, const pwf_pack_job *job);

/* Checks the tables as they are on disk, seals the archive and gives it its name. Local. Fails with
 * PWF_IO, PWF_CANTCREATE or PWF_RESOURCE. */
pwf_status pwf_part_end(pwf_part *part);

void pwf_part_close(pwf_part *part);

#endif
