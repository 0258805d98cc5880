/* SPDX-License-Identifier: BSD-3-Clause */
/* The checks. Each is a pure function of the survey: what is there, what it means, what to do. */
#include "survey.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHARED_OF_RANK = 4 << 20, STACK_LEAST = 512 << 10 }; /* bytes */

enum { AMOUNT = 24, ARITHMETIC = 160 };

/* "1.5 GiB", in a buffer that lives as long as the expression. */
#define AMOUNT_OF(bytes) amount((double)(bytes), (char[AMOUNT]){""})

static const char *amount(double bytes, char text[AMOUNT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    int u = 0;
    for (bytes /= 1024.0; bytes >= 1023.95 && u < 3; u++)
        bytes /= 1024.0;
    snprintf(text, AMOUNT, "%.1f %s", bytes, units[u]);
    return text;
}

static void __attribute__((format(printf, 2, 3))) see(pwf_finding *f, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(f->seen, sizeof f->seen, format, list);
    va_end(list);
}

/* What is wrong, and what helps. `seen` comes with a call of see(). */
static void __attribute__((format(printf, 3, 4)))
mind(pwf_finding *f, pwf_finding_level level, const char *format, ...)
{
    va_list list;
    f->level = level;
    va_start(list, format);
    vsnprintf(f->cure, sizeof f->cure, format, list);
    va_end(list);
}

/* The sentence of a status has its cure in it. */
static void take(pwf_finding *f, const pwf_status *status)
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

static void check_launch(const pwf_survey *s, pwf_finding *f)
{
    int64_t most;
    char by[80] = "without mpirun or srun";
    const int64_t hosts = pwf_survey_hosts(s, &most);
    if (s->launcher.name) snprintf(by, sizeof by, "started by %s", s->launcher.name);
    if (hosts == 1)
        see(f, "%" PRId64 " rank%s on %s, %s", s->ranks, plural(s->ranks),
            s->places[0].machine.host, by);
    else
        see(f, "%" PRId64 " ranks on %" PRId64 " hosts, %" PRId64 " on one at most, %s", s->ranks,
            hosts, most, by);
    /* mpirun -n 1 is no accident, but the shell of salloc is a step too. */
    if (s->ranks == 1 && s->tasks > 1 &&
        (!s->launcher.name || strcmp(s->launcher.name, "srun") == 0))
        mind(f, PWF_FINDING_NOTE,
             "the Slurm job is for %" PRId64 " tasks: mpirun or srun would start them all",
             s->tasks);
}

static void check_workers(const pwf_survey *s, pwf_finding *f)
{
    const int64_t shards = s->config->parallel.shards;
    const pwf_status status = pwf_train_check_workers(s->config, s->ranks);
    if (status.code != PWF_OK)
        take(f, &status);
    else
        see(f,
            "%" PRId64 " rank%s of %" PRId64 " thread%s for %" PRId64 " slots, %" PRId64 " shard%s",
            s->ranks, plural(s->ranks), s->config->parallel.threads,
            plural(s->config->parallel.threads), s->config->parallel.slots, shards, plural(shards));
}

static void check_libraries(const pwf_survey *s, pwf_finding *f)
{
    const char *built = pwf_mesh_library_built(), *loaded = s->places[0].libraries;
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_place *p = &s->places[r];
        if (p->hdf5.code != PWF_OK) {
            take(f, &p->hdf5);
            return;
        }
        if (strcmp(p->libraries, loaded) == 0) continue;
        see(f, "rank %" PRId64 " on %s has %s, but rank 0 has %s", r, p->machine.host, p->libraries,
            loaded);
        mind(f, PWF_FINDING_FAILURE, "load the same modules on all hosts");
        f->code = PWF_LAUNCH;
        return;
    }
    see(f, "%s", loaded);
    /* 4.1.4 and 4.1.6 are one family. */
    char family[24];
    const char *second = strchr(built, '.') ? strchr(strchr(built, '.') + 1, '.') : NULL;
    if (!second) return;
    snprintf(family, sizeof family, " v%.*s.", (int)(second - built), built);
    if (strstr(loaded, "Open MPI") && !strstr(loaded, family)) {
        see(f, "%s, but pwf was built with Open MPI %s", loaded, built);
        mind(f, PWF_FINDING_WARNING, "load the module it was built with, or build it again");
    }
}

