/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/mesh/pending.h"

#include "mesh_private.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"

struct pwf_pending {
    const pwf_mesh *mesh;
    pwf_axis axis;
    int size;
    bool open, whole; /* whole: one call carries it all */
    int64_t *offset;
    int *counts, *starts; /* MPI reads them until the end */
    int64_t used;
    MPI_Request *requests;
};

/* How many requests the plan may have open. */
static int64_t request_count(const int64_t *offset, int size)
{
    if (size == 1) return 0;
    if (offset[size] <= pwf_mesh_chunk) return 1;
    int64_t n = 0;
    for (int r = 0; r < size; r++)
        n += (offset[r + 1] - offset[r] + pwf_mesh_chunk - 1) / pwf_mesh_chunk;
    return n;
}

static pwf_status plan(const pwf_mesh *mesh, pwf_axis axis, const int64_t *offset,
                       pwf_pending **out)
{
    const int size = mesh->size[axis];
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof **out, out));
    pwf_pending *p = *out;
    p->mesh = mesh;
    p->axis = axis;
    p->size = size;
    p->whole = offset[size] <= pwf_mesh_chunk;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size + 1, sizeof *p->offset, &p->offset));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size, sizeof *p->counts, &p->counts));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size, sizeof *p->starts, &p->starts));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, request_count(offset, size), sizeof *p->requests,
                          &p->requests));
    for (int r = 0; r <= size; r++)
        p->offset[r] = offset[r];
    for (int r = 0; r < size && p->whole; r++) {
        p->counts[r] = pwf_mesh_count(offset[r + 1] - offset[r]);
        p->starts[r] = pwf_mesh_count(offset[r]);
    }
    return pwf_ok();
}

pwf_status pwf_pending_new(const pwf_mesh *mesh, pwf_axis axis, const int64_t *offset,
                           pwf_pending **out)
{
    PWF_ASSERT(offset[0] == 0);
    *out = NULL;
    const pwf_status status = plan(mesh, axis, offset, out);
    if (status.code != PWF_OK) {
        pwf_pending_free(*out);
        *out = NULL;
    }
    return status;
}

void pwf_pending_begin(pwf_pending *p, void *data)
{
    PWF_ASSERT(!p->open);
    p->open = true;
    p->used = 0;
    if (p->size == 1) return;
    const MPI_Comm comm = p->mesh->comm[p->axis];
    const int rank = p->mesh->rank[p->axis];
    pwf_mesh_count_bytes(p->mesh, p->axis, PWF_GATHERED,
                         p->offset[p->size] - (p->offset[rank + 1] - p->offset[rank]));
    const double since = pwf_mesh_wait("gather");
    if (p->whole)
        PWF_MPI(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, p->counts, p->starts,
                                MPI_BYTE, comm, &p->requests[p->used++]));
    for (int r = 0; r < p->size && !p->whole; r++) {
        char *at = (char *)data + p->offset[r];
        int64_t left = p->offset[r + 1] - p->offset[r];
        for (int64_t piece; left > 0; left -= piece, at += piece) {
            piece = pwf_mesh_piece(left, 1);
            PWF_MPI(
                MPI_Ibcast(at, pwf_mesh_count(piece), MPI_BYTE, r, comm, &p->requests[p->used++]));
        }
    }
    pwf_mesh_met(p->mesh, since);
}

bool pwf_pending_move(pwf_pending *p)
{
    if (!p->open || p->used == 0) return false;
    const double since = pwf_clock_seconds();
    int all = 0;
    PWF_MPI(MPI_Testall(pwf_mesh_count(p->used), p->requests, &all, MPI_STATUSES_IGNORE));
    if (all) p->used = 0;
    pwf_mesh_spent(p->mesh, since);
    return !all;
}

void pwf_pending_end(pwf_pending *p)
{
    PWF_ASSERT(p->open);
    p->open = false;
    const double since = pwf_mesh_wait("gather");
    PWF_MPI(MPI_Waitall(pwf_mesh_count(p->used), p->requests, MPI_STATUSES_IGNORE));
    pwf_mesh_met(p->mesh, since);
}

void pwf_pending_free(pwf_pending *p)
{
    if (p == NULL) return;
    PWF_ASSERT(!p->open);
    pwf_mem_free(p->offset);
    pwf_mem_free(p->counts);
    pwf_mem_free(p->starts);
    pwf_mem_free(p->requests);
    pwf_mem_free(p);
}
