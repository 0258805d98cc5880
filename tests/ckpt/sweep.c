/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints on a file system that fails, with shim.c preloaded: many cases in one process. Rank 0
 * prints "case ... RANK N" before each case, then its outcome, and "done" at the end. A hang ends
 * the process with code 79. Called by the fault rows B and C. */

/* WRITER is pwrite, mpiio, or async (pwrite in the background).
 *
 * sweep WRITER call DIR CALL KIND once|ever RANK N   fails call after call, from the N-th of RANK
 *                                                    to the last of the last rank
 * sweep WRITER load DIR CALL KIND once|ever RANK N   the same while a checkpoint is found and read
 * sweep WRITER full DIR MOUNT KIND                   fills the small file system MOUNT that holds
 *                                                    DIR step by step; with kind eopnotsupp it
 *                                                    cannot reserve space
 * sweep WRITER limit DIR RANK KIND                   the same by the file size limit of a rank
 *
 * Outcomes:
 *   good      the checkpoint was written in spite of the failure, and loads
 *   refused   failed on every rank with the right code; no file is left; the previous one loads
 *   named     failed after the file got its name; it is good
 *   old       a load returned the previous checkpoint
 *   SILENT, CODE, LEFT, LOST, HANG   must not happen */
#define _GNU_SOURCE
#include "example.h"
#include "shim.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LIMIT_SECONDS = 20, CALLS_MAX = 1000, STRIDE = 65536 };

static pwf_mesh *mesh;
static example e;
static const char *dir;
static const char *way;
static int rank;
static bool loads; /* the case is a load, not a write */

static void on_alarm(int signal)
{
    (void)signal;
    static const char text[] = " HANG\n";
    if (rank == 0 && write(STDOUT_FILENO, text, sizeof text - 1) < 0) _exit(PWF_BUG);
    _exit(PWF_STUCK);
}

/* Number of files that do not belong in the directory, on rank 0. */
static int leftovers(void)
{
    DIR *d = opendir(dir);
    int n = 0;
    for (const struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d))
        n += f->d_name[0] == '.' && f->d_name[1] != '\0' && f->d_name[1] != '.';
    if (d) closedir(d);
    return d ? n : -1;
}

static const char *judge(pwf_status s)
{
    int64_t step = 0;
    if (example_load(&e, mesh, dir, &step).code != PWF_OK) step = -1;
    int left = leftovers();
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, &left, sizeof left);
    if (s.code == PWF_OK && step != 2) return "SILENT";
    if (s.code == PWF_OK) return left == 0 ? "good" : "LEFT";
    if (step < 1) return "LOST";
    if (s.code != PWF_IO && s.code != PWF_CANTCREATE) return "CODE";
    if (left != 0) return "LEFT";
    return step == 2 ? "named" : "refused";
}

static const char *judge_load(pwf_status s, int64_t step)
{
    if (s.code == PWF_OK) return step == 2 ? "good" : step == 1 ? "old" : "SILENT";
    return s.code == PWF_DATA || s.code == PWF_IO ? "refused" : "CODE";
}

/* Writes step 2, or loads, with the fault on one rank; returns how often it fired. */
static int attempt(const shim_fault *fault, int where, int64_t n)
{
    static char path[PWF_PATH];
    if (rank == 0) {
        printf("case %s %s %s %d %lld", fault->call, fault->kind, fault->ever ? "ever" : "once",
               where, (long long)n);
        fflush(stdout);
    }
    pwf_mesh_barrier(mesh);
    alarm(LIMIT_SECONDS);
    shim_arm(where == rank || where < 0 ? fault : NULL);
    int64_t step = 0;
    const pwf_status s =
        loads ? example_load(&e, mesh, dir, &step) : example_write(&e, mesh, dir, way, 2, path);
    int64_t fired = shim_fired();
    shim_arm(NULL);
    alarm(0);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    pwf_mesh_max_i64(mesh, PWF_WORLD, &fired, 1);
    const char *outcome = loads ? judge_load(s, step) : judge(s);
    if (rank == 0) {
        printf(" %s %s\n", outcome, s.code == PWF_OK ? "" : s.text);
        fflush(stdout);
        snprintf(path, sizeof path, "%s/ckpt-0000000002.h5", dir);
        if (!loads) unlink(path);
    }
    pwf_mesh_barrier(mesh);
    return (int)fired;
}

