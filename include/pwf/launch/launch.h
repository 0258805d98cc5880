/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_LAUNCH_LAUNCH_H
#define PWF_LAUNCH_LAUNCH_H

#include "pwf/config/config.h"
#include "pwf/mesh/mesh.h"

/** Whether a job has been started well: one table of checks (src/launch/checks.c), gone through
 * when a run begins and by pwf doctor. */

typedef enum pwf_finding_level {
    PWF_FINDING_OK,
    PWF_FINDING_NOTE,    /* worth knowing; a run says nothing of it */
    PWF_FINDING_WARNING, /* a run would be slow, or end later */
    PWF_FINDING_FAILURE  /* a run ends at once, with `code` */
} pwf_finding_level;

typedef struct pwf_finding {
    const char *name; /* of the check */
    pwf_finding_level level;
    pwf_code code;              /* PWF_OK unless it is a failure */
    char seen[PWF_STATUS_TEXT]; /* what there is */
    char cure[320];             /* "" if nothing is to be done */
} pwf_finding;

#define PWF_FINDINGS_MAX 16

/* What is to be started. The same on every rank. Without `locked` and `looks` the directory is of
 * no interest. */
typedef struct pwf_launch_job {
    const pwf_config *config;
    bool described; /* the settings are those of a run, not just defaults */
    bool locked;    /* this job holds the lock of config->output */
    bool looks;     /* config->output is only looked at, and need not exist */
} pwf_launch_job;

/** Goes through all checks. Rank 0 gets `count` findings, the others none.
 * Collective over the mesh. Fails with PWF_RESOURCE; what the checks find is no failure. */
pwf_status pwf_launch_examine(const pwf_mesh *mesh, const pwf_launch_job *job,
                              pwf_finding findings[PWF_FINDINGS_MAX], int *count);

/** The same for a run that begins: prints the warnings.
 * Collective over the mesh. Fails with the first failure found, the same on every rank. */
pwf_status pwf_launch_check(const pwf_mesh *mesh, const pwf_launch_job *job);

/** The finding of the first check when pwf_mesh_start failed with `status`.
 * Local. */
pwf_finding pwf_launch_failed(pwf_status status);

#endif
