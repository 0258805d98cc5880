/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_TRACE_H
#define PWF_CORE_TRACE_H

#include "pwf/core/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What the threads of this process do when: spans of time with names, nested within a thread,
 * written as events of the Chrome trace format. While nothing is recorded a span costs one load.
 *
 *   const pwf_span span = pwf_trace_begin("gather");
 *   ...
 *   pwf_trace_end(span); */

/* Spans held between two calls of pwf_trace_take; more are counted and left out. */
enum { PWF_TRACE_ROOM = 1 << 15 };

typedef struct pwf_span {
    const char *name, *outer; /* name NULL: nothing is recorded */
    double begun;
} pwf_span;

extern atomic_bool pwf_trace_on;
pwf_span pwf_trace_open_span(const char *name);
void pwf_trace_close_span(pwf_span span, const char *key, int64_t value);
void pwf_trace_drop_span(pwf_span span);

/** Begins a span of the calling thread. `name` stays valid and needs no escape in JSON.
 * Local; any thread. */
static inline pwf_span pwf_trace_begin(const char *name)
{
    if (!atomic_load_explicit(&pwf_trace_on, memory_order_relaxed)) return (pwf_span){0};
    return pwf_trace_open_span(name);
}

/** Ends it: the innermost of the thread that is open. The second form notes a number with it.
 * Local; the same thread. */
static inline void pwf_trace_end(pwf_span span)
{
    if (span.name) pwf_trace_close_span(span, NULL, 0);
}

static inline void pwf_trace_end_of(pwf_span span, const char *key, int64_t value)
{
    if (span.name) pwf_trace_close_span(span, key, value);
}

/** Ends it without noting it: nothing came of it.
 * Local; the same thread. */
static inline void pwf_trace_drop(pwf_span span)
{
    if (span.name) pwf_trace_drop_span(span);
}

/** The name of the innermost open span of the calling thread; NULL without.
 * Local; any thread. */
const char *pwf_trace_name(void);

/** The number under which the calling thread's spans appear; 0 until it says so.
 * Local; any thread. */
void pwf_trace_thread(int number);

/** Begins to record; times count from `zero` on pwf_clock_seconds.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_trace_start(double zero);

/** The spans that ended since the last call as events of process `process`, each line preceded by
 * ",\n", and how many were left out for want of room.
 * Local. The caller frees *text with free(). Fails with PWF_RESOURCE; they are lost then. */
pwf_status pwf_trace_take(int process, char **text, size_t *length);

/** Ends recording; what was not taken is dropped. Without a start it does nothing.
 * Local. */
void pwf_trace_stop(void);

#endif
