/* SPDX-License-Identifier: BSD-3-Clause */
/* The commit protocol of checkpoints and final models: a file gets its name only when all of it is
 * on disk and has been read back. Called by the trainer and by pwf import through ckpt.h, and step
 * by step by the background writer. Writes to the given directory; uses MPI and, for the layout,
 * HDF5. */
#define _GNU_SOURCE /* fallocate, memfd_create */
#include "commit.h"
#include "fields.h"
#include "hashes.h"
#include "layout.h"

#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/mesh/mesh_mpi.h"
#include "pwf/rundir/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The commit protocol is the list `steps` below; docs/explanation/checkpoints.md has one row for
 * each. The ranks agree on a status after each step, except between steps that run in a thread. */

struct pwf_commit {
    const pwf_mesh *mesh;
    pwf_facts facts;
    const pwf_registry *registry;
    const pwf_state *state; /* used until the layout; by mpiio, until the data is written */
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX]; /* the state's, or a copy */
    pwf_range own, own_posterior;
    char dir[PWF_PATH], partial[PWF_PATH], path[PWF_PATH];
    const char *name; /* last part of `path` */
    size_t next;      /* step */
    mode_t mode;      /* of the file */
    bool first;       /* world rank 0: makes and renames the file */
    bool writer;      /* in the replica that writes */
    bool mpiio;       /* the writer in use */
    bool created;     /* on rank 0: there is a partial file to remove */
    pwf_file file;  /* the partial file; its descriptor is open before the first byte is written, so
                       that no write error escapes its fsync */
    pwf_file fresh; /* on rank 0: the partial file as read back from disk */
    int memory;     /* on rank 0: layout and tables in memory, without arrays and first block */
    hid_t parallel; /* open on this rank, or -1 */
    bool open;      /* on all writers, and no close has been tried */
    pwf_hashes hashes;
};

/* The umask is read here, on the training thread, since changing it concerns the whole process. */
static pwf_status begin(pwf_commit *c)
{
    c->mode = pwf_output_mode();
    return pwf_ok();
}

/* ---- create: free space and partial file ---- */

/* Compares the size with the free space and the file size limit. */
static pwf_status check_room(const pwf_commit *c)
{
    const pwf_header *h = &c->file.header;
    /* a MiB for tables and metadata, then the arrays and the padding of each dataset */
    double need = 0x1p20;
    for (int64_t i = 0; i < h->arrays; i++)
        need += (double)h->array[i].elements * h->array[i].size;
    need += (double)h->extent_rows * (PWF_FIRST_BLOCK + 512);
    struct rlimit limit;
    PWF_FAIL_IF(getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
                    (double)limit.rlim_cur < need,
                PWF_IO,
                "the file needs up to %.1f MiB, but the file size limit of this process is "
                "%.1f MiB: raise ulimit -f",
                need * 0x1p-20, (double)limit.rlim_cur * 0x1p-20);
    struct statvfs v;
    if (statvfs(c->dir, &v) != 0) return pwf_ok(); /* unknown on some file systems */
    const double room = (double)v.f_bavail * (double)v.f_frsize;
    if (room >= 1.1 * need) return pwf_ok();
    return PWF_FAIL(PWF_IO,
                    "no room in %s: the file needs %.1f MiB, including a reserve of a "
                    "tenth, and %.1f MiB are free; free some space or lower checkpoint.keep",
                    c->dir, 1.1 * need * 0x1p-20, room * 0x1p-20);
}

/* A number of the scheduler for the name of the partial file; only its digits. */
static void job_digits(const char *variable, char text[21])
{
    const char *value = getenv(variable);
    const int digits = value ? (int)strspn(value, "0123456789") : 0;
    snprintf(text, 21, "%.*s", digits > 0 ? digits : 1, digits > 0 ? value : "0");
}

/* The name of the partial file contains job, restart count and a random number, so that attempts do
 * not collide. */
