/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocking collectives on buffers of any length: reductions, broadcast, gather, barrier. Called by
 * all rooms above; each is a loop over pieces that fit into one MPI call. Communicates; uses the
 * scratch arrays of the mesh, so one collective at a time. */
#include "mesh_private.h"

#include "pwf/core/fault.h"
#include "pwf/core/range.h"

#include <string.h>

/* All-reduce of `count` values of 8 bytes each. */
static void all_reduce(const pwf_mesh *mesh, pwf_axis axis, void *values, int64_t count,
                       MPI_Datatype type, MPI_Op op)
{
    if (mesh->size[axis] == 1 || PWF_FAULT_VALUE("mesh.reduce", "skip")) return;
    char *at = values;
    pwf_mesh_count_sum(mesh, axis, count);
    const double since = pwf_mesh_wait("reduction");
    for (int64_t piece; count > 0; count -= piece, at += 8 * piece) {
        piece = pwf_mesh_piece(count, 8);
        PWF_MPI(MPI_Allreduce(MPI_IN_PLACE, at, pwf_mesh_count(piece), type, op, mesh->comm[axis]));
    }
    pwf_mesh_met(mesh, since);
}

void pwf_mesh_max_f64(const pwf_mesh *mesh, pwf_axis axis, double *values, int64_t count)
{
    all_reduce(mesh, axis, values, count, MPI_DOUBLE, MPI_MAX);
}

void pwf_mesh_max_i64(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, int64_t count)
{
    all_reduce(mesh, axis, values, count, MPI_INT64_T, MPI_MAX);
}

/* Broadcasts without counting bytes; gather uses it for long vectors. */
static void broadcast(const pwf_mesh *mesh, pwf_axis axis, int root, void *data, int64_t bytes)
{
    if (PWF_FAULT_VALUE("mesh.broadcast", "skip")) return;
    char *at = data;
    int64_t left = bytes;
    const double since = pwf_mesh_wait("broadcast");
    for (int64_t piece; left > 0; left -= piece, at += piece) {
        piece = pwf_mesh_piece(left, 1);
        PWF_MPI(MPI_Bcast(at, pwf_mesh_count(piece), MPI_BYTE, root, mesh->comm[axis]));
    }
    pwf_mesh_met(mesh, since);
}

void pwf_mesh_broadcast(const pwf_mesh *mesh, pwf_axis axis, int root, void *data, size_t bytes)
{
    if (mesh->size[axis] == 1) return;
    PWF_ASSERT(bytes <= INT64_MAX);
    if (mesh->rank[axis] != root) pwf_mesh_count_bytes(mesh, axis, PWF_SPREAD, (int64_t)bytes);
    broadcast(mesh, axis, root, data, (int64_t)bytes);
}

/* Gathers without counting bytes. Vectors too long for one MPI call are broadcast rank by rank. */
static void gather(const pwf_mesh *mesh, pwf_axis axis, void *data, const int64_t *offset)
{
    const int size = mesh->size[axis];
    if (PWF_FAULT_VALUE("mesh.gather", "skip")) return;
    if (offset[size] > pwf_mesh_chunk) {
        for (int r = 0; r < size; r++)
            broadcast(mesh, axis, r, (char *)data + offset[r], offset[r + 1] - offset[r]);
        return;
    }
    for (int r = 0; r < size; r++) {
        mesh->counts[r] = pwf_mesh_count(offset[r + 1] - offset[r]);
        mesh->starts[r] = pwf_mesh_count(offset[r]);
    }
    const double since = pwf_mesh_wait("gather");
    PWF_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, mesh->counts, mesh->starts,
                           MPI_BYTE, mesh->comm[axis]));
    pwf_mesh_met(mesh, since);
}

void pwf_mesh_gather(const pwf_mesh *mesh, pwf_axis axis, void *data, const int64_t *offset)
{
    const int size = mesh->size[axis], rank = mesh->rank[axis];
    if (size == 1) return;
    pwf_mesh_count_bytes(mesh, axis, PWF_GATHERED,
                         offset[size] - offset[0] - (offset[rank + 1] - offset[rank]));
    gather(mesh, axis, data, offset);
}

void pwf_mesh_gather_items(const pwf_mesh *mesh, pwf_axis axis, void *items, size_t bytes)
{
    for (int r = 0; r <= mesh->size[axis]; r++)
        mesh->parts[r] = r * (int64_t)bytes;
    pwf_mesh_gather(mesh, axis, items, mesh->parts);
}

