/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MESH_MESH_H
#define PWF_MESH_MESH_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The ranks of a job as shards x replicas. Ranks of one shard group hold different blocks of the
 * state; ranks of one replica group hold the same blocks. World rank r has shard_rank r % shards
 * and replica_rank r / shards. World rank 0 is the coordinator.
 *
 * One thread per rank talks to MPI (MPI_THREAD_FUNNELED). MPI's own errors are fatal. */

typedef struct pwf_mesh pwf_mesh;

typedef enum pwf_axis { PWF_WORLD, PWF_SHARD, PWF_REPLICA } pwf_axis;
enum { PWF_AXES = 3 };

/* What bytes are moved for: every rank gets what each has; sums, maxima and agreements; else. */
typedef enum pwf_traffic_kind { PWF_GATHERED, PWF_REDUCED, PWF_SPREAD } pwf_traffic_kind;
enum { PWF_TRAFFIC_KINDS = 3 };

/* What a rank has received, and its time in calls that wait for others. */
typedef struct pwf_traffic {
    int64_t bytes[PWF_AXES][PWF_TRAFFIC_KINDS];
    double seconds;
} pwf_traffic;

/* What the environment says of the program that started this process. */
typedef struct pwf_launcher {
    const char *name;    /* "srun", ...; NULL: none is known */
    int64_t ranks, rank; /* processes it started, and the number of this one; 1 and 0 without */
} pwf_launcher;

/** Who started this process: the innermost of the launchers whose marks are in the environment. The
 * script of a Slurm job is no task of a step and was started by none.
 * Local. */
pwf_launcher pwf_mesh_launcher(void);

/** Starts MPI; the first thing a program does. A single task of a Slurm step that has no PMI
 * becomes a job of one rank.
 *
 * Collective over all processes. Fails with PWF_LAUNCH without MPI_THREAD_FUNNELED, or when several
 * processes were started but each would run alone: one of them alone then prints messages. */
pwf_status pwf_mesh_start(int *argc, char ***argv);

/** Ends MPI; the last thing a program does, and needs no open mesh.
 * Collective over all processes. */
void pwf_mesh_stop(void);

/** Divides all ranks into `shards` shards; shards must divide the number of ranks.
 * Collective over the world. The caller owns the mesh. Fails with PWF_CONFIG, the same on every
 * rank. */
pwf_status pwf_mesh_new(int shards, pwf_mesh **out);

/** Frees the communicators; NULL is allowed.
 * Collective over the mesh. */
void pwf_mesh_free(pwf_mesh *mesh);

/** This rank's place and the number of ranks along an axis.
 * Local. */
int pwf_mesh_rank(const pwf_mesh *mesh, pwf_axis axis);
int pwf_mesh_size(const pwf_mesh *mesh, pwf_axis axis);

/** The most ranks that share one node.
 * Collective over the world of the mesh. */
int pwf_mesh_node_ranks(const pwf_mesh *mesh);

/** Agrees on one status: success if every rank has it, else that of the lowest rank with the
 * largest code, with its sentence, on every rank.
 * Collective over the world of the mesh. The shape of every fallible collective function: local
 * work, agree, communicate. */
pwf_status pwf_mesh_agree(const pwf_mesh *mesh, pwf_status local);

enum { PWF_MOST = 5 };

/** Agrees on a status and, in the same reduction, on the largest of each of `count` numbers, at
 * most PWF_MOST; every rank gets all of them.
 * Collective over the world of the mesh; the same count everywhere. */
pwf_status pwf_mesh_agree_most(const pwf_mesh *mesh, pwf_status local, int *most, int count);

/** Fails with PWF_BUG on every rank unless all ranks pass the same `count` bytes (compared by
 * hash): arguments that must not differ between ranks.
 * Collective over the world of the mesh. */
pwf_status pwf_mesh_same(const pwf_mesh *mesh, const void *bytes, size_t count, const char *what);

/** Sum over the ranks of an axis, in place: exact, whatever the order.
 * Collective over the axis. */
void pwf_mesh_sum_i64(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, int64_t count);

/** Largest value over the ranks of an axis, in place; no NaN.
 * Collective over the axis. */
void pwf_mesh_max_f64(const pwf_mesh *mesh, pwf_axis axis, double *values, int64_t count);
void pwf_mesh_max_i64(const pwf_mesh *mesh, pwf_axis axis, int64_t *values, int64_t count);

/** Copies `bytes` bytes of `root` to every rank of the axis. Any size.
 * Collective over the axis. */
void pwf_mesh_broadcast(const pwf_mesh *mesh, pwf_axis axis, int root, void *data, size_t bytes);

/** Gathers pieces in place: rank r of the axis has filled bytes [offset[r], offset[r + 1]) of
 * `data`; afterwards every rank has all offset[size] bytes. Pieces may be empty; any size.
 * Collective over the axis. `offset` is the same on every rank. */
void pwf_mesh_gather(const pwf_mesh *mesh, pwf_axis axis, void *data, const int64_t *offset);

/** Gathers one item of `bytes` bytes of each rank, in place: rank r of the axis has filled item r
 * of `items`.
 * Collective over the axis. */
void pwf_mesh_gather_items(const pwf_mesh *mesh, pwf_axis axis, void *items, size_t bytes);

/** Gathers as pwf_mesh_gather does, but on world rank 0 alone.
 * Collective over the world. Rank r passes its `piece` of offset[r + 1] - offset[r] bytes; `data`
 * gets all bytes on rank 0 and may be NULL elsewhere. On rank 0 `piece` may already lie in its
 * place. */
void pwf_mesh_collect(const pwf_mesh *mesh, const void *piece, size_t piece_bytes, void *data,
                      const int64_t *offset);

/** Waits until every rank has come here.
 * Collective over the world. */
void pwf_mesh_barrier(const pwf_mesh *mesh);

/** What this rank has received since the mesh was made. Counted are the fewest bytes that can do:
 * of a gather all that the rank did not hold; of a sum or maximum over p ranks, p - 1 times its
 * part of the elements and once the parts of the others. What a library moves beyond that, and
 * pwf_mesh_agree's sentence of a failure, are not counted.
 * Local. */
pwf_traffic pwf_mesh_traffic(const pwf_mesh *mesh);

/** The version string of the MPI library, one line.
 * Local. */
const char *pwf_mesh_library(void);

/** The MPI library this program was built with: "4.1.4"; "" where its headers do not say.
 * Local. */
const char *pwf_mesh_library_built(void);

#endif
