/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TRAIN_TRACING_H
#define PWF_TRAIN_TRACING_H

#include "pwf/ckpt/ckpt.h"
#include "pwf/config/config.h"

/* The trace that log.trace asks for; at most one in a job. */
typedef struct pwf_tracing {
    const pwf_mesh *mesh;
    const pwf_config *config;
    int threads;         /* workers of a rank */
    bool open, over;     /* the same on all ranks */
    int64_t first;       /* number of steps of this process when it began */
    int fd;              /* on rank 0, and so are the following */
    uint64_t length;     /* bytes of the file without the end of the JSON array */
    char path[PWF_PATH]; /* name of the file */
} pwf_tracing;

/* Begins the trace at log.trace_from and ends it after log.trace_steps; `steps` is the number of
 * steps of this process. A failure of any of these functions is a warning and the end of the trace.
 * Collective. */
void pwf_tracing_update(pwf_tracing *tracing, const pwf_position *position, int64_t steps);

/* Writes what has been recorded so far. Collective. */
void pwf_tracing_flush(pwf_tracing *tracing);

/* Ends a trace that is open. Collective. */
void pwf_tracing_end(pwf_tracing *tracing, int64_t steps);

#endif
