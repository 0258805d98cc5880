/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs of the bench share: threads that run a job at the same time, rates, and cells
 * of the result table. */
#include "bench.h"

#include "pwf/core/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 256 };

/* Short enough that, on a busy machine, some runs find all cores free. */
static const double RUN_SECONDS = 0.002;

void bench_check(pwf_status status)
{
    if (status.code == PWF_OK) return;
    fprintf(stderr, "%s\n", status.text);
    exit((int)status.code);
}

static void put(const char *group, const char *row, const char *column, const char *value)
{
    const char *path = getenv("BENCH_CELLS");
    if (!path) return;
    FILE *file = fopen(path, "a");
    if (!file || fprintf(file, "%s\t%s\t%s\t%s\n", group, row, column, value) < 0 ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

void bench_cell(const char *group, const char *row, const char *column, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", value);
    put(group, row, column, text);
}

void bench_text(const char *group, const char *row, const char *column, const char *text)
{
    put(group, row, column, text);
}

long long bench_argument(int argc, char **argv, int index, long long other)
{
    if (index >= argc) return other;
    char *end = NULL;
    const long long value = strtoll(argv[index], &end, 10);
    if (*end == '\0' && value > 0) return value;
    fprintf(stderr, "%s: not a whole number above 0\n", argv[index]);
    exit(PWF_USAGE);
}

typedef struct crew {
    const bench_job *job;
    pthread_barrier_t barrier;
    int threads;
    double seconds;
    double rate[THREADS_MAX]; /* of the current run */
    double best;
    bool go_on;
} crew;

typedef struct member {
    crew *crew;
    int thread;
} member;

static double one_run(const crew *c, int thread)
{
    const double begun = pwf_clock_seconds();
    double done = 0.0, spent = 0.0;
    while (spent < RUN_SECONDS) {
        done += c->job->work(c->job->context, thread);
        spent = pwf_clock_seconds() - begun;
    }
    return done / spent;
}

static void *member_main(void *context)
{
    const member *m = context;
    crew *c = m->crew;
    const double begun = pwf_clock_seconds();
    if (c->job->begin) c->job->begin(c->job->context, m->thread);
    c->job->work(c->job->context, m->thread);
    for (bool go_on = true; go_on;) {
        pthread_barrier_wait(&c->barrier);
        c->rate[m->thread] = one_run(c, m->thread);
        pthread_barrier_wait(&c->barrier);
        if (m->thread == 0) {
            double sum = 0.0;
            for (int i = 0; i < c->threads; i++)
                sum += c->rate[i];
            if (sum > c->best) c->best = sum;
            c->go_on = pwf_clock_seconds() - begun < c->seconds;
        }
        pthread_barrier_wait(&c->barrier);
        go_on = c->go_on;
    }
    if (c->job->end) c->job->end(c->job->context, m->thread);
    return NULL;
}

double bench_rate(int threads, double seconds, const bench_job *job)
{
    static crew c;
    static member members[THREADS_MAX];
    static pthread_t ids[THREADS_MAX];
    PWF_ASSERT(threads >= 1 && threads <= THREADS_MAX);
    memset(&c, 0, sizeof c);
    c.job = job;
    c.threads = threads;
    c.seconds = seconds;
    if (pthread_barrier_init(&c.barrier, NULL, (unsigned)threads) != 0)
        bench_check(PWF_FAIL(PWF_RESOURCE, "no barrier"));
    for (int i = 0; i < threads; i++) {
        members[i] = (member){&c, i};
        if (pthread_create(&ids[i], NULL, member_main, &members[i]) != 0)
            bench_check(PWF_FAIL(PWF_RESOURCE, "no thread"));
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&c.barrier);
    return c.best;
}

/* From sysfs, because sysconf reports 0 on many processors; `other` if sysfs has no entry. */
static long long cache_bytes(int index, long long other)
{
    char path[96];
    long long kib = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    FILE *file = fopen(path, "r");
    if (!file) return other;
    const int found = fscanf(file, "%lldK", &kib);
    fclose(file);
    return found == 1 && kib > 0 ? kib << 10 : other;
}

long long bench_second_level(void)
{
    return cache_bytes(2, 1LL << 20);
}

long long bench_third_level(void)
{
    return cache_bytes(3, 16LL << 20);
}
