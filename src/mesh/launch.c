/* SPDX-License-Identifier: BSD-3-Clause */
/* How the processes of a job come together, and the ways in which they do not: each then believes
 * that it is the whole job. */
#include "mesh_private.h"

#include "pwf/core/bus.h"
#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/watch.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* Innermost first: what mpirun starts inherits the variables of the job step that mpirun runs in.
 * SLURM_NTASKS says what a job is for; that a process is one task of several only the variables of
 * a step say. srun sets those of PMI too if it is asked to. */
static const struct {
    const char *mark; /* is set by this launcher alone */
    const char *name, *ranks, *rank, *cure;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "the mpirun of an Open MPI", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_RANK",
     "this mpirun belongs to another installation than the library; use the mpirun of the one that "
     "pwf was built with"},
    {"MV2_COMM_WORLD_SIZE", "the mpirun of MVAPICH", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK",
     "use the mpirun of the Open MPI that pwf was built with"},
    {"MPI_LOCALNRANKS", "the mpiexec of MPICH or Intel MPI", "PMI_SIZE", "PMI_RANK",
     "use the mpirun of the Open MPI that pwf was built with"},
    {"SLURM_STEP_NUM_TASKS", "srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID",
     "use srun --mpi=pmix with an Open MPI that was built with Slurm's PMIx, or mpirun in the job"},
};

enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

static int64_t number_in(const char *variable, int64_t otherwise)
{
    const char *text = getenv(variable);
    char *end = NULL;
    if (!text || *text < '0' || *text > '9') return otherwise;
    const long long value = strtoll(text, &end, 10);
    return *end == '\0' && value < INT_MAX ? value : otherwise;
}

/* LAUNCHERS: none. */
static int find_launcher(void)
{
    int i = 0;
    while (i < LAUNCHERS && !(getenv(launchers[i].mark) && number_in(launchers[i].ranks, 0) > 0))
        i++;
    return i;
}

pwf_launcher pwf_mesh_launcher(void)
{
    const int i = find_launcher();
    if (i == LAUNCHERS) return (pwf_launcher){.ranks = 1};
    return (pwf_launcher){.name = launchers[i].name,
                          .ranks = number_in(launchers[i].ranks, 1),
                          .rank = number_in(launchers[i].rank, 0)};
}

/* Whether there is a variable whose name begins so. */
static bool has_variable(const char *beginning)
{
    for (char **e = environ; *e; e++)
        if (strncmp(*e, beginning, strlen(beginning)) == 0) return true;
    return false;
}

static bool has_category(const char *name)
{
    int index = 0;
    return MPI_T_category_get_index(name, &index) == MPI_SUCCESS;
}

/* Open MPI 4 has a component for each kind of PMI before PMIx that it was built with; of other
 * libraries nothing is known. MPI_T may be used before MPI. */
static bool knows_old_pmi(void)
{
    int given = 0;
    if (MPI_T_init_thread(MPI_THREAD_SINGLE, &given) != MPI_SUCCESS) return true;
    const bool knows =
        !has_category("opal_pmix") || has_category("opal_pmix_s1") || has_category("opal_pmix_s2");
    MPI_T_finalize();
    return knows;
}

/* Whatever makes the processes of a step find each other leaves a variable with such a name. */
static bool is_connected(void)
{
    if (has_variable("PMIX_")) return true;
    return (has_variable("PMI") || has_variable("PALS_")) && knows_old_pmi();
}

/* Tasks that srun started without a PMI of use. Open MPI would end each with 1; a single one may be
 * helped, as in the shell that salloc gives: without these marks it is a job of one rank. */
static pwf_status check_step(const pwf_launcher *by)
{
    const int i = find_launcher();
    if (i == LAUNCHERS || strcmp(launchers[i].name, "srun") != 0 || is_connected()) return pwf_ok();
    if (by->ranks == 1) {
        unsetenv("SLURM_STEP_ID");
        unsetenv("SLURM_STEPID");
        return pwf_ok();
    }
    return PWF_FAIL(PWF_LAUNCH,
                    "srun started %" PRId64
                    " processes, but gave them no way to find each other that "
                    "pwf's MPI library knows (PMIx), so each would run alone: %s",
                    by->ranks, launchers[i].cure);
}

static pwf_status check_alone(const pwf_launcher *by)
{
    int size = 0;
    const char *library = pwf_mesh_library();
    PWF_MPI(MPI_Comm_size(MPI_COMM_WORLD, &size));
    if (size > 1 || by->ranks == 1) return pwf_ok();
    return PWF_FAIL(PWF_LAUNCH,
                    "%s started %" PRId64 " processes, but each runs alone, because it and the "
                    "MPI library of pwf (%.*s) do not know each other: %s",
                    by->name, by->ranks, (int)strcspn(library, ","), library,
                    launchers[find_launcher()].cure);
}

static pwf_status start_library(int *argc, char ***argv)
{
    int given = MPI_THREAD_SINGLE, rank = 0;
    (void)PWF_FAULT_POINT("start.init");
    pwf_watch_wait("start-up");
    PWF_MPI(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &given));
    pwf_watch_met();
    pwf_bus_listen();
    PWF_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
    pwf_log_set_rank(rank);
    const pwf_status local =
        given >= MPI_THREAD_FUNNELED
            ? pwf_ok()
            : PWF_FAIL(PWF_LAUNCH,
                       "the MPI library allows no threads beside the one that calls it "
                       "(MPI_THREAD_FUNNELED): use an MPI library built with thread support");
    return pwf_mesh_agree_on(MPI_COMM_WORLD, local);
}

pwf_status pwf_mesh_start(int *argc, char ***argv)
{
    const pwf_launcher by = pwf_mesh_launcher();
    pwf_status status = check_step(&by);
    if (status.code == PWF_OK) status = start_library(argc, argv);
    if (status.code == PWF_OK) status = check_alone(&by);
    /* All of them find it, and one sentence is enough. */
    if (status.code != PWF_OK) pwf_log_set_rank((int)by.rank);
    return status;
}

void pwf_mesh_stop(void)
{
    int started = 0, ended = 0;
    PWF_MPI(MPI_Initialized(&started));
    PWF_MPI(MPI_Finalized(&ended));
    pwf_watch_wait("farewell");
    if (started && !ended) PWF_MPI(MPI_Finalize());
    pwf_watch_met();
}
