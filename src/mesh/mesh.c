/* SPDX-License-Identifier: BSD-3-Clause */
/* Creates and frees the mesh: the communicators of the world, of shard groups and of replica
 * groups, with the error handler that ends the process. Called by main programs once per run.
 * Communicates; keeps no state outside the mesh. */
#include "mesh_private.h"

#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/watch.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fails with the divisors of `size` as the choices. */
static pwf_status check_shards(int shards, int size)
{
    if (shards >= 1 && size % shards == 0) return pwf_ok();
    char choices[160] = "1"; /* every number is divisible by 1; truncated if the list is long */
    size_t used = 1;
    for (int d = 2; d <= size; d++) {
        if (size % d != 0) continue;
        const int n = snprintf(choices + used, sizeof choices - used, ", %d", d);
        if (n < 0 || (size_t)n >= sizeof choices - used) {
            choices[used] = '\0';
            break;
        }
        used += (size_t)n;
    }
    return PWF_FAIL(PWF_CONFIG,
                    "parallel.shards = %d: must divide the number of ranks, %d; set it to one of "
                    "%s, or start a different number of ranks",
                    shards, size, choices);
}

/* Ranks with the same `color` form a group, ordered by `key`. */
static void split(pwf_mesh *mesh, pwf_axis axis, int color, int key)
{
    PWF_MPI(MPI_Comm_split(mesh->comm[PWF_WORLD], color, key, &mesh->comm[axis]));
    PWF_MPI(MPI_Comm_rank(mesh->comm[axis], &mesh->rank[axis]));
    PWF_MPI(MPI_Comm_size(mesh->comm[axis], &mesh->size[axis]));
}

/* Reports an MPI error through our log, because output that mpirun forwards may be lost when a rank
 * dies. Ends this process; mpirun or srun then ends the other ranks, as after exit code 79. */
static void fail(MPI_Comm *comm, int *code, ...)
{
    (void)comm;
    char what[MPI_MAX_ERROR_STRING] = "", place[160];
    int length = 0;
    MPI_Error_string(*code, what, &length);
    pwf_log_place(place);
    pwf_log(PWF_LOG_ERROR, "MPI",
            "%s: %s: the network failed, or the ranks called different collectives; resume with "
            "--resume auto",
            place, what);
    _exit(PWF_BUG);
}

/* Communicators derived from `comm` inherit the handler. */
static void handle_errors(MPI_Comm comm)
{
    MPI_Errhandler handler;
    PWF_MPI(MPI_Comm_create_errhandler(fail, &handler));
    PWF_MPI(MPI_Comm_set_errhandler(comm, handler));
    PWF_MPI(MPI_Errhandler_free(&handler));
}

/* The memory of a mesh of `size` ranks. On failure *out may be partly allocated; the caller frees
 * it. */
static pwf_status allocate(int size, pwf_mesh **out)
{
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof **out, out));
    pwf_mesh *mesh = *out;
    /* So that pwf_mesh_free can free a mesh that is only partly built. */
    for (int a = 0; a < PWF_AXES; a++)
        mesh->comm[a] = MPI_COMM_NULL;
    mesh->summands = MPI_COMM_NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size, sizeof *mesh->counts, &mesh->counts));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size, sizeof *mesh->starts, &mesh->starts));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, size + 1, sizeof *mesh->parts, &mesh->parts));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *mesh->traffic, &mesh->traffic));
    return pwf_mem_alloc(PWF_MEM_BUFFERS, PWF_SCRATCH, sizeof *mesh->scratch, &mesh->scratch);
}

pwf_status pwf_mesh_new_on(MPI_Comm comm, int shards, pwf_mesh **out)
{
    *out = NULL;
    int rank = 0, size = 0;
    PWF_MPI(MPI_Comm_rank(comm, &rank));
    PWF_MPI(MPI_Comm_size(comm, &size));
    pwf_status status = check_shards(shards, size);
    pwf_mesh *mesh = NULL;
    if (status.code == PWF_OK) status = allocate(size, &mesh);
    status = pwf_mesh_agree_on(comm, status);
    if (status.code != PWF_OK) {
        pwf_mesh_free(mesh);
        return status;
    }
    pwf_watch_wait("communicator creation");
    PWF_MPI(MPI_Comm_dup(comm, &mesh->comm[PWF_WORLD]));
    handle_errors(mesh->comm[PWF_WORLD]);
    PWF_MPI(MPI_Comm_dup(mesh->comm[PWF_WORLD], &mesh->summands));
    pwf_watch_met();
    mesh->rank[PWF_WORLD] = rank;
    mesh->size[PWF_WORLD] = size;
    /* Checked before the split: different values would create groups that do not match. */
    status = pwf_mesh_same(mesh, &shards, sizeof shards, "number of shards");
    if (status.code != PWF_OK) {
        pwf_mesh_free(mesh);
        return status;
    }
    pwf_watch_wait("communicator creation");
    split(mesh, PWF_SHARD, rank / shards, rank);
    split(mesh, PWF_REPLICA, rank % shards, rank);
    pwf_watch_met();
    *out = mesh;
    return pwf_ok();
}

pwf_status pwf_mesh_new(int shards, pwf_mesh **out)
{
    return pwf_mesh_new_on(MPI_COMM_WORLD, shards, out);
}

void pwf_mesh_free(pwf_mesh *mesh)
{
    if (mesh == NULL) return;
    for (int a = 0; a < PWF_AXES; a++)
        if (mesh->comm[a] != MPI_COMM_NULL) PWF_MPI(MPI_Comm_free(&mesh->comm[a]));
    if (mesh->summands != MPI_COMM_NULL) PWF_MPI(MPI_Comm_free(&mesh->summands));
    pwf_mem_free(mesh->counts);
    pwf_mem_free(mesh->starts);
    pwf_mem_free(mesh->parts);
    pwf_mem_free(mesh->scratch);
    pwf_mem_free(mesh->traffic);
    pwf_mem_free(mesh);
}

int pwf_mesh_node_ranks(const pwf_mesh *mesh)
{
    MPI_Comm node; /* the ranks that share memory with this one */
    int here = 0;
    PWF_MPI(
        MPI_Comm_split_type(mesh->comm[PWF_WORLD], MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
    PWF_MPI(MPI_Comm_size(node, &here));
    PWF_MPI(MPI_Comm_free(&node));
    int64_t most = here;
    pwf_mesh_max_i64(mesh, PWF_WORLD, &most, 1);
    return (int)most;
}

const char *pwf_mesh_library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    PWF_MPI(MPI_Get_library_version(text, &length));
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

const char *pwf_mesh_library_built(void)
{
#ifdef OMPI_MAJOR_VERSION
    static char text[40];
    snprintf(text, sizeof text, "%d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION,
             OMPI_RELEASE_VERSION);
    return text;
#else
    return "";
#endif
}