static pwf_status create(pwf_commit *c)
{
    PWF_TRY(pwf_path_check_folder(c->dir));
    PWF_TRY(check_room(c));
    char job[21], restart[21], attempt[48];
    job_digits("SLURM_JOB_ID", job);
    job_digits("SLURM_RESTART_COUNT", restart);
    snprintf(attempt, sizeof attempt, "%s.%s.", job, restart);
    PWF_TRY(pwf_output_create(c->dir, c->name, attempt, c->partial, &c->file.fd));
    c->created = true;
    return pwf_ok();
}

/* ---- lay_out ---- */

/* Sets the length of the partial file and reserves its space, so that a full disk fails here and
 * not in the middle of the data. */
static pwf_status reserve(const pwf_commit *c)
{
    const off_t bytes = (off_t)c->file.header.bytes;
    int e;
    do
        e = fallocate(c->file.fd, 0, 0, bytes) == 0 ? 0 : errno;
    while (e == EINTR);
    /* the file system cannot reserve space: only the length is set */
    if (e == EOPNOTSUPP || e == ENOSYS) {
        static bool said;
        if (!said)
            PWF_INFO("CKPT_NOT_RESERVED", "the file system of %s does not reserve space", c->dir);
        said = true;
        e = ftruncate(c->file.fd, bytes) == 0 ? 0 : errno;
    }
    if (e == 0) return pwf_ok();
    return PWF_FAIL(PWF_IO,
                    "cannot reserve %.1f MiB for %s: %s; free some space or lower checkpoint.keep",
                    (double)bytes * 0x1p-20, c->path, strerror(e));
}

/* libhdf5 lays the file out in memory; plain writes bring the bytes to the disk. */
static pwf_status lay_out(pwf_commit *c)
{
    char name[PWF_MEMORY_NAME];
    PWF_TRY(pwf_output_memory(&c->memory, name));
    const pwf_layout layout = {c->state, &c->facts, &c->file, name};
    PWF_TRY(pwf_layout_make(&layout));
    struct stat info;
    if (fstat(c->memory, &info) != 0)
        return PWF_FAIL_ERRNO(PWF_FILE_STATE, "stat the layout of", c->partial);
    c->file.header.bytes = (uint64_t)info.st_size;
    PWF_TRY(reserve(c));
    return pwf_output_copy(c->memory, "the layout", c->file.fd, c->partial);
}

/* Broadcasts what rank 0 has laid out. */
static void share(pwf_commit *c)
{
    const size_t extents = (size_t)c->file.header.extent_rows * sizeof(pwf_extent);
    pwf_mesh_broadcast(c->mesh, PWF_WORLD, 0, c->partial, sizeof c->partial);
    pwf_mesh_broadcast(c->mesh, PWF_WORLD, 0, &c->file.header, sizeof c->file.header);
    pwf_mesh_broadcast(c->mesh, PWF_WORLD, 0, c->file.extents, extents);
}

/* ---- open_all to gather_hashes: the arrays ---- */

