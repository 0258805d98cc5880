/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_RUNDIR_RETENTION_H
#define PWF_RUNDIR_RETENTION_H

#include "pwf/core/file.h"

#include <stdbool.h>

/** The checkpoints of a run directory: ckpt-STEP.h5 and round-ROUND.h5. The caller supplies the
 * functions that read such a file. */

typedef struct pwf_retention_reader {
    /* Reads the step of a checkpoint from its first block. Fails with PWF_RESOURCE if that says
     * nothing about the file, else with the reason why the file is bad. */
    pwf_status (*step)(const char *path, int64_t *step);
    pwf_status (*verify)(const char *path); /* the whole file */
} pwf_retention_reader;

/* Which checkpoints are kept. */
typedef struct pwf_retention {
    int64_t step;  /* step of the run; checkpoints of later steps belong to another attempt and are
                      kept */
    int64_t keep;  /* number of newest checkpoints, >= 2 */
    int64_t every; /* also the first one at or after each multiple of this many steps; 0: none */
} pwf_retention;

/** Calls `visit` with the name of every ckpt-*.h5, round-*.h5 and model.h5 of a directory, in the
 * order of their names.
 * Local. Fails with PWF_MISSING, PWF_DENIED, PWF_IO or PWF_RESOURCE if the directory cannot be
 * listed, and with PWF_MISSING if it has none. */
pwf_status pwf_retention_visit(const char *dir, void (*visit)(void *context, const char *path),
                               void *context);

/** Finds the newest checkpoint of DIR that verifies; each bad one is a warning with its reason.
 * `path` (PWF_PATH bytes) gets its name, or "" if there is none; *found tells whether DIR has any.
 * Local. Fails with PWF_DATA if there are some but none is good, with PWF_RESOURCE, or if DIR
 * cannot be listed. */
pwf_status pwf_retention_find(const char *dir, const pwf_retention_reader *reader, char *path,
                              bool *found);

/** Removes partial files and the checkpoints that are not kept.
 * Local; any thread. Never fails: a file that cannot be removed is a warning. */
void pwf_retention_prune(const char *dir, const pwf_retention_reader *reader, pwf_retention stay);

/** Gives a checkpoint the second name round-ROUND.h5 in its directory: a hard link, or a verified
 * copy where links do not work.
 * Local. Fails with PWF_IO, or as `verify` of the copy. */
pwf_status pwf_retention_keep_round(const char *path, int64_t round,
                                    const pwf_retention_reader *reader);

#endif
