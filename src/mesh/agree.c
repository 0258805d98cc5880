/* SPDX-License-Identifier: BSD-3-Clause */
/* Agreement: gives all ranks the worst status and the largest of some integers, or checks that
 * bytes are the same on all ranks. Called by all code that communicates, between a local step that
 * can fail and the next collective step. Communicates over the world; the only state is a
 * table of source file names, whose entries outlive the call. */
#include "mesh_private.h"

#include "pwf/core/fault.h"
#include "pwf/core/hash.h"
#include "pwf/core/watch.h"

#include <string.h>

enum { NAMES = 64, NAME = 96 };

/* A status points to the name of its source file, and a pointer of another rank is meaningless
 * here. Received names are kept until the process ends: at most one per source file. No lock: only
 * the MPI thread calls this. */
static const char *keep_name(const char *name)
{
    static char names[NAMES][NAME];
    static int used;
    for (int i = 0; i < used; i++)
        if (strcmp(names[i], name) == 0) return names[i];
    if (used == NAMES) return "remote";
    memcpy(names[used], name, strlen(name) + 1);
    return names[used++];
}

/* The part of the agreed status that is sent to the other ranks. */
typedef struct verdict {
    int line;
    char file[NAME];
    char text[PWF_STATUS_TEXT];
} verdict;

/* MPI_2INT for MPI_MAXLOC, which takes the lowest rank if values are equal. */
typedef struct claim {
    int value, rank;
} claim;

/* `mesh` is NULL before the mesh exists; nothing is counted then. */
static pwf_status agree(MPI_Comm comm, const pwf_mesh *mesh, pwf_status local, int *most, int count)
{
    int rank = 0;
    claim claims[1 + PWF_MOST];
    PWF_ASSERT(count >= 0 && count <= PWF_MOST);
    PWF_MPI(MPI_Comm_rank(comm, &rank));
    claims[0] = (claim){(int)local.code, rank};
    for (int i = 0; i < count; i++)
        claims[1 + i] = (claim){most[i], rank};
    if (PWF_FAULT_VALUE("mesh.agree", "skip")) return local;
    if (mesh) pwf_mesh_count_sum(mesh, PWF_WORLD, 1 + count);
    const double since = pwf_mesh_wait("reduction");
    PWF_MPI(MPI_Allreduce(MPI_IN_PLACE, claims, 1 + count, MPI_2INT, MPI_MAXLOC, comm));
    if (mesh)
        pwf_mesh_met(mesh, since);
    else
        pwf_watch_met();
    const claim worst = claims[0];
    for (int i = 0; i < count; i++)
        most[i] = claims[1 + i].value;
    if (worst.value == PWF_OK) return local;

    verdict m;
    memset(&m, 0, sizeof m);
    if (rank == worst.rank) {
        m.line = local.line;
        strncpy(m.file, local.file, NAME - 1);
        memcpy(m.text, local.text, strlen(local.text) + 1);
    }
    /* Only after a failure: the text of the failing rank. */
    PWF_MPI(MPI_Bcast(&m, (int)sizeof m, MPI_BYTE, worst.rank, comm));
    if (rank == worst.rank) return local;
    pwf_status s = {.code = (pwf_code)worst.value, .line = m.line, .file = keep_name(m.file)};
    memcpy(s.text, m.text, sizeof s.text);
    return s;
}

pwf_status pwf_mesh_agree_on(MPI_Comm comm, pwf_status local)
{
    return agree(comm, NULL, local, NULL, 0);
}

pwf_status pwf_mesh_agree_most(const pwf_mesh *mesh, pwf_status local, int *most, int count)
{
    return agree(mesh->comm[PWF_WORLD], mesh, local, most, count);
}

pwf_status pwf_mesh_agree(const pwf_mesh *mesh, pwf_status local)
{
    return agree(mesh->comm[PWF_WORLD], mesh, local, NULL, 0);
}

pwf_status pwf_mesh_same(const pwf_mesh *mesh, const void *bytes, size_t count, const char *what)
{
    const MPI_Comm comm = mesh->comm[PWF_WORLD];
    const pwf_hash hash = pwf_hash_bytes(bytes, count);
    const uint64_t mine[3] = {hash.lo, hash.hi, (uint64_t)count};
    /* All ranks agree if the maximum equals the minimum; max(~x) = ~min(x) finds both at once. */
    uint64_t most[6];
    for (int i = 0; i < 3; i++) {
        most[i] = mine[i];
        most[i + 3] = ~mine[i];
    }
    pwf_mesh_count_sum(mesh, PWF_WORLD, 6);
    const double since = pwf_mesh_wait("comparison");
    PWF_MPI(MPI_Allreduce(MPI_IN_PLACE, most, 6, MPI_UINT64_T, MPI_MAX, comm));
    pwf_mesh_met(mesh, since);
    if (most[0] == ~most[3] && most[1] == ~most[4] && most[2] == ~most[5]) return pwf_ok();

    uint64_t first[3] = {mine[0], mine[1], mine[2]};
    PWF_MPI(MPI_Bcast(first, 3, MPI_UINT64_T, 0, comm));
    const int size = mesh->size[PWF_WORLD];
    int other = memcmp(first, mine, sizeof mine) != 0 ? mesh->rank[PWF_WORLD] : size;
    PWF_MPI(MPI_Allreduce(MPI_IN_PLACE, &other, 1, MPI_INT, MPI_MIN, comm));
    return PWF_FAIL(PWF_BUG,
                    "rank %d has a different %s from rank 0: all ranks must run the same program "
                    "with the same settings and files",
                    other, what);
}