/* What computes on a rank: "oneDNN 2.6.3 (avx512), bf16 by its instructions". */
static const char *arithmetic(const pwf_survey *s, int64_t rank, char text[ARITHMETIC])
{
    const pwf_place *p = &s->places[rank];
    const bool bf16 = s->config->parallel.precision == PWF_BF16;
    snprintf(text, ARITHMETIC, "%s%s", p->tensors,
             !bf16     ? ""
             : p->bf16 ? ", bf16 with instructions for it"
                       : ", bf16 without instructions for it");
    return text;
}

static void check_arithmetic(const pwf_survey *s, pwf_finding *f)
{
    char first[ARITHMETIC], other[ARITHMETIC];
    see(f, "%s", arithmetic(s, 0, first));
    if (s->config->parallel.precision == PWF_BF16 && !s->places[0].bf16)
        mind(f, PWF_FINDING_WARNING,
             "that is slow: start it on processors with AVX512_BF16 or AMX, or begin with "
             "parallel.precision fp32");
    if (s->config->parallel.backend == PWF_TENSOR_PLAIN) return;
    for (int64_t r = 1; r < s->ranks; r++) {
        if (strcmp(arithmetic(s, r, other), first) == 0) continue;
        see(f, "rank %" PRId64 " on %s computes with %s, but rank 0 with %s", r,
            s->places[r].machine.host, other, first);
        mind(f, PWF_FINDING_WARNING,
             "the last bits of the result then depend on which host does what: take hosts of one "
             "kind, or begin with parallel.backend plain");
        return;
    }
}

/* ---- processors ---- */

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
            see(f,
                "%" PRId64 " thread%s on %s, whose control group gives them the time of %.1f "
                "processors",
                wanted, plural(wanted), h.name, h.quota);
        else
            see(f, "%" PRId64 " thread%s on the %" PRId64 " processor%s of %s", wanted,
                plural(wanted), processors, plural(processors), h.name);
    }
    if (worst > 1.0)
        mind(f, PWF_FINDING_WARNING,
             "start fewer ranks there or lower parallel.threads; the result is the same, but late");
}

/* Ranks of one host that may run on the same processors and no others. */
static int64_t count_companions(const pwf_survey *s, int64_t rank)
{
    const pwf_machine *m = &s->places[rank].machine;
    int64_t count = 0;
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *other = &s->places[r].machine;
        if (strcmp(other->host, m->host) == 0 && pwf_processors_equal(&other->own, &m->own))
            count++;
    }
    return count;
}

/* Threads that decode images beside the workers of a rank. */
static int64_t count_decoders(const pwf_config *c)
{
    const bool files = !pwf_data_is_held(c->data.format);
    return files ? c->data.threads : 0;
}

/* Whether the processors that a rank is bound to are too few for it, or for it and others there.
 * Decoding may share them with the workers up to two threads a processor. */
static bool is_narrow(const pwf_survey *s, int64_t r, pwf_finding *f)
{
    const pwf_machine *m = &s->places[r].machine;
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
    see(f,
        "the %" PRId64 " thread%s of %s%s may only use %" PRId64 " of %" PRId64 " processors (%s)",
        ranks * threads, plural(ranks * threads), who,
        threads > workers ? ", decoding included," : "", have, all, list);
    mind(f, PWF_FINDING_WARNING,
         "mpirun --bind-to none, or --map-by slot:PE=%" PRId64 "; srun --cpus-per-task=%" PRId64,
         threads, threads);
    return true;
}

