/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CORE_TRACE_H
#define PWF_CORE_TRACE_H

#include "pwf/core/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Named spans of time, nested within a thread, written as events of the Chrome trace format. While
 * nothing is recorded, a span costs one atomic load.
 *
 *   const pwf_span span = pwf_trace_begin("gather");
 *   ...
 *   pwf_trace_end(span); */

/* Capacity in spans between two calls of pwf_trace_take; further spans are only counted. */
enum { PWF_TRACE_ROOM = 1 << 15 };

typedef struct pwf_span {
    const char *name, *outer; /* name NULL: not recorded */
    double begun;
} pwf_span;

/* Implementation of the inline functions below. */
extern atomic_bool pwf_trace_on;
pwf_span pwf_trace_open_span(const char *name);
void pwf_trace_close_span(pwf_span span, const char *key, int64_t value);
void pwf_trace_drop_span(pwf_span span);

/** Begins a span of the calling thread. `name` must stay valid and need no escaping in JSON.
 * Local; any thread. */
static inline pwf_span pwf_trace_begin(const char *name)
{
    if (!atomic_load_explicit(&pwf_trace_on, memory_order_relaxed)) return (pwf_span){0};
    return pwf_trace_open_span(name);
}

/** Ends the innermost open span of the thread; pwf_trace_end_of also records a number.
 * Local; on the thread of the span. */
static inline void pwf_trace_end(pwf_span span)
{
    if (span.name) pwf_trace_close_span(span, NULL, 0);
}

static inline void pwf_trace_end_of(pwf_span span, const char *key, int64_t value)
{
    if (span.name) pwf_trace_close_span(span, key, value);
}

/** Ends the innermost open span of the thread without recording it.
 * Local; on the thread of the span. */
static inline void pwf_trace_drop(pwf_span span)
{
    if (span.name) pwf_trace_drop_span(span);
}

/** The name of the innermost open span of the calling thread, or NULL.
 * Local; any thread. */
const char *pwf_trace_name(void);

/** Sets the number of the calling thread in the trace; initially 0.
 * Local; any thread. */
void pwf_trace_thread(int number);

/** Starts recording; times are relative to `zero`, a reading of pwf_clock_seconds.
 * Local. Fails with PWF_RESOURCE. */
pwf_status pwf_trace_start(double zero);

/** Removes the spans that ended since the last call and returns them as events of process
 * `process`, each preceded by ",\n", with the number of spans that did not fit.
 * Local. The caller frees *text with free(). Fails with PWF_RESOURCE; the spans are then lost. */
pwf_status pwf_trace_take(int process, char **text, size_t *length);

/** Stops recording and discards spans that were not taken. No effect if not recording.
 * Local. */
void pwf_trace_stop(void);

#endif