/* The collective open comes first: the other ranks wait in it, whatever the local open returns. */
static pwf_status open_all(pwf_commit *c)
{
    share(c);
    if (!c->writer) return pwf_ok();
    if (c->mpiio)
        PWF_TRY(pwf_h5_open_parallel(pwf_mesh_comm(c->mesh, PWF_SHARD), c->partial, &c->parallel));
    if (!c->first) c->file.fd = open(c->partial, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (c->file.fd < 0) return PWF_FAIL_ERRNO(PWF_FILE_STATE, "open", c->partial);
    return pwf_ok();
}

/* Index in the state of array `i` of the file. */
static int state_index(const pwf_commit *c, int64_t i)
{
    int a = 0;
    while (strcmp(c->arrays[a].name, c->file.header.array[i].name) != 0)
        a++;
    return a;
}

/* Runs only in the replica that writes: the background threads of the others have no copy to read.
 */
static pwf_status hash_own(pwf_commit *c)
{
    pwf_hashes_own(&c->hashes, c->arrays, c->own, c->own_posterior);
    return pwf_ok();
}

/* The writer `pwrite` makes only local calls, so it cannot wait for another rank. */
static pwf_status write_own(const pwf_commit *c)
{
    for (int i = 0; i < (int)c->file.header.arrays; i++) {
        const pwf_state_array *array = &c->arrays[state_index(c, i)];
        const pwf_range own = array->posterior ? c->own_posterior : c->own;
        PWF_TRY(pwf_file_write(&c->file, i, own.lo, own.hi, array->data));
    }
    return pwf_ok();
}

/* After open_all all writers have the file open, which give_up must know. */
static pwf_status write_data(pwf_commit *c)
{
    c->open = true; /* all writers have agreed on open_all */
    /* the writer `mpiio` writes whole datasets through HDF5 */
    if (!c->mpiio) return write_own(c);
    return pwf_mpiio_write(c->parallel, &c->file, c->state);
}

/* On a broken disk, closing a parallel file hangs while libhdf5 writes its metadata, which has been
 * in the file on disk since the layout. So before closing, the descriptors that MPI-IO holds are
 * redirected to a file in memory. The data has been passed to the system by then and is read back
 * later. */
static void divert(const pwf_commit *c)
{
    struct stat part, other;
    const int sink = memfd_create("pwf-checkpoint-closing", MFD_CLOEXEC);
    DIR *d = opendir("/proc/self/fd");
    if (sink >= 0 && d && c->file.fd >= 0 && fstat(c->file.fd, &part) == 0 &&
        ftruncate(sink, part.st_size) == 0)
        for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
            const int fd = atoi(e->d_name);
            if (e->d_name[0] != '.' && fd != c->file.fd && fd != sink && fstat(fd, &other) == 0 &&
                other.st_dev == part.st_dev && other.st_ino == part.st_ino)
                dup2(sink, fd);
        }
    if (d) closedir(d);
    if (sink >= 0) close(sink);
}

/* Closing the parallel writer is collective and comes after the diversion. */
static pwf_status close_all(pwf_commit *c)
{
    c->open = false;
    if (!c->mpiio) return pwf_ok();
    divert(c);
    PWF_TRY(pwf_h5_close_parallel(c->parallel, c->partial));
    c->parallel = -1;
    return pwf_ok();
}

/* A failed fsync is final: the system may have dropped the dirty pages. */
static pwf_status sync_all(pwf_commit *c)
{
    return pwf_file_sync(c->file.fd, c->partial);
}

/* A difference found here is a failure of the storage. */
static pwf_status not_written(pwf_status s)
{
    if (s.code == PWF_OK) return s;
    return PWF_FAIL(s.code == PWF_RESOURCE ? PWF_RESOURCE : PWF_IO,
                    "reading back what was written failed: %s", s.text);
}

/* Drops the file from the page cache first, so that the blocks come from the disk. */
static pwf_status read_back(pwf_commit *c)
{
    const pwf_header *h = &c->file.header;
    posix_fadvise(c->file.fd, 0, 0, POSIX_FADV_DONTNEED);
    for (int i = 0; i < (int)h->arrays; i++) {
        const pwf_range own = h->array[i].posterior ? c->own_posterior : c->own;
        const int64_t lo = own.lo / PWF_BLOCK, blocks = pwf_block_count(pwf_range_length(own));
        const pwf_hash *hash = c->hashes.hash + c->hashes.first[state_index(c, i)] + lo;
        if (blocks > 0) PWF_TRY(not_written(pwf_file_check(&c->file, i, lo, lo + blocks, hash)));
    }
    return pwf_ok();
}

/* Rank 0 needs the hashes of all shards for the tables. */
static pwf_status gather_hashes(pwf_commit *c)
{
    pwf_hashes_gather(c->mesh, &c->hashes);
    return pwf_ok();
}

/* ---- write_tables to check_layout: tables and first block ---- */

