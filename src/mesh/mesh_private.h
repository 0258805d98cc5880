/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_PRIVATE_H
#define PWF_MESH_PRIVATE_H

#include "pwf/mesh/mesh_mpi.h"

#include <limits.h>

enum { PWF_SCRATCH = 32768 /* elements */ };

/* Message tags; a piece of a reduction adds its number to PWF_TAG_SUMS. */
enum { PWF_TAG_COLLECT = 1, PWF_TAG_REDUCE = 2, PWF_TAG_SUMS = 16 };

struct pwf_mesh {
    MPI_Comm comm[PWF_AXES];
    MPI_Comm summands; /* duplicate of the world for summands, which are received with any tag */
    int rank[PWF_AXES], size[PWF_AXES];
    int *counts, *starts; /* [world size]: arguments of MPI_Allgatherv */
    int64_t *parts;       /* [world size + 1]: offsets of equal items or of the parts of a sum */
    int64_t *scratch;     /* [PWF_SCRATCH]: receive buffer of a long sum */
    pwf_traffic *traffic; /* bytes received and time spent, counted through a const mesh */
};

/* One MPI call. The error handler of the communicators ends the process, so this assertion only
 * catches a library that returns an error instead. */
#define PWF_MPI(call)                                                                              \
    do {                                                                                           \
        const int pwf_mpi_code_ = (call);                                                          \
        PWF_ASSERT(pwf_mpi_code_ == MPI_SUCCESS);                                                  \
    } while (0)

/* Largest number of bytes in one MPI call. MPI counts and displacements are ints, and some
 * libraries multiply them by the element size in an int, so this stays below INT_MAX bytes. Tests
 * lower it to cover the paths for long vectors. */
extern int64_t pwf_mesh_chunk;

/* Sums of at least this many elements per rank take the path for long vectors. Tests change it. */
extern int64_t pwf_mesh_long_sum;

/* A length as an MPI count; the only narrowing in this room. */
static inline int pwf_mesh_count(int64_t count)
{
    PWF_ASSERT(count >= 0 && count <= INT_MAX);
    return (int)count;
}

/* How many of `left` elements of `size` bytes fit into one MPI call. */
static inline int64_t pwf_mesh_piece(int64_t left, int64_t size)
{
    const int64_t most = pwf_mesh_chunk > size ? pwf_mesh_chunk / size : 1;
    return left < most ? left : most;
}

/* Bracket a call that waits for other ranks: wait notifies the watchdog and returns the time, met
 * adds the time since then to the traffic. */
double pwf_mesh_wait(const char *what);
void pwf_mesh_met(const pwf_mesh *mesh, double since);

/* Adds the time of a call that does not wait. */
void pwf_mesh_spent(const pwf_mesh *mesh, double since);

/* Adds bytes that this rank received. */
void pwf_mesh_count_bytes(const pwf_mesh *mesh, pwf_axis axis, pwf_traffic_kind kind,
                          int64_t bytes);

/* Adds the bytes of an all-reduce of `count` elements of 8 bytes. */
void pwf_mesh_count_sum(const pwf_mesh *mesh, pwf_axis axis, int64_t count);

/* pwf_mesh_agree before the mesh exists. */
pwf_status pwf_mesh_agree_on(MPI_Comm comm, pwf_status local);

#endif
