/* SPDX-License-Identifier: BSD-3-Clause */
/* A gather in two calls, begin and end, planned once and used in every step. Called by
 * shard/exchange.c on the MPI thread. Holds its own copies of the arguments that MPI reads until
 * the end. */
#include "pwf/mesh/pending.h"

#include "mesh_private.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"

struct pwf_pending {
    const pwf_mesh *mesh;
    pwf_axis axis;
    int size;
    bool open;            /* between begin and end */
    bool whole;           /* one MPI_Iallgatherv suffices; otherwise a series of MPI_Ibcast */
    int64_t *offset;      /* [size + 1] bytes */
    int *counts, *starts; /* [size] arguments of MPI_Iallgatherv */
    int64_t used;         /* requests in flight */
    MPI_Request *requests;
};

/* The largest number of requests in flight. */
static int64_t request_count(const int64_t *offset, int size)
{
    if (size == 1) return 0;
    if (offset[size] <= pwf_mesh_chunk) return 1;
    int64_t n = 0;
    for (int r = 0; r < size; r++)
        n += (offset[r + 1] - offset[r] + pwf_mesh_chunk - 1) / pwf_mesh_chunk;
    return n;
}

/* On failure *out may be partly allocated; the caller frees it. */
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

void pwf_pending_begin(pwf_pending *pending, void *data)
{
    PWF_ASSERT(!pending->open);
    pending->open = true;
    pending->used = 0;
    if (pending->size == 1) return;
    const MPI_Comm comm = pending->mesh->comm[pending->axis];
    const int rank = pending->mesh->rank[pending->axis];
    pwf_mesh_count_bytes(pending->mesh, pending->axis, PWF_GATHERED,
                         pending->offset[pending->size] -
                             (pending->offset[rank + 1] - pending->offset[rank]));
    const double since = pwf_mesh_wait("gather");
    if (pending->whole)
        PWF_MPI(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, pending->counts,
                                pending->starts, MPI_BYTE, comm,
                                &pending->requests[pending->used++]));
    for (int r = 0; r < pending->size && !pending->whole; r++) {
        char *at = (char *)data + pending->offset[r];
        int64_t left = pending->offset[r + 1] - pending->offset[r];
        for (int64_t piece; left > 0; left -= piece, at += piece) {
            piece = pwf_mesh_piece(left, 1);
            PWF_MPI(MPI_Ibcast(at, pwf_mesh_count(piece), MPI_BYTE, r, comm,
                               &pending->requests[pending->used++]));
        }
    }
    pwf_mesh_met(pending->mesh, since);
}

bool pwf_pending_move(pwf_pending *pending)
{
    if (!pending->open || pending->used == 0) return false;
    const double since = pwf_clock_seconds();
    int all = 0;
    PWF_MPI(
        MPI_Testall(pwf_mesh_count(pending->used), pending->requests, &all, MPI_STATUSES_IGNORE));
    if (all) pending->used = 0;
    pwf_mesh_spent(pending->mesh, since);
    return !all;
}

void pwf_pending_end(pwf_pending *pending)
{
    PWF_ASSERT(pending->open);
    pending->open = false;
    const double since = pwf_mesh_wait("gather");
    PWF_MPI(MPI_Waitall(pwf_mesh_count(pending->used), pending->requests, MPI_STATUSES_IGNORE));
    pwf_mesh_met(pending->mesh, since);
}

void pwf_pending_free(pwf_pending *pending)
{
    if (pending == NULL) return;
    PWF_ASSERT(!pending->open);
    pwf_mem_free(pending->offset);
    pwf_mem_free(pending->counts);
    pwf_mem_free(pending->starts);
    pwf_mem_free(pending->requests);
    pwf_mem_free(pending);
}
