/* SPDX-License-Identifier: BSD-3-Clause */
/* Examines a launch: gathers what every rank finds on its host, probes the run directory, and lets
 * rank 0 judge it all (checks.c). Called when a run starts and by pwf doctor, collectively. Reads
 * the environment, /proc and the run directory, in which it creates and removes a probe file. */
#include "survey.h"

#include "pwf/core/isa.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/h5/library.h"
#include "pwf/tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARIABLES = 200 }; /* bytes of text */

/* Lists the HDF5 environment variables that are set and that pwf ignores. */
static void list_variables(char text[VARIABLES])
{
    static const char *const names[] = {"HDF5_USE_FILE_LOCKING", "HDF5_PLUGIN_PATH", "HDF5_DRIVER",
                                        "HDF5_VOL_CONNECTOR"};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (!value || strcmp(value, "FALSE") == 0) continue;
        const int n = snprintf(text + used, VARIABLES - used, "%s%s", used ? ", " : "", names[i]);
        if (n > 0 && used + (size_t)n < VARIABLES) used += (size_t)n;
    }
}

/* What this rank finds on its host. */
static void find_facts(const pwf_config *config, pwf_rank_facts *p)
{
    const char *mpi = pwf_mesh_library(), *transports = getenv("OMPI_MCA_btl");
    memset(p, 0, sizeof *p);
    pwf_machine_look(&p->machine);
    snprintf(p->libraries, sizeof p->libraries, "%.*s, %s", (int)strcspn(mpi, ","), mpi,
             pwf_h5_library());
    snprintf(p->tensors, sizeof p->tensors, "%s",
             pwf_tensor_backend_text(config->parallel.backend).text);
    p->bf16 = pwf_isa_bf16();
    if (transports) snprintf(p->transports, sizeof p->transports, "%s", transports);
    p->hdf5 = pwf_h5_check_library();
}

/* Gathers the facts of all ranks on every rank. The caller frees *facts with pwf_mem_free. */
static pwf_status gather(const pwf_mesh *mesh, const pwf_config *config, pwf_rank_facts **facts)
{
    const int64_t ranks = pwf_mesh_size(mesh, PWF_WORLD);
    const pwf_status status =
        pwf_mesh_agree(mesh, pwf_mem_alloc(PWF_MEM_BUFFERS, ranks, sizeof **facts, facts));
    if (status.code != PWF_OK) {
        pwf_mem_free(*facts);
        return status;
    }
    find_facts(config, &(*facts)[pwf_mesh_rank(mesh, PWF_WORLD)]);
    pwf_mesh_gather_items(mesh, PWF_WORLD, *facts, sizeof **facts);
    return pwf_ok();
}

/* The directory is probed by all ranks together, since it may not be the same one on every host. */
pwf_status pwf_launch_examine(const pwf_mesh *mesh, const pwf_launch_job *job,
                              pwf_finding findings[PWF_FINDINGS_MAX], int *count)
{
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    const char *tasks = getenv("SLURM_NTASKS");
    char variables[VARIABLES];
    pwf_rank_facts *facts = NULL;
    *count = 0;
    list_variables(variables);
    pwf_survey s = {
        .config = job->config,
        .ranks = pwf_mesh_size(mesh, PWF_WORLD),
        .launcher = pwf_mesh_launcher(),
        .tasks = tasks ? strtoll(tasks, NULL, 10) : 0,
        .variables = variables,
        .directory = pwf_ok(),
        .shared = pwf_ok(),
        .described = job->described,
        .in_directory = job->locked || job->probes,
    };
    PWF_TRY(gather(mesh, job->config, &facts));
    s.facts = facts;
    /* Rank 0 examines the directory. Then all ranks compare what they see there, which detects a
     * directory that is local to each host. */
    if (s.in_directory) {
        if (first) s.directory = pwf_directory_look(job->config->output, &s.found);
        s.directory = pwf_mesh_agree(mesh, s.directory);
        if (s.directory.code == PWF_OK)
            s.shared = pwf_directory_compare(mesh, job->config->output, job->locked);
    }
    if (first) {
        s.has_needs = job->described && pwf_train_needs(job->config, &s.needs).code == PWF_OK;
        *count = pwf_survey_judge(&s, findings);
    }
    pwf_mem_free(facts);
    return pwf_ok();
}

/* A run prints warnings and stops at the first failure; notes are for pwf doctor. */
pwf_status pwf_launch_check(const pwf_mesh *mesh, const pwf_launch_job *job)
{
    pwf_finding findings[PWF_FINDINGS_MAX];
    int count = 0;
    pwf_status status = pwf_ok();
    PWF_TRY(pwf_launch_examine(mesh, job, findings, &count));
    for (int i = 0; i < count; i++) {
        const pwf_finding *f = &findings[i];
        const char *colon = *f->cure ? ": " : "";
        if (f->level == PWF_FINDING_WARNING) PWF_WARN("LAUNCH", "%s%s%s", f->seen, colon, f->cure);
        if (f->level == PWF_FINDING_FAILURE && status.code == PWF_OK)
            status = PWF_FAIL(f->code, "%s%s%s", f->seen, colon, f->cure);
    }
    return pwf_mesh_agree(mesh, status);
}