static void sweep_calls(shim_fault fault, int from_rank, int from)
{
    for (int r = from_rank; r < pwf_mesh_size(mesh, PWF_WORLD); r++) {
        fault.nth = r == from_rank ? from : 1;
        while (fault.nth < CALLS_MAX && attempt(&fault, r, fault.nth) > 0)
            fault.nth++;
    }
}

/* Size of the good checkpoint of step 1 in bytes, rounded up. */
static int64_t good_size(void)
{
    char path[PWF_PATH];
    snprintf(path, sizeof path, "%s/ckpt-0000000001.h5", dir);
    pwf_loaded_info info;
    return pwf_ckpt_inspect(path, true, &info).code == PWF_OK ? info.bytes : 0;
}

static void sweep_full(const char *mount, const shim_fault *fault)
{
    char filler[PWF_PATH];
    snprintf(filler, sizeof filler, "%s/filler", mount);
    for (int64_t room = 0; room < 5 * good_size(); room += STRIDE) {
        pwf_mesh_barrier(mesh);
        struct statvfs v;
        const int fd = rank == 0 ? open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
        if (fd >= 0 && fstatvfs(fd, &v) == 0) {
            const int64_t bytes = (int64_t)(v.f_bavail * v.f_bsize) - room;
            if (bytes > 0 && posix_fallocate(fd, 0, bytes) != 0) abort();
        }
        if (fd >= 0) close(fd);
        attempt(fault, -1, room);
    }
}

static void sweep_limit(int where, const shim_fault *fault)
{
    for (int64_t bytes = 0; bytes < 5 * good_size(); bytes += STRIDE) {
        struct rlimit limit;
        getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = where == rank ? (rlim_t)bytes : limit.rlim_max;
        setrlimit(RLIMIT_FSIZE, &limit);
        attempt(fault, where, bytes);
    }
}

static int run(int argc, char **argv)
{
    static char path[PWF_PATH];
    dir = argv[3];
    e = example_new(mesh);
    way = argv[1];
    if (example_write(&e, mesh, dir, way, 1, path).code != PWF_OK) return PWF_IO;
    shim_fault fault = {.nth = 1};
    snprintf(fault.where, sizeof fault.where, "%s/", dir);
    loads = strcmp(argv[2], "load") == 0;
    if (loads && example_write(&e, mesh, dir, way, 2, path).code != PWF_OK) return PWF_IO;
    if ((loads || strcmp(argv[2], "call") == 0) && argc == 9) {
        snprintf(fault.call, sizeof fault.call, "%s", argv[4]);
        snprintf(fault.kind, sizeof fault.kind, "%s", argv[5]);
        fault.ever = strcmp(argv[6], "ever") == 0;
        sweep_calls(fault, atoi(argv[7]), atoi(argv[8]));
    } else {
        snprintf(fault.call, sizeof fault.call, "%s", "reserve");
        snprintf(fault.kind, sizeof fault.kind, "%s", argv[5]);
        fault.ever = true;
        if (strcmp(argv[2], "full") == 0)
            sweep_full(argv[4], &fault);
        else
            sweep_limit(atoi(argv[4]), &fault);
    }
    if (rank == 0) printf("done\n");
    example_free(&e);
    return 0;
}

int main(int argc, char **argv)
{
    if (pwf_mesh_start(&argc, &argv).code != PWF_OK || argc < 6) return PWF_USAGE;
    signal(SIGALRM, on_alarm);
    signal(SIGXFSZ, SIG_IGN);
    if (pwf_mesh_new(1, &mesh).code != PWF_OK) return PWF_LAUNCH;
    const int ranks = pwf_mesh_size(mesh, PWF_WORLD);
    rank = pwf_mesh_rank(mesh, PWF_WORLD);
    pwf_mesh_free(mesh);
    if (pwf_mesh_new(ranks, &mesh).code != PWF_OK) return PWF_LAUNCH;
    const int code = run(argc, argv);
    pwf_mesh_free(mesh);
    pwf_mesh_stop();
    return code;
}
