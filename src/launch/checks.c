/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of launch checks. Called by launch.c on rank 0 and by pwf doctor. Each check is a pure
 * function of the survey of all ranks that fills one finding: what there is, how serious it is, and
 * what to do about it. No state, no files, no MPI. */
#include "survey.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Shared memory for the messages of one rank, and the least stack of a thread, in bytes. */
enum { SHARED_OF_RANK = 4 << 20, STACK_LEAST = 512 << 10 };

enum { AMOUNT = 24, ARITHMETIC = 160 }; /* bytes of text */

/* "1.5 GiB", in a buffer that lives as long as the enclosing block. */
#define AMOUNT_OF(bytes) amount((double)(bytes), (char[AMOUNT]){""})

/* A number of bytes in binary units. */
static const char *amount(double bytes, char text[AMOUNT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    int u = 0;
    for (bytes /= 1024.0; bytes >= 1023.95 && u < 3; u++)
        bytes /= 1024.0;
    snprintf(text, AMOUNT, "%.1f %s", bytes, units[u]);
    return text;
}

/* Sets what was seen. */
static void __attribute__((format(printf, 2, 3))) report(pwf_finding *f, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(f->seen, sizeof f->seen, format, list);
    va_end(list);
}

/* Sets the level and the cure; report() has set what was seen. */
static void __attribute__((format(printf, 3, 4)))
advise(pwf_finding *f, pwf_finding_level level, const char *format, ...)
{
    va_list list;
    f->level = level;
    va_start(list, format);
    vsnprintf(f->cure, sizeof f->cure, format, list);
    va_end(list);
}

/* A failed status becomes a failure; its text includes the cure. */
static void fail_with(pwf_finding *f, const pwf_status *status)
{
    f->level = PWF_FINDING_FAILURE;
    f->code = status->code;
    snprintf(f->seen, sizeof f->seen, "%s", status->text);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- processes ---- */

/* Number of ranks and hosts, and the launcher. */
static void check_launch(const pwf_survey *s, pwf_finding *f)
{
    int64_t most;
    char by[80] = "without mpirun or srun";
    const int64_t hosts = pwf_survey_hosts(s, &most);
    if (s->launcher.name) snprintf(by, sizeof by, "started by %s", s->launcher.name);
    if (hosts == 1)
        report(f, "%" PRId64 " rank%s on %s, %s", s->ranks, plural(s->ranks),
               s->facts[0].machine.host, by);
    else
        report(f, "%" PRId64 " ranks on %" PRId64 " hosts, %" PRId64 " on one at most, %s",
               s->ranks, hosts, most, by);
    /* A single rank is intended with mpirun -n 1, but not in the shell of salloc, itself a step. */
    if (s->ranks == 1 && s->tasks > 1 &&
        (!s->launcher.name || strcmp(s->launcher.name, "srun") == 0))
        advise(f, PWF_FINDING_NOTE,
               "the Slurm job is for %" PRId64 " tasks; start them all with mpirun or srun",
               s->tasks);
}

/* Ranks, threads and shards must fit the slots. */
static void check_workers(const pwf_survey *s, pwf_finding *f)
{
    const int64_t shards = s->config->parallel.shards;
    const pwf_status status = pwf_train_check_workers(s->config, s->ranks);
    if (status.code != PWF_OK)
        fail_with(f, &status);
    else
        report(
            f,
            "%" PRId64 " rank%s of %" PRId64 " thread%s for %" PRId64 " slots, %" PRId64 " shard%s",
            s->ranks, plural(s->ranks), s->config->parallel.threads,
            plural(s->config->parallel.threads), s->config->parallel.slots, shards, plural(shards));
}

/* All ranks must load the same MPI and HDF5, and HDF5 must be the version that pwf was built with.
 */
static void check_libraries(const pwf_survey *s, pwf_finding *f)
{
    const char *built = pwf_mesh_library_built(), *loaded = s->facts[0].libraries;
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_rank_facts *p = &s->facts[r];
        if (p->hdf5.code != PWF_OK) {
            fail_with(f, &p->hdf5);
            return;
        }
        if (strcmp(p->libraries, loaded) == 0) continue;
        report(f, "rank %" PRId64 " on %s has %s, but rank 0 has %s", r, p->machine.host,
               p->libraries, loaded);
        advise(f, PWF_FINDING_FAILURE, "load the same modules on all hosts");
        f->code = PWF_LAUNCH;
        return;
    }
    report(f, "%s", loaded);
    /* Releases of Open MPI with the same first two numbers are compatible. */
    char family[24];
    const char *second = strchr(built, '.') ? strchr(strchr(built, '.') + 1, '.') : NULL;
    if (!second) return;
    snprintf(family, sizeof family, " v%.*s.", (int)(second - built), built);
    if (strstr(loaded, "Open MPI") && !strstr(loaded, family)) {
        report(f, "%s, but pwf was built with Open MPI %s", loaded, built);
        advise(f, PWF_FINDING_WARNING, "load the module that pwf was built with, or rebuild pwf");
    }
}

/* Libraries and instruction set of a rank, such as "oneDNN 2.6.3 (avx512), bf16 with instructions
 * for it". */
static const char *arithmetic(const pwf_survey *s, int64_t rank, char text[ARITHMETIC])
{
    const pwf_rank_facts *p = &s->facts[rank];
    const bool bf16 = s->config->parallel.precision == PWF_BF16;
    snprintf(text, ARITHMETIC, "%s%s", p->tensors,
             !bf16     ? ""
             : p->bf16 ? ", bf16 with instructions for it"
                       : ", bf16 without instructions for it");
    return text;
}

/* Results have the same bits only if all ranks compute with the same libraries and instructions, or
 * with the plain back end. */
static void check_arithmetic(const pwf_survey *s, pwf_finding *f)
{
    char first[ARITHMETIC], other[ARITHMETIC];
    report(f, "%s", arithmetic(s, 0, first));
    if (s->config->parallel.precision == PWF_BF16 && !s->facts[0].bf16)
        advise(
            f, PWF_FINDING_WARNING,
            "bf16 is slow without them; use processors with AVX512_BF16 or AMX, or start the run "
            "with parallel.precision fp32");
    if (s->config->parallel.backend == PWF_TENSOR_PLAIN) return;
    for (int64_t r = 1; r < s->ranks; r++) {
        if (strcmp(arithmetic(s, r, other), first) == 0) continue;
        report(f, "rank %" PRId64 " on %s computes with %s, but rank 0 with %s", r,
               s->facts[r].machine.host, other, first);
        advise(
            f, PWF_FINDING_WARNING,
            "the last bits of the result depend on the distribution over hosts; use hosts of one "
            "type, or start the run with parallel.backend plain");
        return;
    }
}

/* ---- processors ---- */

/* Threads per processor, or per processor granted by the control group, on the most loaded host. */
static void check_threads(const pwf_survey *s, pwf_finding *f)
{
    const int64_t threads = s->config->parallel.threads;
    double worst = 0.0;
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_host h = pwf_survey_host(s, r);
        const int64_t processors = pwf_processors_count(&h.parents), wanted = h.ranks * threads;
        if (h.first != r || processors == 0) continue;
        const bool limited = h.quota > 0.0 && h.quota < (double)processors;
        const double have = limited ? h.quota : (double)processors;
        if ((double)wanted / have <= worst) continue;
        worst = (double)wanted / have;
        if (limited)
            report(f,
                   "%" PRId64 " thread%s on %s, whose control group limits them to %.1f processors",
                   wanted, plural(wanted), h.name, h.quota);
        else
            report(f, "%" PRId64 " thread%s on the %" PRId64 " processor%s of %s", wanted,
                   plural(wanted), processors, plural(processors), h.name);
    }
    if (worst > 1.0)
        advise(f, PWF_FINDING_WARNING,
               "start fewer ranks there, or lower parallel.threads; the result does not change");
}

