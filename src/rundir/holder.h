/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_HOLDER_H
#define PWF_RUNDIR_HOLDER_H

#include "pwf/core/status.h"

#include <stdbool.h>

/** The line in a lock file about the process that created it. */

enum { PWF_HOLDER = 320 }; /* bytes of the sentence about a holder */

typedef struct pwf_holder {
    char job[41], restart[21], host[65], boot[41], start[25];
    long process;
} pwf_holder;

/** Writes who this process is, as the whole contents of the file.
 * Local. Fails with PWF_IO. */
pwf_status pwf_holder_write(int fd, const char *path);

/** Reads a file; false if it has no such line.
 * Local. */
bool pwf_holder_read(int fd, pwf_holder *by);

/** Whether that process is certainly gone, which is known only for processes of this host.
 * Local. */
bool pwf_holder_is_gone(const pwf_holder *by);

/** Whether that was an earlier start of the Slurm job that this process belongs to.
 * Local. */
bool pwf_holder_is_earlier(const pwf_holder *by);

/** The failure that names the holder of a run directory and the remedies; `file` is the lock file
 * if that itself is the lock, else NULL. Local. */
pwf_status pwf_holder_in_use(const pwf_holder *by, const char *dir, const char *file);

/** "job 881 on n12, process 4711, since 2026-01-02T03:04:05Z".
 * Local. */
void pwf_holder_sentence(const pwf_holder *by, char text[PWF_HOLDER]);

#endif