/* Writes a table to the file in memory, which is hashed, and to the disk. */
static pwf_status write_table(const pwf_commit *c, const void *table, size_t bytes, uint64_t offset)
{
    PWF_TRY(pwf_file_pwrite(c->memory, "the layout", table, bytes, offset));
    return pwf_file_pwrite(c->file.fd, c->partial, table, bytes, offset);
}

/* Hashes and extents; names and the rest were written with the layout. */
static pwf_status write_tables(pwf_commit *c)
{
    const pwf_header *h = &c->file.header;
    for (int64_t i = 0; i < h->arrays; i++) {
        const int64_t first = c->hashes.first[state_index(c, i)];
        PWF_TRY(write_table(c, c->hashes.hash + first,
                            (size_t)h->array[i].blocks * sizeof(pwf_hash), h->array[i].hashes));
    }
    PWF_TRY(
        write_table(c, c->file.extents, (size_t)h->extent_rows * sizeof(pwf_extent), h->extents));
    return pwf_file_sync(c->file.fd, c->partial);
}

/* Until now the file is readable only by its owner. */
static pwf_status set_mode(pwf_commit *c)
{
    return pwf_output_set_mode(c->file.fd, c->partial, c->mode);
}

/* The root hash is computed from the bytes in memory, so `check` detects a disk that silently lost
 * some of them. Until the first block is written, the file has no magic number. */
static pwf_status write_header(pwf_commit *c)
{
    pwf_header *h = &c->file.header;
    struct stat info;
    /* nobody else should write here, so a changed length is a failure */
    PWF_FAIL_IF(fstat(c->file.fd, &info) != 0 || (uint64_t)info.st_size != h->bytes, PWF_IO,
                "%s changed its length during the commit", c->partial);
    /* the same tables over the file in memory */
    pwf_file memory = c->file;
    memory.fd = c->memory;
    PWF_TRY(pwf_file_root(&memory, -1, &h->root));
    pwf_file_seal(h);
    PWF_TRY(pwf_file_pwrite(c->file.fd, c->partial, h, sizeof *h, 0));
    return pwf_file_sync(c->file.fd, c->partial);
}

/* Reads with a new descriptor from the disk, as any reader would. The arrays have been read back by
 * their owners. */
static pwf_status check(pwf_commit *c)
{
    posix_fadvise(c->file.fd, 0, 0, POSIX_FADV_DONTNEED);
    return not_written(pwf_file_open(c->partial, &c->fresh));
}

/* The last check: libhdf5 sees what the tables promise. */
static pwf_status check_layout(pwf_commit *c)
{
    hid_t open = -1;
    const pwf_status s = pwf_layout_open(&c->fresh, c->registry, &open);
    if (open >= 0) H5Fclose(open);
    return not_written(s);
}

/* ---- give_name and sync_dir ---- */

/* From here on the checkpoint exists. */
static pwf_status give_name(pwf_commit *c)
{
    PWF_TRY(pwf_output_rename(c->partial, c->path, PWF_IO));
    c->created = false;
    return pwf_ok();
}

/* Makes the new name durable. */
static pwf_status sync_dir(pwf_commit *c)
{
    return pwf_path_sync_folder(c->dir);
}

/* Ranks that run a step; for the others it succeeds. */
typedef enum step_ranks { ALL, WRITERS, FIRST } step_ranks;

/* A HERE step may call MPI or HDF5 and runs on the training thread. An ASIDE or MEET step may
 * run in a thread, unless checkpoint.writer is mpiio, which calls both in ASIDE steps. After a MEET
 * step all ranks must have succeeded before the next step begins; after an ASIDE step they need not
 * agree. */
typedef enum step_place { HERE, ASIDE, MEET } step_place;

typedef struct commit_step {
    pwf_status (*run)(pwf_commit *);
    step_ranks ranks;
    step_place place;
    const char *point; /* fault point after the step, on all ranks, or NULL */
} commit_step;