/* Number of ranks on this rank's host, itself included, bound to exactly the same processors. */
static int64_t count_companions(const pwf_survey *s, int64_t rank)
{
    const pwf_machine *m = &s->facts[rank].machine;
    int64_t count = 0;
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *other = &s->facts[r].machine;
        if (strcmp(other->host, m->host) == 0 && pwf_processors_equal(&other->own, &m->own))
            count++;
    }
    return count;
}

/* Number of threads that decode images, in addition to the workers of a rank. */
static int64_t count_decoders(const pwf_config *c)
{
    const bool files = !pwf_data_is_held(c->data.format);
    return files ? c->data.threads : 0;
}

/* Whether the processors that a rank is bound to are too few for its threads and for those of ranks
 * with the same binding. Workers need one processor each; decoding threads may share them, up to
 * two threads per processor. */
static bool is_narrow(const pwf_survey *s, int64_t r, pwf_finding *f)
{
    const pwf_machine *m = &s->facts[r].machine;
    const pwf_host h = pwf_survey_host(s, r);
    const int64_t ranks = count_companions(s, r), workers = s->config->parallel.threads;
    const int64_t threads = workers + count_decoders(s->config);
    const int64_t have = pwf_processors_count(&m->own), all = pwf_processors_count(&h.parents);
    char list[PWF_PROCESSORS_TEXT], who[160];
    if (ranks * workers <= have && ranks * threads <= 2 * have) return false;
    pwf_processors_text(&m->own, list);
    if (ranks == 1)
        snprintf(who, sizeof who, "rank %" PRId64 " on %s", r, h.name);
    else
        snprintf(who, sizeof who, "rank %" PRId64 " and %" PRId64 " more on %s", r, ranks - 1,
                 h.name);
    report(f,
           "the %" PRId64 " thread%s of %s%s may only use %" PRId64 " of %" PRId64
           " processors (%s)",
           ranks * threads, plural(ranks * threads), who,
           threads > workers ? ", decoding included," : "", have, all, list);
    advise(f, PWF_FINDING_WARNING,
           "mpirun --bind-to none, or --map-by slot:PE=%" PRId64 "; srun --cpus-per-task=%" PRId64,
           threads, threads);
    return true;
}

