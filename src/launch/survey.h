/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_LAUNCH_SURVEY_H
#define PWF_LAUNCH_SURVEY_H

#include "pwf/core/machine.h"
#include "pwf/launch/launch.h"
#include "pwf/rundir/directory.h"
#include "pwf/train/train.h"

/** The survey of a launch: gathered from all ranks in launch.c, judged in checks.c. */

/* What one rank finds on its host. */
typedef struct pwf_rank_facts {
    pwf_machine machine;
    char libraries[128]; /* MPI and HDF5 */
    char tensors[96];    /* libraries of the arithmetic, with their instruction sets */
    bool bf16;           /* the processor has instructions for bf16 products */
    char transports[64]; /* OMPI_MCA_btl */
    pwf_status hdf5;
} pwf_rank_facts;

typedef struct pwf_survey {
    const pwf_config *config;
    const pwf_rank_facts *facts; /* [ranks] */
    int64_t ranks;
    pwf_launcher launcher;
    int64_t tasks;                /* of the Slurm job; 0: unknown */
    const char *variables;        /* HDF5 variables that are set but ignored */
    pwf_status directory, shared; /* of probing the run directory; of comparing it on all ranks */
    pwf_directory found;
    bool described;    /* config is that of a run, not just the defaults */
    bool in_directory; /* directory, shared and found are set */
    bool has_needs;    /* the model could be built */
    pwf_needs needs;
} pwf_survey;

/* The ranks of one host. */
typedef struct pwf_host {
    const char *name;
    int64_t first, ranks;        /* lowest rank, number of ranks */
    pwf_processors own, parents; /* processors of the ranks, and of the job on this host */
    double quota;                /* processors that the control group grants; 0: no limit */
} pwf_host;

/** The host of a rank.
 * Local. */
pwf_host pwf_survey_host(const pwf_survey *s, int64_t rank);

/** Number of hosts; *most: the largest number of ranks on one.
 * Local. */
int64_t pwf_survey_hosts(const pwf_survey *s, int64_t *most);

/** Runs all applicable checks; returns the number of findings.
 * Local. */
int pwf_survey_judge(const pwf_survey *s, pwf_finding findings[PWF_FINDINGS_MAX]);

#endif