static const commit_step steps[] = {
    {begin, ALL, HERE, "ckpt.before_create"},          /* mode of the new file */
    {create, FIRST, HERE, "ckpt.after_create"},        /* directory, space, partial file */
    {lay_out, FIRST, HERE, "ckpt.after_layout"},       /* groups and datasets, by libhdf5 */
    {open_all, ALL, HERE, "ckpt.after_open"},          /* writers: the partial file */
    {hash_own, WRITERS, ASIDE, NULL},                  /* hashes of the blocks in memory */
    {write_data, WRITERS, ASIDE, "ckpt.after_data"},   /* own range of each array */
    {close_all, WRITERS, ASIDE, "ckpt.after_close"},   /* the data writer */
    {sync_all, WRITERS, MEET, "ckpt.after_fsync"},     /* fsync */
    {read_back, WRITERS, MEET, "ckpt.after_readback"}, /* blocks from disk against the hashes */
    {gather_hashes, ALL, HERE, NULL},                  /* hashes to rank 0 */
    {write_tables, FIRST, ASIDE, "ckpt.after_hashes"}, /* hashes and extents, fsync */
    {set_mode, FIRST, ASIDE, NULL},                    /* mode of a new file */
    {write_header, FIRST, ASIDE, "ckpt.after_header"}, /* root hash, first block, fsync */
    {check, FIRST, MEET, "ckpt.after_check"},          /* first block and tables again */
    {check_layout, FIRST, HERE, "ckpt.before_rename"}, /* names and shapes, by libhdf5 */
    {give_name, FIRST, ASIDE, "ckpt.after_rename"},    /* rename */
    {sync_dir, FIRST, MEET, "ckpt.after_dirsync"},     /* fsync of the directory */
};
static const size_t step_count = sizeof steps / sizeof steps[0];

/* ---- running them ---- */

/* The next step and its fault point. */
static pwf_status run_step(pwf_commit *c)
{
    const commit_step *step = &steps[c->next++];
    const bool runs = step->ranks == ALL || (step->ranks == WRITERS ? c->writer : c->first);
    if (runs) PWF_TRY(step->run(c));
    return step->point ? PWF_FAULT_POINT(step->point) : pwf_ok();
}

const char *pwf_commit_done(const pwf_commit *c)
{
    return c->next == step_count ? c->path : NULL;
}

pwf_status pwf_commit_together(pwf_commit *c, bool all)
{
    while (!pwf_commit_done(c) && (all || steps[c->next].place == HERE))
        PWF_TRY(pwf_mesh_agree(c->mesh, run_step(c)));
    return pwf_ok();
}

pwf_status pwf_commit_aside(pwf_commit *c, bool *more)
{
    PWF_ASSERT(!c->mpiio && steps[c->next].place != HERE);
    const bool last = steps[c->next].place == MEET;
    const pwf_status s = run_step(c);
    *more = s.code == PWF_OK && !last;
    return s;
}

size_t pwf_commit_copy_bytes(const pwf_mesh *mesh, const pwf_state *state)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    size_t bytes = 0;
    if (pwf_mesh_rank(mesh, PWF_REPLICA) != 0) return 0;
    for (int a = pwf_state_arrays(state, arrays) - 1; a >= 0; a--) {
        const pwf_range own = arrays[a].posterior ? state->own_posterior : state->own;
        bytes += (size_t)pwf_range_length(own) * arrays[a].size;
    }
    return bytes;
}

void pwf_commit_copy(pwf_commit *c, char *copy)
{
    for (int a = 0; c->writer && a < c->hashes.arrays; a++) {
        const pwf_range own = c->arrays[a].posterior ? c->own_posterior : c->own;
        const size_t bytes = (size_t)pwf_range_length(own) * c->arrays[a].size;
        if (bytes > 0) memcpy(copy, c->arrays[a].data, bytes);
        c->arrays[a].data = copy;
        copy += bytes;
    }
}

/* ---- after a failure ---- */

/* If not all writers have the parallel file open, or if closing it failed, it is left open on
 * purpose. */
