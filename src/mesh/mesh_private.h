/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_PRIVATE_H
#define PWF_MESH_PRIVATE_H

#include "pwf/mesh/mesh_mpi.h"

#include <limits.h>

enum { PWF_SCRATCH = 32768 /* elements */ };

/* Tags of messages on the axes; those of sums have the number of a piece added. */
enum { PWF_TAG_COLLECT = 1, PWF_TAG_REDUCE = 2, PWF_TAG_SUMS = 16 };

struct pwf_mesh {
    MPI_Comm comm[PWF_AXES];
    MPI_Comm summands; /* the world again: a reduction's messages, taken whatever their tag */
    int rank[PWF_AXES], size[PWF_AXES];
    int *counts, *starts; /* per rank of the longest axis: arguments of MPI_Allgatherv */
    int64_t *parts;       /* likewise, one more: offsets of equal items or of a long sum's parts */
    int64_t *scratch;     /* where another rank's summands arrive */
    pwf_traffic *traffic; /* what has been received */
};

/* One MPI call. The communicators' handler ends the job, so this only guards against a library
 * that returns all the same. */
#define PWF_MPI(call)                                                                              \
    do {                                                                                           \
        const int pwf_mpi_code_ = (call);                                                          \
        PWF_ASSERT(pwf_mpi_code_ == MPI_SUCCESS);                                                  \
    } while (0)

/* The most bytes handed to one MPI call. MPI counts and displacements are ints; some algorithms of
 * the libraries multiply them by the element size in an int as well, so this stays below INT_MAX
 * bytes. Tests make it small to walk the paths of long vectors. */
extern int64_t pwf_mesh_chunk;

/* Sums of at least this many elements per rank take the path for long vectors; tests change it. */
extern int64_t pwf_mesh_long_sum;

/* The one place where a length becomes an MPI count. */
static inline int pwf_mesh_count(int64_t count)
{
    PWF_ASSERT(count >= 0 && count <= INT_MAX);
    return (int)count;
}

/* The next piece of `left` elements of `size` bytes that may go into one call. */
static inline int64_t pwf_mesh_piece(int64_t left, int64_t size)
{
    const int64_t most = pwf_mesh_chunk > size ? pwf_mesh_chunk / size : 1;
    return left < most ? left : most;
}

/* Around calls that wait for other ranks; the time between is counted. */
double pwf_mesh_wait(const char *what);
void pwf_mesh_met(const pwf_mesh *mesh, double since);

/* Counts the time of calls that do not wait. */
void pwf_mesh_spent(const pwf_mesh *mesh, double since);

/* Counts what this rank receives. */
void pwf_mesh_count_bytes(const pwf_mesh *mesh, pwf_axis axis, pwf_traffic_kind kind,
                          int64_t bytes);

/* Counts a reduction of `count` elements of 8 bytes that every rank gets. */
void pwf_mesh_count_sum(const pwf_mesh *mesh, pwf_axis axis, int64_t count);

/* pwf_mesh_agree before there is a mesh. */
pwf_status pwf_mesh_agree_on(MPI_Comm comm, pwf_status local);

#endif
