/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_CKPT_EXAMPLE_H
#define PWF_TESTS_CKPT_EXAMPLE_H

#include "pwf/ckpt/ckpt.h"

/** A small network's state that is a pure function of the step, so that whoever loads a checkpoint
 * knows what must be in it. */

typedef struct example {
    pwf_registry *registry;
    pwf_snapshot snapshot;
} example;

/** An example for this mesh, with start values.
 * Local. Aborts on failure. */
example example_new(const pwf_mesh *mesh);
void example_free(example *e);

/** Fills in what the state is at a step.
 * Local. */
void example_set(example *e, int64_t step);

/** Fills in nonsense of the same shapes.
 * Local. */
void example_spoil(example *e);

#endif
