/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CKPT_EXAMPLE_H
#define PWF_TESTS_CKPT_EXAMPLE_H

#include "pwf/ckpt/ckpt.h"

/** The state of a small network as a pure function of the step, so that a loaded checkpoint can be
 * checked against its step. */

typedef struct example {
    pwf_registry *registry;
    pwf_snapshot snapshot;
} example;

/** An example for this mesh, with start values.
 * Local. Aborts on failure. */
example example_new(const pwf_mesh *mesh);
void example_free(example *e);

/** Sets the state to that of a step.
 * Local. */
void example_set(example *e, int64_t step);

/** The ways to write a checkpoint: "pwrite", "mpiio", or "async" for pwrite in the background.
 * Local. */
pwf_ckpt_writer example_writer(const char *way);

/** Writes the state of a step; and prunes, keeping 2. While the background writer writes its copy,
 * the state itself is overwritten.
 * Collective over the mesh. Fail as pwf_ckpt_write. */
pwf_status example_write(example *e, const pwf_mesh *mesh, const char *dir, const char *way,
                         int64_t step, char *path);
void example_prune(example *e, const pwf_mesh *mesh, const char *dir, const char *way,
                   int64_t step);

/** Overwrites the state with other values.
 * Local. */
void example_spoil(example *e);

/** The fingerprint of its state.
 * Collective over the mesh. Aborts on failure. */
pwf_hash example_fingerprint(const example *e, const pwf_mesh *mesh);

/** Loads the newest checkpoint of a directory. *step gets its step, or -1 if what was loaded is not
 * exactly the state of that step.
 * Collective over the mesh. Fails with PWF_MISSING, or as finding and reading do. */
pwf_status example_load(example *e, const pwf_mesh *mesh, const char *dir, int64_t *step);

#endif