static void give_up(pwf_commit *c)
{
    if (c->parallel >= 0) divert(c);
    if (c->parallel >= 0 && c->open) pwf_h5_close_parallel(c->parallel, c->partial);
    if (c->created) unlink(c->partial);
}

void pwf_commit_end(pwf_commit *c, const pwf_status *status)
{
    if (!c) return;
    if (status->code != PWF_OK) give_up(c);
    pwf_hashes_free(&c->hashes);
    pwf_file_close(&c->file);
    pwf_file_close(&c->fresh);
    if (c->memory >= 0) close(c->memory);
    pwf_mem_free(c);
}

/* ---- planning ---- */

/* Sizes, names and paths of the file to write. */
static pwf_status plan(pwf_commit *c, const char *dir, const char *name, uint32_t kind)
{
    PWF_TRY(pwf_hashes_new(c->mesh, c->state, &c->hashes));
    PWF_TRY(pwf_layout_plan(c->state, &c->facts, kind, &c->file));
    const int n = snprintf(c->path, sizeof c->path, "%s/%s", dir, name);
    PWF_FAIL_IF(n >= (int)sizeof c->path, PWF_CANTCREATE,
                "the name of the directory %.200s... is too long", dir);
    snprintf(c->dir, sizeof c->dir, "%s", dir);
    c->name = c->path + strlen(dir) + 1;
    return pwf_ok();
}

pwf_status pwf_commit_new(const pwf_mesh *mesh, const char *dir, const char *name, uint32_t kind,
                          const pwf_snapshot *snapshot, pwf_commit **out)
{
    pwf_commit *c = NULL;
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *c, &c);
    if (s.code == PWF_OK) {
        c->mesh = mesh;
        c->facts = snapshot->facts;
        /* facts about this file rather than the run */
        pwf_fields_stamp(&c->facts, mesh);
        c->state = snapshot->state;
        c->registry = snapshot->state->registry;
        pwf_state_arrays(snapshot->state, c->arrays);
        c->own = snapshot->state->own;
        c->own_posterior = snapshot->state->own_posterior;
        c->first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
        c->writer = pwf_mesh_rank(mesh, PWF_REPLICA) == 0;
        c->mpiio = snapshot->writer == PWF_CKPT_MPIIO;
        c->memory = -1;
        c->parallel = -1;
        c->file.fd = -1;
        c->fresh.fd = -1;
        c->file.path = c->partial;
        s = plan(c, dir, name, kind);
    }
    s = pwf_mesh_agree(mesh, s);
    if (s.code != PWF_OK) {
        pwf_commit_end(c, &s);
        c = NULL;
    }
    *out = c;
    return s;
}

/* All steps at once. */
static pwf_status run(const pwf_mesh *mesh, const char *dir, const char *name, uint32_t kind,
                      const pwf_snapshot *snapshot, char *path)
{
    pwf_commit *c = NULL;
    PWF_TRY(pwf_commit_new(mesh, dir, name, kind, snapshot, &c));
    const pwf_status s = pwf_commit_together(c, true);
    if (s.code == PWF_OK && path) memcpy(path, c->path, PWF_PATH);
    pwf_commit_end(c, &s);
    return s;
}

pwf_status pwf_ckpt_write(const pwf_mesh *mesh, const char *dir, const pwf_snapshot *snapshot,
                          char *path)
{
    char name[64];
    snprintf(name, sizeof name, PWF_CKPT_NAME, (long long)snapshot->facts.position.step);
    return run(mesh, dir, name, PWF_KIND_CHECKPOINT, snapshot, path);
}

pwf_status pwf_ckpt_write_model(const pwf_mesh *mesh, const char *path,
                                const pwf_snapshot *snapshot)
{
    char dir[PWF_PATH];
    const char *name = NULL;
    PWF_TRY(pwf_mesh_agree(mesh, pwf_path_split(path, dir, &name)));
    return run(mesh, dir, name, PWF_KIND_MODEL, snapshot, NULL);
}