/* Reports the first rank with too few processors, otherwise how ranks are bound. */
static void check_binding(const pwf_survey *s, pwf_finding *f)
{
    bool bound = false;
    report(f, "ranks may use every processor of their hosts");
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->facts[r].machine;
        const pwf_host h = pwf_survey_host(s, r);
        char list[PWF_PROCESSORS_TEXT];
        if (pwf_processors_count(&m->own) == 0 || pwf_processors_equal(&m->own, &h.parents))
            continue;
        if (is_narrow(s, r, f)) return;
        pwf_processors_text(&m->own, list);
        if (!bound)
            report(f, "ranks are bound: rank %" PRId64 " to processor%s %s", r,
                   plural(pwf_processors_count(&m->own)), list);
        bound = true;
    }
    const pwf_host h = pwf_survey_host(s, 0);
    const int64_t nodes = s->facts[0].machine.nodes;
    if (bound || nodes < 2 || h.ranks < nodes) return;
    report(f, "ranks may move between the %" PRId64 " memory nodes of %s", nodes, h.name);
    advise(f, PWF_FINDING_NOTE,
           "mpirun --map-by numa --bind-to numa keeps them close to their memory");
}

/* ---- memory and limits ---- */

/* Compares the memory that the job needs with the limits of process, control group and host. */
static void check_memory(const pwf_survey *s, pwf_finding *f)
{
    int64_t most;
    const double rank = s->needs.rank_bytes;
    const pwf_machine *first = &s->facts[0].machine;
    pwf_survey_hosts(s, &most);
    if (!s->has_needs) {
        report(f, "%s on %s, %s free", AMOUNT_OF(first->memory), first->host,
               AMOUNT_OF(first->memory_free));
        return;
    }
    report(f, "at least %s for %" PRId64 " rank%s on a host; %s has %s",
           AMOUNT_OF(rank * (double)most), most, plural(most), first->host,
           AMOUNT_OF(first->memory));
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->facts[r].machine;
        const pwf_host h = pwf_survey_host(s, r);
        const double wanted = rank * (double)h.ranks;
        if (rank > (double)m->memory_process)
            report(f, "a rank needs at least %s, but rank %" PRId64 " on %s may have %s (ulimit)",
                   AMOUNT_OF(rank), r, h.name, AMOUNT_OF(m->memory_process));
        else if (wanted > (double)m->memory)
            report(f, "%" PRId64 " rank%s on %s need%s at least %s, but may have %s", h.ranks,
                   plural(h.ranks), h.name, h.ranks == 1 ? "s" : "", AMOUNT_OF(wanted),
                   AMOUNT_OF(m->memory));
        else
            continue;
        advise(f, PWF_FINDING_WARNING,
               "start fewer ranks per host, use more hosts or a larger parallel.shards, or request "
               "more "
               "memory; pwf_dist --dry-run prints the memory of a rank");
        return;
    }
}

