/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_MESH_H
#define PWF_MESH_MESH_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The ranks of a job as a grid of shards x replicas. Ranks of one shard group hold different
 * blocks of the state; ranks of one replica group hold the same blocks. World rank r has rank r %
 * shards on the shard axis and rank r / shards on the replica axis. World rank 0 is the
 * coordinator.
 *
 * Only one thread per rank calls MPI (MPI_THREAD_FUNNELED). MPI errors end the process. */

typedef struct pwf_mesh pwf_mesh;

typedef enum pwf_axis { PWF_WORLD, PWF_SHARD, PWF_REPLICA } pwf_axis;
enum { PWF_AXES = 3 };

/* Why bytes were received: gathers; sums, maxima and agreement; broadcasts. */
typedef enum pwf_traffic_kind { PWF_GATHERED, PWF_REDUCED, PWF_SPREAD } pwf_traffic_kind;
enum { PWF_TRAFFIC_KINDS = 3 };

/* What a rank has received. */
typedef struct pwf_traffic {
    int64_t bytes[PWF_AXES][PWF_TRAFFIC_KINDS];
    double seconds; /* in MPI calls */
} pwf_traffic;

/* The program that started this process, according to the environment. */
typedef struct pwf_launcher {
    const char *name;    /* "srun", ...; NULL if unknown */
    int64_t ranks, rank; /* number of processes it started, and of this one; 1 and 0 if unknown */
} pwf_launcher;

/** The innermost launcher that left its variables in the environment. The batch script of a Slurm
 * job is not a task of a step and has none.
 * Local. */
pwf_launcher pwf_mesh_launcher(void);

/** Starts MPI; a program calls it first. A single task of a Slurm step without PMI becomes a job of
 * one rank.
 * Collective over all processes. Fails with PWF_LAUNCH without MPI_THREAD_FUNNELED, or if several
 * processes were started but each would run alone; only one of them then prints messages. */
pwf_status pwf_mesh_start(int *argc, char ***argv);

/** Finalizes MPI; a program calls it last, after pwf_mesh_free.
 * Collective over all processes. */
void pwf_mesh_stop(void);

/** Creates the mesh of all ranks; `shards` must divide their number.
 * Collective over the world. The caller owns *out. Fails with PWF_CONFIG or PWF_RESOURCE, the same
 * on every rank. */
pwf_status pwf_mesh_new(int shards, pwf_mesh **out);

/** Frees the communicators; NULL is allowed.
 * Collective over the mesh. */
void pwf_mesh_free(pwf_mesh *mesh);

/** The rank of this process on an axis, and the number of ranks on it.
 * Local. */
int pwf_mesh_rank(const pwf_mesh *mesh, pwf_axis axis);
int pwf_mesh_size(const pwf_mesh *mesh, pwf_axis axis);

/** The largest number of ranks on one node.
 * Collective over the world of the mesh. */
int pwf_mesh_node_ranks(const pwf_mesh *mesh);

/** Agrees on one status: success if every rank succeeded, otherwise the status of the lowest rank
 * with the largest code, on every rank. A collective function that can fail works locally, agrees,
 * then communicates.
 * Collective over the world of the mesh. */
pwf_status pwf_mesh_agree(const pwf_mesh *mesh, pwf_status local);

enum { PWF_MOST = 5 };

/** pwf_mesh_agree that also replaces each of most[count] by its maximum over the ranks, in the same
 * reduction; `count` is at most PWF_MOST.
 * Collective over the world of the mesh, with the same count on every rank. */
pwf_status pwf_mesh_agree_most(const pwf_mesh *mesh, pwf_status local, int *most, int count);

/** Fails with PWF_BUG on every rank unless all ranks pass the same `count` bytes, compared by hash;
 * `what` names them in the message.
 * Collective over the world of the mesh. */
pwf_status pwf_mesh_same(const pwf_mesh *mesh, const void *bytes, size_t count, const char *what);

/** Replaces values[count] by the sums over the ranks of an axis. Exact in any order.
 * Collective over the axis. */
void pwf_mesh_sum_i64(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, int64_t count);

/** Replaces values[count] by the maxima over the ranks of an axis. No value may be NaN.
 * Collective over the axis. */
void pwf_mesh_max_f64(const pwf_mesh *mesh, pwf_axis axis, double *values, int64_t count);
void pwf_mesh_max_i64(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, int64_t count);

/** Copies `bytes` bytes at `data` from rank `root` of the axis to its other ranks; any length.
 * Collective over the axis. */
void pwf_mesh_broadcast(const pwf_mesh *mesh, pwf_axis axis, int root, void *data, size_t bytes);

/** Gathers in place: rank r of the axis provides bytes [offset[r], offset[r + 1]) of `data`, and
 * every rank receives all offset[size] bytes; any length, empty contributions are allowed.
 * Collective over the axis, with the same `offset` on every rank. */
void pwf_mesh_gather(const pwf_mesh *mesh, pwf_axis axis, void *data, const int64_t *offset);

/** Gathers in place one item of `bytes` bytes from each rank; rank r of the axis provides item r.
 * Collective over the axis. */
void pwf_mesh_gather_items(const pwf_mesh *mesh, pwf_axis axis, void *items, size_t bytes);

/** Gathers on world rank 0 only: rank r sends `piece`, which has offset[r + 1] - offset[r] bytes;
 * rank 0 receives all at `data`, which may be NULL on the others. On rank 0 `piece` may point to
 * its place in `data`.
 * Collective over the world. */
void pwf_mesh_collect(const pwf_mesh *mesh, const void *piece, size_t piece_bytes, void *data,
                      const int64_t *offset);

/** Waits until every rank has called it.
 * Collective over the world. */
void pwf_mesh_barrier(const pwf_mesh *mesh);

/** Bytes that this rank has received since the mesh was created, and its time in MPI. The count is
 * the minimum of an optimal algorithm: for a gather, what the rank did not hold; for a sum or
 * maximum over p ranks, p - 1 times its own part of the elements and once the other parts. Overhead
 * of the MPI library and the messages of failures are not counted.
 * Local. */
pwf_traffic pwf_mesh_traffic(const pwf_mesh *mesh);

/** The version string of the MPI library, one line.
 * Local. */
const char *pwf_mesh_library(void);

/** The version of the MPI library this program was built with, for example "4.1.4"; "" if its
 * headers do not give one.
 * Local. */
const char *pwf_mesh_library_built(void);

#endif