void pwf_mesh_collect(const pwf_mesh *mesh, const void *piece, size_t piece_bytes, void *data,
                      const int64_t *offset)
{
    const MPI_Comm comm = mesh->comm[PWF_WORLD];
    const int rank = mesh->rank[PWF_WORLD], size = mesh->size[PWF_WORLD];
    PWF_ASSERT((int64_t)piece_bytes == offset[rank + 1] - offset[rank]);
    const double since = pwf_mesh_wait("gather to rank 0");
    /* Blocking sends in rank order: rank 0 never holds more than its own result. */
    if (rank > 0) {
        const char *at = piece;
        int64_t left = (int64_t)piece_bytes;
        for (int64_t n; left > 0; left -= n, at += n) {
            n = pwf_mesh_piece(left, 1);
            PWF_MPI(MPI_Send(at, pwf_mesh_count(n), MPI_BYTE, 0, PWF_TAG_COLLECT, comm));
        }
        pwf_mesh_met(mesh, since);
        return;
    }
    pwf_mesh_count_bytes(mesh, PWF_WORLD, PWF_GATHERED, offset[size] - offset[1]);
    if (piece_bytes > 0) memmove((char *)data + offset[0], piece, piece_bytes);
    for (int r = 1; r < size; r++) {
        char *at = (char *)data + offset[r];
        int64_t left = offset[r + 1] - offset[r];
        for (int64_t n; left > 0; left -= n, at += n) {
            n = pwf_mesh_piece(left, 1);
            PWF_MPI(MPI_Recv(at, pwf_mesh_count(n), MPI_BYTE, r, PWF_TAG_COLLECT, comm,
                             MPI_STATUS_IGNORE));
        }
    }
    pwf_mesh_met(mesh, since);
}

/* Reduce-scatter: in step s every rank sends to rank + s and adds what it receives from rank - s.
 * Each element is sent size - 1 times, the minimum, and a small scratch buffer suffices. Integer
 * sums do not depend on the order. */
static void reduce(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, const int64_t *offset)
{
    const MPI_Comm comm = mesh->comm[axis];
    const int rank = mesh->rank[axis], size = mesh->size[axis];
    const int64_t most = pwf_mesh_piece(PWF_SCRATCH, (int64_t)sizeof *values);
    for (int s = 1; s < size; s++) {
        const int to = (rank + s) % size, from = (rank + size - s) % size;
        int64_t out = offset[to], in = offset[rank];
        while (out < offset[to + 1] || in < offset[rank + 1]) {
            const int64_t give = offset[to + 1] - out < most ? offset[to + 1] - out : most;
            const int64_t take = offset[rank + 1] - in < most ? offset[rank + 1] - in : most;
            const double since = pwf_mesh_wait("sum");
            PWF_MPI(MPI_Sendrecv(values + out, pwf_mesh_count(give), MPI_INT64_T,
                                 give > 0 ? to : MPI_PROC_NULL, PWF_TAG_REDUCE, mesh->scratch,
                                 pwf_mesh_count(take), MPI_INT64_T, take > 0 ? from : MPI_PROC_NULL,
                                 PWF_TAG_REDUCE, comm, MPI_STATUS_IGNORE));
            pwf_mesh_met(mesh, since);
            for (int64_t i = 0; i < take; i++)
                values[in + i] += mesh->scratch[i];
            out += give;
            in += take;
        }
    }
}

/* Long vectors take a reduce-scatter and a gather: two to five times as fast as MPI_Allreduce of
 * Open MPI 4.1 in shared memory, and without a temporary of the length of the vector. */
void pwf_mesh_sum_i64(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, int64_t count)
{
    const int size = mesh->size[axis];
    if (size == 1) return;
    /* Short vectors: latency dominates, so one MPI_Allreduce. */
    if (count / size < pwf_mesh_long_sum) {
        all_reduce(mesh, axis, values, count, MPI_INT64_T, MPI_SUM);
        return;
    }
    for (int r = 0; r <= size; r++)
        mesh->parts[r] = pwf_range_split(count, size, r);
    pwf_mesh_count_sum(mesh, axis, count);
    reduce(mesh, axis, values, mesh->parts);
    for (int r = 0; r <= size; r++)
        mesh->parts[r] *= (int64_t)sizeof *values;
    gather(mesh, axis, values, mesh->parts);
}

void pwf_mesh_barrier(const pwf_mesh *mesh)
{
    const double since = pwf_mesh_wait("barrier");
    PWF_MPI(MPI_Barrier(mesh->comm[PWF_WORLD]));
    pwf_mesh_met(mesh, since);
}
