/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_LAUNCH_LAUNCH_H
#define PWF_LAUNCH_LAUNCH_H

#include "pwf/config/config.h"
#include "pwf/mesh/mesh.h"

/** Checks of a launch: one table (src/launch/checks.c), used at the start of a run and by pwf
 * doctor. */

typedef enum pwf_finding_level {
    PWF_FINDING_OK,
    PWF_FINDING_NOTE,    /* worth knowing; a run does not print it */
    PWF_FINDING_WARNING, /* a run would be slow, or might fail later */
    PWF_FINDING_FAILURE  /* a run ends at once, with `code` */
} pwf_finding_level;

typedef struct pwf_finding {
    const char *name; /* of the check */
    pwf_finding_level level;
    pwf_code code;              /* PWF_OK unless it is a failure */
    char seen[PWF_STATUS_TEXT]; /* what was found */
    char cure[320];             /* what to do; "": nothing */
} pwf_finding;

#define PWF_FINDINGS_MAX 16

/* The job to launch, the same on every rank. With neither `locked` nor `probes` the run directory
 * is not checked. */
typedef struct pwf_launch_job {
    const pwf_config *config;
    bool described; /* the settings are those of a run, not only the defaults */
    bool locked;    /* this job holds the lock of config->output */
    bool probes;    /* config->output is only probed and need not exist */
} pwf_launch_job;

/** Runs all checks. Rank 0 gets `count` findings, the others none.
 * Collective over the mesh. Fails with PWF_RESOURCE only; findings are not failures. */
pwf_status pwf_launch_examine(const pwf_mesh *mesh, const pwf_launch_job *job,
                              pwf_finding findings[PWF_FINDINGS_MAX], int *count);

/** Runs all checks at the start of a run and prints the warnings.
 * Collective over the mesh. Fails with the first failure found, the same on every rank. */
pwf_status pwf_launch_check(const pwf_mesh *mesh, const pwf_launch_job *job);

/** The finding to report when pwf_mesh_start has failed with `status`; named as the first check.
 * Local. */
pwf_finding pwf_launch_failed(pwf_status status);

#endif
