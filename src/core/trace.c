/* SPDX-License-Identifier: BSD-3-Clause */
/* Records what the threads of this process do as spans of time and writes them in the Chrome trace
 * format. Called through trace.h from everywhere; started and read by train/tracing.c. State: a
 * buffer of finished spans under a mutex, and per thread its number and innermost span. */
#include "pwf/core/trace.h"

#include "pwf/core/clock.h"
#include "pwf/core/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* A finished span. */
typedef struct event {
    const char *name, *key; /* key of `value`; NULL: none */
    double begun, ended;    /* seconds on pwf_clock_seconds */
    int64_t value;
    int thread;
} event;

atomic_bool pwf_trace_on;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static event *events;    /* [PWF_TRACE_ROOM]; NULL: not recording. The lock guards these four. */
static int used;         /* events in the buffer */
static int64_t left_out; /* events that did not fit */
static double zero_time; /* clock reading that becomes time 0 */

static _Thread_local int thread_number;
static _Thread_local const char *innermost; /* name of the innermost open span */

/* Number and innermost span belong to a thread, so no lock guards them. */
void pwf_trace_thread(int number)
{
    thread_number = number;
}

const char *pwf_trace_name(void)
{
    return innermost;
}

/* A span remembers the one around it, which becomes innermost again when it ends. */
pwf_span pwf_trace_open_span(const char *name)
{
    const pwf_span span = {name, innermost, pwf_clock_seconds()};
    innermost = name;
    return span;
}

void pwf_trace_close_span(pwf_span span, const char *key, int64_t value)
{
    /* The clock is read before the lock, so that waiting for it is not part of the span. */
    const event e = {span.name, key, span.begun, pwf_clock_seconds(), value, thread_number};
    innermost = span.outer;
    pthread_mutex_lock(&lock);
    if (events && used < PWF_TRACE_ROOM)
        events[used++] = e;
    else
        left_out++;
    pthread_mutex_unlock(&lock);
}

void pwf_trace_drop_span(pwf_span span)
{
    innermost = span.outer;
}

pwf_status pwf_trace_start(double zero)
{
    /* Allocated before the lock: zeroing the buffer touches all its pages. */
    event *room = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, PWF_TRACE_ROOM, sizeof *room, &room));
    pthread_mutex_lock(&lock);
    PWF_ASSERT(!events);
    events = room;
    used = 0;
    left_out = 0;
    zero_time = zero;
    pthread_mutex_unlock(&lock);
    atomic_store(&pwf_trace_on, true);
    return pwf_ok();
}

/* One complete event; times are in microseconds. */
static void write_event(FILE *out, int process, const event *e)
{
    fprintf(out,
            ",\n{\"name\": \"%s\", \"ph\": \"X\", \"pid\": %d, \"tid\": %d, \"ts\": %.3f, \"dur\": "
            "%.3f",
            e->name, process, e->thread, 1e6 * (e->begun - zero_time), 1e6 * (e->ended - e->begun));
    if (e->key) fprintf(out, ", \"args\": {\"%s\": %" PRId64 "}", e->key, e->value);
    fprintf(out, "}");
}

pwf_status pwf_trace_take(int process, char **text, size_t *length)
{
    *text = NULL;
    *length = 0;
    /* The spans are formatted under the lock, which delays threads that end a span meanwhile. */
    FILE *out = open_memstream(text, length);
    pthread_mutex_lock(&lock);
    for (int i = 0; out && i < used; i++)
        write_event(out, process, &events[i]);
    if (out && left_out > 0)
        fprintf(out,
                ",\n{\"name\": \"spans left out\", \"ph\": \"i\", \"s\": \"p\", \"pid\": %d, "
                "\"tid\": 0, \"ts\": %.3f, \"args\": {\"count\": %" PRId64 "}}",
                process, 1e6 * (pwf_clock_seconds() - zero_time), left_out);
    used = 0;
    left_out = 0;
    pthread_mutex_unlock(&lock);
    if (out && fclose(out) == 0) return pwf_ok();
    free(*text);
    *text = NULL;
    *length = 0;
    return PWF_FAIL(PWF_RESOURCE, "out of memory for the text of a trace");
}

void pwf_trace_stop(void)
{
    /* No span opens from here on; one that is open finds no buffer when it ends. */
    atomic_store(&pwf_trace_on, false);
    pthread_mutex_lock(&lock);
    event *room = events;
    events = NULL;
    pthread_mutex_unlock(&lock);
    pwf_mem_free(room);
}
