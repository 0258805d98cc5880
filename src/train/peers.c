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

/* Processes of other hosts are passed as 0: only those of this host can be examined. */
pwf_status pwf_train_watch(const pwf_mesh *mesh)
{
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    process *all = NULL;
    pid_t *pids = NULL;
    pwf_status status = pwf_mem_alloc(PWF_MEM_BUFFERS, ranks, sizeof *all, &all);
    if (status.code == PWF_OK) status = pwf_mem_alloc(PWF_MEM_BUFFERS, ranks, sizeof *pids, &pids);
    status = pwf_mesh_agree(mesh, status);
    if (status.code == PWF_OK) {
        process *mine = &all[pwf_mesh_rank(mesh, PWF_WORLD)];
        mine->pid = (int64_t)getpid();
        pwf_host_name(mine->host);
        pwf_mesh_gather_items(mesh, PWF_WORLD, all, sizeof *all);
        for (int r = 0; r < ranks; r++)
            pids[r] = strcmp(all[r].host, mine->host) == 0 ? (pid_t)all[r].pid : 0;
        status = pwf_mesh_agree(mesh, pwf_watch_peers(pids, ranks));
    }
    pwf_mem_free(all);
    pwf_mem_free(pids);
    return status;
}
