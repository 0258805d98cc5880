/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts and stops MPI, and detects a launch in which every process would run as a job of its own.
 * Called by the main programs, `pwf doctor` and the launch checks. Reads the variables of
 * launchers; may unset two of Slurm. */
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

/* Innermost first: processes of mpirun inherit the variables of the job step that mpirun runs in.
 * SLURM_NTASKS describes the job; only the variables of a step say that a process is one of several
 * tasks. srun may set the PMI variables as well. */
static const struct {
    const char *mark;                       /* variable that only this launcher sets */
    const char *name, *ranks, *rank, *cure; /* ranks, rank: names of variables */
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "the mpirun of an Open MPI", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_RANK",
     "this mpirun belongs to a different installation; use the mpirun of the Open MPI that pwf was "
     "built with"},
    {"MV2_COMM_WORLD_SIZE", "the mpirun of MVAPICH", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK",
     "use the mpirun of the Open MPI that pwf was built with"},
    {"MPI_LOCALNRANKS", "the mpiexec of MPICH or Intel MPI", "PMI_SIZE", "PMI_RANK",
     "use the mpirun of the Open MPI that pwf was built with"},
    {"SLURM_STEP_NUM_TASKS", "srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID",
     "use srun --mpi=pmix with an Open MPI that was built with Slurm's PMIx, or mpirun in the job"},
};

enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

/* The value of a variable; `otherwise` if it is unset or not a number. */
static int64_t number_in(const char *variable, int64_t otherwise)
{
    const char *text = getenv(variable);
    char *end = NULL;
    if (!text || *text < '0' || *text > '9') return otherwise;
    const long long value = strtoll(text, &end, 10);
    return *end == '\0' && value < INT_MAX ? value : otherwise;
}

/* Index into `launchers`; LAUNCHERS if there is none. */
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

static bool has_variable(const char *prefix)
{
    for (char **e = environ; *e; e++)
        if (strncmp(*e, prefix, strlen(prefix)) == 0) return true;
    return false;
}

/* Whether the MPI library has a category of tool variables of that name. */
static bool has_category(const char *name)
{
    int index = 0;
    return MPI_T_category_get_index(name, &index) == MPI_SUCCESS;
}

/* Whether the library may support PMI-1 or PMI-2. Open MPI 4 has one component for each that it was
 * built with; other libraries get the benefit of the doubt. MPI_T works before MPI_Init. */
static bool knows_old_pmi(void)
{
    int given = 0;
    if (MPI_T_init_thread(MPI_THREAD_SINGLE, &given) != MPI_SUCCESS) return true;
    const bool knows =
        !has_category("opal_pmix") || has_category("opal_pmix_s1") || has_category("opal_pmix_s2");
    MPI_T_finalize();
    return knows;
}

/* Every process manager that connects the tasks of a step sets a variable with one of these
 * prefixes. */
static bool is_connected(void)
{
    if (has_variable("PMIX_")) return true;
    return (has_variable("PMI") || has_variable("PALS_")) && knows_old_pmi();
}

/* Refuses tasks that srun started without a usable PMI: Open MPI would end each of them with
 * code 1. A single task, as in the shell of salloc, becomes a job of one rank by unsetting two
 * variables. */
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
                    " processes without a process manager (PMIx) that the MPI "
                    "library of pwf supports, so each would run alone: %s",
                    by->ranks, launchers[i].cure);
}

/* Fails if the launcher started several processes but MPI sees one. */
static pwf_status check_alone(const pwf_launcher *by)
{
    int size = 0;
    const char *library = pwf_mesh_library();
    PWF_MPI(MPI_Comm_size(MPI_COMM_WORLD, &size));
    if (size > 1 || by->ranks == 1) return pwf_ok();
    return PWF_FAIL(
        PWF_LAUNCH,
        "%s started %" PRId64 " processes, but each runs alone, because it does not match "
        "the MPI library of pwf (%.*s): %s",
        by->name, by->ranks, (int)strcspn(library, ","), library, launchers[find_launcher()].cure);
}

/* Initializes MPI; from here on the SIGBUS handler and the rank of the log are set. */
static pwf_status start_library(int *argc, char ***argv)
{
    int given = MPI_THREAD_SINGLE, rank = 0;
    (void)PWF_FAULT_POINT("start.init");
    pwf_watch_wait("MPI_Init");
    PWF_MPI(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &given));
    pwf_watch_met();
    pwf_bus_listen();
    PWF_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
    pwf_log_set_rank(rank);
    const pwf_status local =
        given >= MPI_THREAD_FUNNELED
            ? pwf_ok()
            : PWF_FAIL(
                  PWF_LAUNCH,
                  "the MPI library does not support MPI_THREAD_FUNNELED: use an MPI library built "
                  "with thread support");
    return pwf_mesh_agree_on(MPI_COMM_WORLD, local);
}

pwf_status pwf_mesh_start(int *argc, char ***argv)
{
    const pwf_launcher by = pwf_mesh_launcher();
    pwf_status status = check_step(&by);
    if (status.code == PWF_OK) status = start_library(argc, argv);
    if (status.code == PWF_OK) status = check_alone(&by);
    /* Every process detects this; with its rank set, only rank 0 prints the message. */
    if (status.code != PWF_OK) pwf_log_set_rank((int)by.rank);
    return status;
}

void pwf_mesh_stop(void)
{
    int started = 0, ended = 0;
    PWF_MPI(MPI_Initialized(&started));
    PWF_MPI(MPI_Finalized(&ended));
    pwf_watch_wait("MPI_Finalize");
    if (started && !ended) PWF_MPI(MPI_Finalize());
    pwf_watch_met();
}
