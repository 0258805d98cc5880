/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_DIRECTORY_H
#define PWF_RUNDIR_DIRECTORY_H

#include "pwf/core/file.h"
#include "pwf/mesh/mesh.h"

/** The directory of a run, and the file system it is on. */

typedef struct pwf_directory {
    char place[PWF_PATH]; /* the directory; as long as that is not there, the nearest around it */
    bool exists;
    bool locks;     /* flock works, and between hosts */
    bool in_memory; /* what is written ends with the host */
    char kind[16];  /* "ext4", "nfs", "lustre", ... */
    int64_t free_bytes;
} pwf_directory;

/** Looks at a directory that a run would be given; it need not exist. A file is made there and
 * removed again.
 * Local. Fails with the status and sentence of a run that is started in it: it, or the nearest
 * directory around it, is none, is not writable, is open to everybody (PWF_CANTCREATE, PWF_DENIED);
 * or in it runs another job of this host (PWF_CANTCREATE). */
pwf_status pwf_directory_look(const char *dir, pwf_directory *out);

/** Makes a directory and what is missing around it; *made tells whether it was not there.
 * Local. Fails as pwf_directory_look. */
pwf_status pwf_directory_make(const char *dir, bool *made);

/** Whether a lock in a directory counts on one host alone: Lustre and NFS can be mounted so.
 * Local. */
bool pwf_directory_locks_stay(const char *dir);

/** Whether all ranks have the same directory under this name: all look at a file that rank 0 has
 * there, the lock of the run (`locked`) or one for the purpose, and open it for writing. They look
 * again for three seconds, since network file systems show new names late.
 * Collective over the mesh. Fails with PWF_CANTCREATE, naming rank and host. */
pwf_status pwf_directory_compare(const pwf_mesh *mesh, const char *dir, bool locked);

#endif
