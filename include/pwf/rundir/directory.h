/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_DIRECTORY_H
#define PWF_RUNDIR_DIRECTORY_H

#include "pwf/core/file.h"
#include "pwf/mesh/mesh.h"

/** The directory of a run, and the file system it is on. */

typedef struct pwf_directory {
    char place[PWF_PATH]; /* the directory, or its nearest existing parent */
    bool exists;
    bool locks;     /* flock works, also between hosts */
    bool in_memory; /* its contents are lost when the host stops */
    char kind[16];  /* "ext4", "nfs", "lustre", ... */
    int64_t free_bytes;
} pwf_directory;

/** Checks whether a directory can be that of a run, without writing to it; it need not exist. Sets
 * `place` and `exists` of `out`.
 * Local. Fails as pwf_directory_look, except that no other job is looked for. */
pwf_status pwf_directory_check(const char *dir, pwf_directory *out);

/** Examines a directory for a run; it need not exist. Creates a file there and removes it.
 * Local. Fails as a run that is started in it: the directory or its nearest existing parent is not
 * a directory, is not writable or is writable by other users (PWF_CANTCREATE, PWF_DENIED), or
 * another job of this host runs in it (PWF_CANTCREATE). */
pwf_status pwf_directory_look(const char *dir, pwf_directory *out);

/** Creates a directory and its missing parents; *made tells whether it was created.
 * Local. Fails as pwf_directory_look. */
pwf_status pwf_directory_make(const char *dir, bool *made);

/** Whether locks in a directory are visible on one host only: Lustre and NFS can be mounted that
 * way.
 * Local. */
bool pwf_directory_locks_stay(const char *dir);

/** Checks that all ranks see the same directory under this name: all open a file of rank 0 there
 * for writing, the lock of the run (`locked`) or a probe. They retry for three seconds, since
 * network file systems show new names late.
 * Collective over the mesh. Fails as pwf_directory_look, or with PWF_CANTCREATE naming rank and
 * host. */
pwf_status pwf_directory_compare(const pwf_mesh *mesh, const char *dir, bool locked);

#endif
