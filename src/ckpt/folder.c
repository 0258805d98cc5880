/* SPDX-License-Identifier: BSD-3-Clause */
/* The checkpoints of a run directory, for all ranks: rank 0 reads and changes the directory by
 * retention.h, and the other ranks get the result. Called by the trainer and by the background
 * writer. */
#include "commit.h"
#include "file.h"

#include "pwf/ckpt/ckpt.h"

#include <string.h>

static pwf_status read_step(const char *path, int64_t *step)
{
    pwf_header header;
    PWF_TRY(pwf_file_header(path, &header));
    PWF_FAIL_IF(header.kind != PWF_KIND_CHECKPOINT, PWF_DATA, "%s is a model, not a checkpoint",
                path);
    *step = header.step;
    return pwf_ok();
}

static const pwf_retention_reader reader = {.step = read_step, .verify = pwf_ckpt_verify};

pwf_status pwf_ckpt_find(const pwf_mesh *mesh, const char *dir, char *path, bool *found)
{
    pwf_status s = pwf_ok();
    /* all of it is broadcast */
    memset(path, 0, PWF_PATH);
    *found = false;
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) s = pwf_retention_find(dir, &reader, path, found);
    s = pwf_mesh_agree(mesh, s);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, found, sizeof *found);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, path, PWF_PATH);
    return s;
}

void pwf_folder_prune(const char *dir, pwf_retention stay)
{
    pwf_retention_prune(dir, &reader, stay);
}

void pwf_ckpt_prune(const pwf_mesh *mesh, const char *dir, pwf_retention stay)
{
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) pwf_folder_prune(dir, stay);
    pwf_mesh_barrier(mesh);
}

pwf_status pwf_ckpt_keep_round(const pwf_mesh *mesh, const char *path, int64_t round)
{
    pwf_status s = pwf_ok();
    if (pwf_mesh_rank(mesh, PWF_WORLD) == 0) s = pwf_retention_keep_round(path, round, &reader);
    return pwf_mesh_agree(mesh, s);
}
