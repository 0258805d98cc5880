/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_MESH_MPI_H
#define PWF_MESH_MESH_MPI_H

#include "pwf/mesh/mesh.h"

#include <mpi.h>

/** The part of the mesh that shows MPI: for the rooms mesh and ckpt, and for tests. */

/** As pwf_mesh_new, over a duplicate of `comm` instead of the world.
 * Collective over `comm`. */
pwf_status pwf_mesh_new_on(MPI_Comm comm, int shards, pwf_mesh **out);

/** The communicator of an axis; it stays the mesh's.
 * Local. */
MPI_Comm pwf_mesh_comm(const pwf_mesh *mesh, pwf_axis axis);

#endif
