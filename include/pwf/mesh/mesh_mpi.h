/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_MESH_MPI_H
#define PWF_MESH_MESH_MPI_H

#include "pwf/mesh/mesh.h"

#include <mpi.h>

/** The functions of the mesh with MPI types, for parallel HDF5 and for tests. */

/** pwf_mesh_new over a duplicate of `comm` instead of MPI_COMM_WORLD.
 * Collective over `comm`. */
pwf_status pwf_mesh_new_on(MPI_Comm comm, int shards, pwf_mesh **out);

/** The communicator of an axis, owned by the mesh.
 * Local. */
MPI_Comm pwf_mesh_comm(const pwf_mesh *mesh, pwf_axis axis);

#endif
