/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_LAUNCH_SURVEY_H
#define PWF_LAUNCH_SURVEY_H

#include "pwf/core/machine.h"
#include "pwf/launch/launch.h"
#include "pwf/rundir/directory.h"
#include "pwf/train/train.h"

/** What there is to be judged: gathered from all ranks in launch.c, judged in checks.c. */

/* What one rank sees. */
typedef struct pwf_place {
    pwf_machine machine;
    char libraries[128]; /* MPI and HDF5 */
    char tensors[96];    /* libraries that do the arithmetic, with the instructions they use */
    bool bf16;           /* it has instructions for products of bf16 numbers */
    char transports[64]; /* OMPI_MCA_btl */
    pwf_status hdf5;
} pwf_place;

typedef struct pwf_survey {
    const pwf_config *config;
    const pwf_place *places; /* [ranks] */
    int64_t ranks;
    pwf_launcher launcher;
    int64_t tasks;                /* that the Slurm job is for; 0: unknown */
    const char *variables;        /* of libhdf5 that are set, but not obeyed */
    pwf_status directory, shared; /* of looking at it, and of all ranks seeing it */
    pwf_directory found;
    bool described;    /* the settings are those of a run */
    bool in_directory; /* directory, shared and found are known */
    bool has_needs;    /* the model could be built */
    pwf_needs needs;
} pwf_survey;

/* The ranks of one host. */
typedef struct pwf_host {
    const char *name;
    int64_t first, ranks; /* lowest rank, number of ranks */
    pwf_processors own, parents;
    double quota;
} pwf_host;

/** The host of a rank, and whether the rank is the lowest there.
 * Local. */
pwf_host pwf_survey_host(const pwf_survey *s, int64_t rank);

/** Number of hosts, and the most ranks on one.
 * Local. */
int64_t pwf_survey_hosts(const pwf_survey *s, int64_t *most);

/** Goes through the table; returns the number of findings.
 * Local. */
int pwf_survey_judge(const pwf_survey *s, pwf_finding findings[PWF_FINDINGS_MAX]);

#endif
