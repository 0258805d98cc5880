/* SPDX-License-Identifier: BSD-3-Clause */
/* What every collective needs from the mesh: rank and size, the notice of a wait to the watchdog,
 * and the counters of bytes and seconds. Called by the collectives of this room; rank and size also
 * by the rooms above. Makes no MPI call; changes only the counters in `traffic`. */
#include "mesh_private.h"

#include "pwf/core/clock.h"
#include "pwf/core/range.h"
#include "pwf/core/watch.h"

int64_t pwf_mesh_chunk = (int64_t)1 << 30;
int64_t pwf_mesh_long_sum = 4096;

int pwf_mesh_rank(const pwf_mesh *mesh, pwf_axis axis)
{
    return mesh->rank[axis];
}

int pwf_mesh_size(const pwf_mesh *mesh, pwf_axis axis)
{
    return mesh->size[axis];
}

MPI_Comm pwf_mesh_comm(const pwf_mesh *mesh, pwf_axis axis)
{
    return mesh->comm[axis];
}

double pwf_mesh_wait(const char *what)
{
    pwf_watch_wait(what);
    return pwf_clock_seconds();
}

void pwf_mesh_met(const pwf_mesh *mesh, double since)
{
    pwf_mesh_spent(mesh, since);
    pwf_watch_met();
}

void pwf_mesh_spent(const pwf_mesh *mesh, double since)
{
    mesh->traffic->seconds += pwf_clock_seconds() - since;
}

void pwf_mesh_count_bytes(const pwf_mesh *mesh, pwf_axis axis, pwf_traffic_kind kind, int64_t bytes)
{
    mesh->traffic->bytes[axis][kind] += bytes;
}

/* A reduce-scatter, which brings this rank's part from each of the others, and a gather, which
 * brings the parts of the others. */
void pwf_mesh_count_sum(const pwf_mesh *mesh, pwf_axis axis, int64_t count)
{
    const int size = mesh->size[axis], rank = mesh->rank[axis];
    const int64_t part =
        pwf_range_split(count, size, rank + 1) - pwf_range_split(count, size, rank);
    pwf_mesh_count_bytes(mesh, axis, PWF_REDUCED, 8 * ((size - 1) * part + count - part));
}

pwf_traffic pwf_mesh_traffic(const pwf_mesh *mesh)
{
    return *mesh->traffic;
}