/* Limits of open files and stack size. */
static void check_limits(const pwf_survey *s, pwf_finding *f)
{
    const int64_t files = 128 + 2 * s->ranks; /* libraries, data, connections to other ranks */
    report(f, "the limits of open files and stack size suffice");
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->facts[r].machine;
        if (m->files < files) {
            report(f, "rank %" PRId64 " on %s may open only %" PRId64 " files", r, m->host,
                   m->files);
            advise(f, PWF_FINDING_WARNING, "run ulimit -n %" PRId64 " before the launch",
                   files > 1024 ? files : 1024);
            return;
        }
        if (m->stack < STACK_LEAST) {
            report(f, "threads of rank %" PRId64 " on %s have a stack of only %" PRId64 " KiB", r,
                   m->host, m->stack / 1024);
            advise(f, PWF_FINDING_WARNING, "run ulimit -s 8192 before the launch");
            return;
        }
    }
}

/* ---- messages ---- */

/* Whether a list of Open MPI transports leaves out shared memory (vader or sm, depending on the
 * release): either by naming neither, or by naming one after a leading ^, which excludes. */
static bool leaves_out_memory(const char *list)
{
    const bool names = strstr(list, "vader") || strstr(list, "sm");
    return *list == '^' ? names : *list && !names;
}

/* Ranks of one host should communicate through shared memory. */
static void check_messages(const pwf_survey *s, pwf_finding *f)
{
    report(f, "the ranks of a host can communicate through shared memory");
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->facts[r].machine;
        const pwf_host h = pwf_survey_host(s, r);
        if (h.ranks < 2) continue;
        if (m->shared_free >= 0 && m->shared_free < SHARED_OF_RANK && h.first == r) {
            report(f, "/dev/shm of %s, through which its ranks communicate, has only %s free",
                   h.name, AMOUNT_OF(m->shared_free));
            advise(
                f, PWF_FINDING_WARNING,
                "remove leftovers of killed jobs there, or give the container more (--shm-size)");
            return;
        }
        if (leaves_out_memory(s->facts[r].transports)) {
            report(f, "Open MPI does not use shared memory: OMPI_MCA_btl is %s",
                   s->facts[r].transports);
            advise(f, PWF_FINDING_NOTE, "add vader, unless UCX transports the messages");
            return;
        }
    }
}

/* ---- the run directory ---- */

/* The run directory must be writable and the same on all hosts. */
static void check_directory(const pwf_survey *s, pwf_finding *f)
{
    const pwf_directory *d = &s->found;
    const pwf_status *status = s->directory.code != PWF_OK ? &s->directory : &s->shared;
    if (status->code != PWF_OK) {
        fail_with(f, status);
        return;
    }
    const char *all = s->ranks > 1 ? "; all ranks see it" : "";
    if (d->exists)
        report(f, "%s (%s) is writable%s", s->config->output, d->kind, all);
    else
        report(f, "%s can be created in %s (%s)%s", s->config->output, d->place, d->kind, all);
    if (d->in_memory)
        advise(f, PWF_FINDING_NOTE,
               "this file system is in memory: its files are lost when the host restarts");
}