static void check_binding(const pwf_survey *s, pwf_finding *f)
{
    bool bound = false;
    see(f, "ranks may use every processor of their hosts");
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->places[r].machine;
        const pwf_host h = pwf_survey_host(s, r);
        char list[PWF_PROCESSORS_TEXT];
        if (pwf_processors_count(&m->own) == 0 || pwf_processors_equal(&m->own, &h.parents))
            continue;
        if (is_narrow(s, r, f)) return;
        pwf_processors_text(&m->own, list);
        if (!bound)
            see(f, "ranks are bound: rank %" PRId64 " to processor%s %s", r,
                plural(pwf_processors_count(&m->own)), list);
        bound = true;
    }
    const pwf_host h = pwf_survey_host(s, 0);
    const int64_t nodes = s->places[0].machine.nodes;
    if (bound || nodes < 2 || h.ranks < nodes) return;
    see(f, "ranks may move between the %" PRId64 " memory nodes of %s", nodes, h.name);
    mind(f, PWF_FINDING_NOTE, "mpirun --map-by numa --bind-to numa keeps them near their memory");
}

/* ---- memory and limits ---- */

static void check_memory(const pwf_survey *s, pwf_finding *f)
{
    int64_t most;
    const double rank = s->needs.rank_bytes;
    const pwf_machine *first = &s->places[0].machine;
    pwf_survey_hosts(s, &most);
    if (!s->has_needs) {
        see(f, "%s on %s, %s free", AMOUNT_OF(first->memory), first->host,
            AMOUNT_OF(first->memory_free));
        return;
    }
    see(f, "at least %s for %" PRId64 " rank%s on a host; %s has %s",
        AMOUNT_OF(rank * (double)most), most, plural(most), first->host, AMOUNT_OF(first->memory));
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->places[r].machine;
        const pwf_host h = pwf_survey_host(s, r);
        const double wanted = rank * (double)h.ranks;
        if (rank > (double)m->memory_process)
            see(f, "a rank needs at least %s, but rank %" PRId64 " on %s may have %s (ulimit)",
                AMOUNT_OF(rank), r, h.name, AMOUNT_OF(m->memory_process));
        else if (wanted > (double)m->memory)
            see(f, "%" PRId64 " rank%s on %s need%s at least %s, but may have %s", h.ranks,
                plural(h.ranks), h.name, h.ranks == 1 ? "s" : "", AMOUNT_OF(wanted),
                AMOUNT_OF(m->memory));
        else
            continue;
        mind(f, PWF_FINDING_WARNING,
             "start fewer ranks on a host, use more hosts or parallel.shards, or ask for more; "
             "pwf_dist --dry-run prints what a rank needs");
        return;
    }
}

static void check_limits(const pwf_survey *s, pwf_finding *f)
{
    const int64_t files = 128 + 2 * s->ranks; /* libraries and data; a connection to each rank */
    see(f, "open files and stacks are enough");
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->places[r].machine;
        if (m->files < files) {
            see(f, "rank %" PRId64 " on %s may open %" PRId64 " files only", r, m->host, m->files);
            mind(f, PWF_FINDING_WARNING, "ulimit -n %" PRId64 " before it is started",
                 files > 1024 ? files : 1024);
            return;
        }
        if (m->stack < STACK_LEAST) {
            see(f, "threads of rank %" PRId64 " on %s get a stack of %" PRId64 " KiB only", r,
                m->host, m->stack / 1024);
            mind(f, PWF_FINDING_WARNING, "ulimit -s 8192 before it is started");
            return;
        }
    }
}

/* ---- messages ---- */

/* Whether a list of Open MPI's transports (an inclusive or, with ^, exclusive one) leaves out both
 * that go through memory. */
static bool leaves_out_memory(const char *list)
{
    const bool names = strstr(list, "vader") || strstr(list, "sm");
    return *list == '^' ? names : *list && !names;
}

