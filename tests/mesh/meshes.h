/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TEST_MESHES_H
#define PWF_TEST_MESHES_H

#include "pwf/mesh/mesh_mpi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* clang-format off: cmocka wants the four above first */
#include <cmocka.h>
/* clang-format on */

/** Runs `tests` over every mesh of the world: the world's communicator, a duplicate and one with
 * the ranks reversed, each with every possible number of shards, and each with calls of ordinary
 * length and of very few bytes (pwf_mesh_chunk). Starts and stops MPI; a failed test aborts every
 * rank. Returns main's result.
 * Collective over all processes. */
int run_over_meshes(int argc, char **argv, const struct CMUnitTest *tests, size_t count);

/* The mesh under test. */
extern pwf_mesh *mesh;

/* A number that differs in rank and index; the same on every rank. */
int64_t mixed(int64_t rank, int64_t index);

#endif
