/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_CKPT_H
#define PWF_CKPT_CKPT_H

#include "pwf/ckpt/config.h"
#include "pwf/core/file.h"
#include "pwf/core/hash.h"
#include "pwf/core/json.h"
#include "pwf/formats/loaded.h"
#include "pwf/mesh/mesh.h"
#include "pwf/posterior/state.h"
#include "pwf/rundir/facts.h"
#include "pwf/rundir/retention.h"

/** Checkpoints: one HDF5 file with the global arrays, independent of the number of ranks.
 * docs/reference/checkpoint-format.md describes the format, docs/explanation/checkpoints.md the
 * commit. */

/* Everything that an exact resume needs. */
typedef struct pwf_snapshot {
    pwf_state *state;
    pwf_facts facts;        /* facts.config is written to the file and not read back */
    pwf_ckpt_writer writer; /* of this file; not stored */
} pwf_snapshot;

/** The fingerprint: a hash of the training state without the recent losses, from the hashes of the
 * blocks of every array in order and the replicated rest. Independent of mesh and threads. `own`
 * holds the hashes of this rank's blocks, as computed by pwf_state_hash_block; NULL: computed here.
 * Collective over the mesh; the same status everywhere. Fails with PWF_RESOURCE. */
pwf_status pwf_ckpt_fingerprint(const pwf_mesh *mesh, const pwf_snapshot *snapshot,
                                const pwf_hash *own, pwf_hash *out);

/** Writes DIR/ckpt-STEP.h5 by the commit protocol: the file has its name only when all of it is on
 * disk and has been read back. An existing file of the same step is replaced. Every replica holds
 * the state; one of each replica group writes.
 * Collective over the mesh; the same status everywhere. Fails with PWF_IO, PWF_CANTCREATE,
 * PWF_DENIED or PWF_RESOURCE and leaves no partial file. `path` (PWF_PATH bytes) gets the name. */
pwf_status pwf_ckpt_write(const pwf_mesh *mesh, const char *dir, const pwf_snapshot *snapshot,
                          char *path);

/** Writes a final model to the file `path`: mean weights and codes under their names, codebook,
 * BatchNorm statistics, configuration; same container and commit protocol.
 * Collective over the mesh. Fails as pwf_ckpt_write. */
pwf_status pwf_ckpt_write_model(const pwf_mesh *mesh, const char *path,
                                const pwf_snapshot *snapshot);

/** Gives a committed checkpoint the second name DIR/round-ROUND.h5, under which it is never
 * removed: a hard link, or a copy where links do not work.
 * Collective over the mesh. Fails as pwf_retention_keep_round. */
pwf_status pwf_ckpt_keep_round(const pwf_mesh *mesh, const char *path, int64_t round);

/** Removes the ckpt-*.h5 of DIR that `stay` does not keep, and partial files of earlier attempts;
 * round files are kept.
 * Collective over the mesh. Never fails: a file that cannot be removed is a warning. */
void pwf_ckpt_prune(const pwf_mesh *mesh, const char *dir, pwf_retention stay);

/** Verifies a file by plain reads, without libhdf5: magic, version, length, root hash,
 * every block hash.
 * Local. Fails with PWF_MISSING, PWF_IO or PWF_DATA naming the damaged part. */
pwf_status pwf_ckpt_verify(const char *path);

/** Finds the newest checkpoint of DIR (ckpt-*.h5 and round-*.h5, by step) that verifies; each bad
 * one is a warning with its reason. *found tells whether DIR has any checkpoint.
 * Collective over the mesh. Fails as pwf_retention_find. `path` gets the name, or "" if there is
 * none. */
pwf_status pwf_ckpt_find(const pwf_mesh *mesh, const char *dir, char *path, bool *found);

/** Verifies a named checkpoint and reads its configuration text.
 * Collective over the mesh. The caller frees *config with free(). Fails with PWF_MISSING, PWF_IO or
 * PWF_DATA. */
pwf_status pwf_ckpt_read_config(const pwf_mesh *mesh, const char *path, char **config);

/** Reads a verified checkpoint into snapshot->state (made for this mesh and registry) and facts.
 * Facts that a resumed run may not change must have the values that the caller has filled in,
 * and so must every name and shape. facts.config is left alone.
 * Collective over the mesh. Fails with PWF_DATA naming the field; the state is then undefined. */
pwf_status pwf_ckpt_read(const pwf_mesh *mesh, const char *path, pwf_snapshot *snapshot);

/** Verifies a checkpoint or model file and reads its facts. With `measured` also computes fixed,
 * unique and entropy, which takes longest; otherwise these are 0.
 * Local. Fails as pwf_ckpt_verify. */
pwf_status pwf_ckpt_inspect(const char *path, bool measured, pwf_loaded_info *info);

/** Verifies a file and reads all of it. Needs 4 bytes per element, plus 2 per posterior element (6
 * for a checkpoint).
 * Local. The caller frees it with pwf_ckpt_unload. Fails as pwf_ckpt_inspect; nothing is then
 * allocated. */
pwf_status pwf_ckpt_load(const char *path, pwf_loaded *out);

/** Frees what pwf_ckpt_load has read.
 * Local. */
void pwf_ckpt_unload(pwf_loaded *loaded);

/** Sets the means and buffers of a state from the values of the same names in a model file or
 * checkpoint; its codes, its sigma and the order of its parameters do not matter.
 * Collective over the mesh. Needs 4 bytes per element meanwhile, and on rank 0 also the memory of
 * pwf_ckpt_load. *hash gets the root hash of the file. Fails with PWF_MISSING, PWF_IO,
 * PWF_RESOURCE, or PWF_DATA when the file is damaged or of another model, the same everywhere. */
pwf_status pwf_ckpt_read_start(const pwf_mesh *mesh, const char *path, pwf_state *state,
                               pwf_hash *hash);

/** Sets one member of `object` per field of a checkpoint, named after the last part of its path: an
 * integer, a real number or a string; a list becomes its length, the configuration is left out.
 * Local. */
void pwf_ckpt_describe(const pwf_facts *facts, pwf_json *object);

#endif