/* File locks that do not work between hosts are replaced by a file that the run keeps updating. */
static void check_lock(const pwf_survey *s, pwf_finding *f)
{
    report(f, "flock works");
    if (s->found.locks) return;
    report(f, "%s has no locks between hosts", s->found.kind);
    advise(
        f, PWF_FINDING_NOTE,
        "a run updates a lock file instead; a run killed on another host blocks the directory for "
        "five minutes");
}

/* Free space against the checkpoints that a run keeps at the same time. */
static void check_space(const pwf_survey *s, pwf_finding *f)
{
    const double one = s->needs.checkpoint_bytes, all = one * (double)s->needs.checkpoints;
    if (!s->has_needs) {
        report(f, "%s free", AMOUNT_OF(s->found.free_bytes));
        return;
    }
    report(f, "%s free; up to %" PRId64 " checkpoints of %s%s", AMOUNT_OF(s->found.free_bytes),
           s->needs.checkpoints, AMOUNT_OF(one),
           s->config->checkpoint.keep_every > 0 ? ", and those of checkpoint.keep_every" : "");
    if (all > (double)s->found.free_bytes)
        advise(
            f, PWF_FINDING_WARNING,
            "free space or choose another --output; a run that cannot write its checkpoints ends "
            "with exit code 74");
}

/* HDF5's own file locks are switched off: they fail on some file systems. */
static void check_hdf5(const pwf_survey *s, pwf_finding *f)
{
    report(f, "file locks of HDF5 are off; the run directory has its own lock");
    if (!*s->variables) return;
    report(f, "file locks of HDF5 are off; ignored variables: %s", s->variables);
    advise(f, PWF_FINDING_NOTE, "no action is needed");
}

/* ---- the table ---- */

static const struct {
    const char *name;
    /* SETTLED: with the settings of a run; DIRECTORY: if the run directory was probed; USABLE: if
     * it is usable. */
    enum { ALWAYS, SETTLED, DIRECTORY, USABLE } when;
    void (*check)(const pwf_survey *s, pwf_finding *f);
} checks[] = {
    {"launch", ALWAYS, check_launch},       {"workers", SETTLED, check_workers},
    {"libraries", ALWAYS, check_libraries}, {"arithmetic", ALWAYS, check_arithmetic},
    {"threads", ALWAYS, check_threads},     {"binding", ALWAYS, check_binding},
    {"memory", ALWAYS, check_memory},       {"limits", ALWAYS, check_limits},
    {"messages", ALWAYS, check_messages},   {"directory", DIRECTORY, check_directory},
    {"lock", USABLE, check_lock},           {"space", USABLE, check_space},
    {"hdf5", ALWAYS, check_hdf5},
};

enum { CHECKS = sizeof checks / sizeof *checks };
_Static_assert(sizeof checks / sizeof *checks <= PWF_FINDINGS_MAX, "room for every finding");

int pwf_survey_judge(const pwf_survey *s, pwf_finding findings[PWF_FINDINGS_MAX])
{
    int count = 0;
    for (int i = 0; i < CHECKS; i++) {
        if (checks[i].when == SETTLED && !s->described) continue;
        if (checks[i].when >= DIRECTORY && !s->in_directory) continue;
        if (checks[i].when == USABLE && s->directory.code != PWF_OK) continue;
        findings[count] = (pwf_finding){.name = checks[i].name};
        checks[i].check(s, &findings[count++]);
    }
    return count;
}

/* Without MPI there is no survey, only the finding of the first check. */
pwf_finding pwf_launch_failed(pwf_status status)
{
    pwf_finding f = {.name = checks[0].name};
    fail_with(&f, &status);
    return f;
}
