/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_check FILE RANKS THREADS NAME...: whether a trace is valid JSON, holds spans of these ranks
 * and workers alone (and of the thread that writes checkpoints), which nest in each thread, and
 * each of the names on each rank; NAME/THREADS: on that many workers of it. Prints the first
 * error. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPANS = 200000, RANKS = 8, WORKERS = 8, CHECKPOINT = 1000 };

typedef struct span {
    int rank, thread;
    double begun, ended;
    const char *name;
} span;

static span spans[SPANS];
static int count;
static bool named[RANKS][WORKERS + 1]; /* the last: the process itself */

static int wrong(const char *what, const char *which)
{
    printf("%s: %s\n", what, which);
    return 1;
}

/* By thread, then by time, the longer first. */
static int in_order(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->rank != y->rank) return x->rank - y->rank;
    if (x->thread != y->thread) return x->thread - y->thread;
    if (x->begun < y->begun || x->begun > y->begun) return x->begun < y->begun ? -1 : 1;
    return (x->ended < y->ended) - (x->ended > y->ended);
}

/* Times are rounded to nanoseconds. */
static int check_nesting(void)
{
    const double least = 0.002;
    span *open[64];
    int depth = 0;
    qsort(spans, (size_t)count, sizeof *spans, in_order);
    for (int i = 0; i < count; i++) {
        span *s = &spans[i];
        while (depth > 0 &&
               (open[depth - 1]->rank != s->rank || open[depth - 1]->thread != s->thread ||
                open[depth - 1]->ended <= s->begun + least))
            depth--;
        if (depth > 0 && s->ended > open[depth - 1]->ended + least)
            return wrong("a span ends after the one around it", s->name);
        if (depth == 64) return wrong("too deep", s->name);
        open[depth++] = s;
    }
    return 0;
}

static int read_event(json_t *event, int ranks, int threads)
{
    const char *name = NULL, *kind = NULL;
    span s = {0};
    double length = 0.0;
    if (json_unpack(event, "{s:s, s:s, s:i, s:i}", "name", &name, "ph", &kind, "pid", &s.rank,
                    "tid", &s.thread) != 0)
        return wrong("an event without name, kind, process or thread", json_dumps(event, 0));
    if (s.rank < 0 || s.rank >= ranks) return wrong("a process that is no rank", name);
    if (strcmp(kind, "M") == 0) {
        if (strcmp(name, "process_name") == 0) named[s.rank][WORKERS] = true;
        if (strcmp(name, "thread_name") == 0 && s.thread < threads) named[s.rank][s.thread] = true;
        return 0;
    }
    if (strcmp(kind, "X") != 0) return wrong("an event of another kind", kind);
    if ((s.thread < 0 || s.thread >= threads) && s.thread != CHECKPOINT)
        return wrong("a thread that is no worker", name);
    if (json_unpack(event, "{s:F, s:F}", "ts", &s.begun, "dur", &length) != 0 || s.begun < 0.0 ||
        length < 0.0)
        return wrong("a span without times", name);
    s.ended = s.begun + length;
    s.name = name;
    if (count == SPANS) return wrong("too many spans", name);
    spans[count++] = s;
    return 0;
}

static bool has(const char *name, int rank, int thread)
{
    for (int i = 0; i < count; i++)
        if (spans[i].rank == rank && (thread < 0 || spans[i].thread == thread) &&
            strcmp(spans[i].name, name) == 0)
            return true;
    return false;
}

static int check_name(char *name, int ranks)
{
    char *slash = strchr(name, '/');
    const int threads = slash ? atoi(slash + 1) : 0;
    if (slash) *slash = '\0';
    for (int r = 0; r < ranks; r++) {
        if (!has(name, r, -1)) return wrong("some rank lacks", name);
        for (int w = 0; w < threads; w++)
            if (!has(name, r, w)) return wrong("some worker lacks", name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    json_error_t error;
    size_t i;
    json_t *event;
    if (argc < 4) return wrong("usage", "trace_check FILE RANKS THREADS NAME...");
    const int ranks = atoi(argv[2]), threads = atoi(argv[3]);
    if (ranks > RANKS || threads > WORKERS) return wrong("too many", "ranks or threads");
    json_t *all = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error);
    if (!all) return wrong(argv[1], error.text);
    if (!json_is_array(all)) return wrong(argv[1], "no array");
    json_array_foreach(all, i, event) if (read_event(event, ranks, threads) != 0) return 1;
    for (int r = 0; r < ranks; r++)
        for (int w = 0; w <= threads; w++)
            if (!named[r][w < threads ? w : WORKERS])
                return wrong("a process or thread", "no name");
    if (check_nesting() != 0) return 1;
    for (int a = 4; a < argc; a++)
        if (check_name(argv[a], ranks) != 0) return 1;
    json_decref(all);
    return 0;
}