static void check_messages(const pwf_survey *s, pwf_finding *f)
{
    see(f, "nothing slows down the ranks of a host among themselves");
    for (int64_t r = 0; r < s->ranks; r++) {
        const pwf_machine *m = &s->places[r].machine;
        const pwf_host h = pwf_survey_host(s, r);
        if (h.ranks < 2) continue;
        if (m->shared_free >= 0 && m->shared_free < SHARED_OF_RANK && h.first == r) {
            see(f, "/dev/shm of %s, through which its ranks talk, has only %s free", h.name,
                AMOUNT_OF(m->shared_free));
            mind(f, PWF_FINDING_WARNING,
                 "remove there what jobs that were killed left, or give the container more "
                 "(--shm-size)");
            return;
        }
        if (leaves_out_memory(s->places[r].transports)) {
            see(f, "Open MPI may not use shared memory: OMPI_MCA_btl is %s",
                s->places[r].transports);
            mind(f, PWF_FINDING_NOTE, "add vader, unless UCX carries the messages");
            return;
        }
    }
}

/* ---- the run directory ---- */

static void check_directory(const pwf_survey *s, pwf_finding *f)
{
    const pwf_directory *d = &s->found;
    if (s->directory.code != PWF_OK) {
        take(f, &s->directory);
        return;
    }
    if (s->shared.code != PWF_OK) {
        take(f, &s->shared);
        return;
    }
    const char *all = s->ranks > 1 ? "; all ranks see it" : "";
    if (d->exists)
        see(f, "%s (%s) can be written to%s", s->config->output, d->kind, all);
    else
        see(f, "%s can be made in %s (%s)%s", s->config->output, d->place, d->kind, all);
    if (d->in_memory)
        mind(f, PWF_FINDING_NOTE, "this is memory: what is written there ends with the host");
}

static void check_lock(const pwf_survey *s, pwf_finding *f)
{
    see(f, "flock works");
    if (s->found.locks) return;
    see(f, "%s has no locks between hosts", s->found.kind);
    mind(f, PWF_FINDING_NOTE,
         "a run keeps a file alive instead; one that was killed on another host blocks the "
         "directory for five minutes");
}

static void check_space(const pwf_survey *s, pwf_finding *f)
{
    const double one = s->needs.checkpoint_bytes, all = one * (double)s->needs.checkpoints;
    if (!s->has_needs) {
        see(f, "%s free", AMOUNT_OF(s->found.free_bytes));
        return;
    }
    see(f, "%s free; up to %" PRId64 " checkpoints of %s%s", AMOUNT_OF(s->found.free_bytes),
        s->needs.checkpoints, AMOUNT_OF(one),
        s->config->checkpoint.keep_every > 0 ? ", and those of checkpoint.keep_every" : "");
    if (all > (double)s->found.free_bytes)
        mind(f, PWF_FINDING_WARNING,
             "make room or choose another --output; a run whose checkpoints cannot be written ends "
             "with 74");
}

static void check_hdf5(const pwf_survey *s, pwf_finding *f)
{
    see(f, "its file locks are off: the run directory has a lock of its own");
    if (!*s->variables) return;
    see(f, "its file locks are off; not obeyed: %s", s->variables);
    mind(f, PWF_FINDING_NOTE, "nothing need be done");
}

/* ---- the table ---- */

static const struct {
    const char *name;
    enum { ALWAYS, SETTLED, DIRECTORY, PLACE } when; /* PLACE: a directory that can be used */
    void (*look)(const pwf_survey *s, pwf_finding *f);
} checks[] = {
    {"launch", ALWAYS, check_launch},
    {"workers", SETTLED, check_workers},
    {"libraries", ALWAYS, check_libraries},
    {"arithmetic", ALWAYS, check_arithmetic},
    {"threads", ALWAYS, check_threads},
    {"binding", ALWAYS, check_binding},
    {"memory", ALWAYS, check_memory},
    {"limits", ALWAYS, check_limits},
    {"messages", ALWAYS, check_messages},
    {"directory", DIRECTORY, check_directory},
    {"lock", PLACE, check_lock},
    {"space", PLACE, check_space},
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
        if (checks[i].when == PLACE && s->directory.code != PWF_OK) continue;
        findings[count] = (pwf_finding){.name = checks[i].name};
        checks[i].look(s, &findings[count++]);
    }
    return count;
}

pwf_finding pwf_launch_failed(pwf_status status)
{
    pwf_finding f = {.name = checks[0].name};
    take(&f, &status);
    return f;
}
