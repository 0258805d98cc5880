/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells the watchdog which processes belong to the job, so that it can name one that is stopped.
 * Called once by pwf_dist, before the run. Gathers process ids and host names over MPI; hands the
 * result to the watchdog of the core room. */
#include "pwf/core/machine.h"
#include "pwf/core/mem.h"
#include "pwf/core/watch.h"
#include "pwf/train/train.h"

#include <string.h>
#include <unistd.h>

/* The process of a rank. */
typedef struct process {
    int64_t pid;
    char host[PWF_HOST];
} process;

/* Every rank gets the processes of all. Collective. */
static void gather(const pwf_mesh *mesh, process *processes)
{
    process *mine = &processes[pwf_mesh_rank(mesh, PWF_WORLD)];
    memset(mine, 0, sizeof *mine);
    mine->pid = (int64_t)getpid();
    pwf_host_name(mine->host);
    pwf_mesh_gather_items(mesh, PWF_WORLD, processes, sizeof *processes);
}

/* Ranks of other hosts have process 0. */
static pwf_status set_peers(const pwf_mesh *mesh, const process *processes, pid_t *pids)
{
    const process *mine = &processes[pwf_mesh_rank(mesh, PWF_WORLD)];
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    for (int r = 0; r < ranks; r++)
        pids[r] = strcmp(processes[r].host, mine->host) == 0 ? (pid_t)processes[r].pid : 0;
    return pwf_watch_peers(pids, ranks);
}

pwf_status pwf_train_watch(const pwf_mesh *mesh)
{
    const int64_t ranks = pwf_mesh_size(mesh, PWF_WORLD);
    process *processes = NULL;
    pid_t *pids = NULL;
    pwf_status status = pwf_mem_alloc(PWF_MEM_BUFFERS, ranks, sizeof *processes, &processes);
    if (status.code == PWF_OK) status = pwf_mem_alloc(PWF_MEM_BUFFERS, ranks, sizeof *pids, &pids);
    status = pwf_mesh_agree(mesh, status);
    if (status.code == PWF_OK) {
        gather(mesh, processes);
        status = set_peers(mesh, processes, pids);
        status = pwf_mesh_agree(mesh, status);
    }
    pwf_mem_free(processes);
    pwf_mem_free(pids);
    return status;
}
