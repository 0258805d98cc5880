/* SPDX-License-Identifier: BSD-3-Clause */
/* log.trace: the spans of all ranks in one file, trace-<step>.json in the run directory. The run
 * calls it after every phase or step: rank 0 collects what the ranks have recorded and appends it.
 * The file is a complete JSON array each time, so that a run that dies leaves a valid one.
 * Communicates and writes that file only. */
#include "tracing.h"

#include "phase.h"
#include "pwf/ckpt/background.h"
#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/machine.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/infer/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HEAD[] = "[", TAIL[] = "\n]\n";

/* Creates the file; one of an earlier job stays, and the next free name is used. */
static pwf_status open_file(pwf_tracing *tracing, int64_t step)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    tracing->fd = -1;
    for (int i = 1; tracing->fd < 0; i++) {
        char number[16] = "";
        if (i > 1) snprintf(number, sizeof number, "-%d", i);
        const int n = snprintf(tracing->path, sizeof tracing->path, "%s/trace-%010lld%s.json",
                               tracing->config->output, (long long)step, number);
        PWF_ASSERT(n > 0 && n < (int)sizeof tracing->path);
        tracing->fd = open(tracing->path, flags, 0644);
        if (tracing->fd < 0 && errno != EEXIST)
            return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "create", tracing->path);
    }
    tracing->length = sizeof HEAD - 1;
    return pwf_file_pwrite(tracing->fd, tracing->path, HEAD, sizeof HEAD - 1, 0);
}

/* Only rank 0 has a file. `over` makes the first trace of a job the only one. */
static void stop(pwf_tracing *tracing)
{
    pwf_trace_stop();
    if (tracing->fd >= 0) close(tracing->fd);
    tracing->fd = -1;
    tracing->open = false;
    tracing->over = true;
}

/* Ends the trace on every rank; the run continues. */
static void give_up(pwf_tracing *tracing, const pwf_status *why)
{
    if (pwf_mesh_rank(tracing->mesh, PWF_WORLD) == 0)
        PWF_WARN("TRACE_FAILED", "the trace ends here: %s", why->text);
    stop(tracing);
}

/* Rank 0 appends the events of all ranks. Each begins with a comma, which is left out for the
 * first. `events` has room for TAIL. */
static pwf_status append(pwf_tracing *tracing, char *events, size_t bytes)
{
    const size_t comma = tracing->length == sizeof HEAD - 1 && bytes > 0 ? 1 : 0;
    PWF_TRY(PWF_FAULT_POINT("train.trace"));
    memcpy(events + bytes, TAIL, sizeof TAIL - 1);
    PWF_TRY(pwf_file_pwrite(tracing->fd, tracing->path, events + comma,
                            bytes - comma + sizeof TAIL - 1, tracing->length));
    tracing->length += bytes - comma;
    return pwf_ok();
}

/* Collects one string from each rank and appends them all. Collective. */
static pwf_status collect(pwf_tracing *tracing, const char *text, size_t length)
{
    const bool root = pwf_mesh_rank(tracing->mesh, PWF_WORLD) == 0;
    const int ranks = pwf_mesh_size(tracing->mesh, PWF_WORLD);
    int64_t lengths[PWF_SLOTS_MAX], offset[PWF_SLOTS_MAX + 1] = {0};
    char *all = NULL;
    lengths[pwf_mesh_rank(tracing->mesh, PWF_WORLD)] = (int64_t)length;
    pwf_mesh_gather_items(tracing->mesh, PWF_WORLD, lengths, sizeof *lengths);
    for (int r = 0; r < ranks; r++)
        offset[r + 1] = offset[r] + lengths[r];
    pwf_status status = pwf_ok();
    if (root)
        status =
            pwf_mem_alloc(PWF_MEM_BUFFERS, offset[ranks] + (int64_t)sizeof TAIL, sizeof *all, &all);
    status = pwf_mesh_agree(tracing->mesh, status);
    if (status.code == PWF_OK) {
        pwf_mesh_collect(tracing->mesh, text, length, all, offset);
        if (root) status = append(tracing, all, (size_t)offset[ranks]);
        status = pwf_mesh_agree(tracing->mesh, status);
    }
    pwf_mem_free(all);
    return status;
}

/* A metadata event of the Trace Event Format, in which `pid` is the rank and `tid` the thread.
 * `value` is JSON. */
static void put_name(FILE *out, const char *event, int rank, int thread, const char *key,
                     const char *value)
{
    fprintf(out,
            ",\n{\"name\": \"%s\", \"ph\": \"M\", \"pid\": %d, \"tid\": %d, \"args\": "
            "{\"%s\": %s}}",
            event, rank, thread, key, value);
}

/* Formats the names of this rank's process and threads. The caller frees *text. */
static pwf_status names(const pwf_tracing *tracing, char **text, size_t *length)
{
    char host[PWF_HOST], value[PWF_HOST + 32];
    const int rank = pwf_mesh_rank(tracing->mesh, PWF_WORLD);
    FILE *out = open_memstream(text, length);
    PWF_FAIL_IF(!out, PWF_RESOURCE, "no memory for the names of a trace");
    pwf_host_name(host);
    for (char *c = host; *c; c++)
        if (*c == '"' || *c == '\\' || *c < ' ' || *c > '~') *c = '?';
    snprintf(value, sizeof value, "\"rank %d on %s\"", rank, host);
    put_name(out, "process_name", rank, 0, "name", value);
    snprintf(value, sizeof value, "%d", rank);
    put_name(out, "process_sort_index", rank, 0, "sort_index", value);
    for (int w = 0; w < tracing->threads; w++) {
        snprintf(value, sizeof value, "\"worker %d\"", w);
        put_name(out, "thread_name", rank, w, "name", value);
    }
    if (tracing->config->checkpoint.async)
        put_name(out, "thread_name", rank, PWF_BACKGROUND_THREAD, "name", "\"checkpoint\"");
    if (fclose(out) == 0) return pwf_ok();
    free(*text);
    *text = NULL;
    return PWF_FAIL(PWF_RESOURCE, "no memory for the names of a trace");
}

/* The ranks leave the barrier at about the same moment, which is time 0 of each. Clocks of
 * different hosts have no common zero. */
static void begin(pwf_tracing *tracing, int64_t step, int64_t steps)
{
    char *text = NULL;
    size_t length = 0;
    const bool root = pwf_mesh_rank(tracing->mesh, PWF_WORLD) == 0;
    tracing->open = true;
    tracing->first = steps;
    tracing->fd = -1;
    pwf_status status = names(tracing, &text, &length);
    if (status.code == PWF_OK && root) status = open_file(tracing, step);
    status = pwf_mesh_agree(tracing->mesh, status);
    if (status.code == PWF_OK) status = collect(tracing, text, length);
    free(text);
    if (status.code == PWF_OK) {
        pwf_mesh_barrier(tracing->mesh);
        status = pwf_mesh_agree(tracing->mesh, pwf_trace_start(pwf_clock_seconds()));
    }
    if (status.code != PWF_OK) give_up(tracing, &status);
}

/* Flushing after each step bounds the memory of events and what is lost if the run dies. */
void pwf_tracing_flush(pwf_tracing *tracing)
{
    if (!tracing->open) return;
    char *text = NULL;
    size_t length = 0;
    const pwf_span span = pwf_trace_begin("trace");
    pwf_status status = pwf_trace_take(pwf_mesh_rank(tracing->mesh, PWF_WORLD), &text, &length);
    status = pwf_mesh_agree(tracing->mesh, status);
    if (status.code == PWF_OK) status = collect(tracing, text, length);
    pwf_trace_end(span);
    free(text);
    if (status.code != PWF_OK) give_up(tracing, &status);
}

/* A flush that fails ends the trace itself, with a warning. */
void pwf_tracing_end(pwf_tracing *tracing, int64_t steps)
{
    pwf_tracing_flush(tracing);
    if (!tracing->open) return;
    stop(tracing);
    if (pwf_mesh_rank(tracing->mesh, PWF_WORLD) == 0)
        PWF_INFO("TRACE", "trace of %lld steps in %s; open it with ui.perfetto.dev",
                 (long long)(steps - tracing->first), tracing->path);
}

/* The first trace of a job is the only one: `over` stays set. */
void pwf_tracing_update(pwf_tracing *tracing, const pwf_position *position, int64_t steps)
{
    const pwf_config *c = tracing->config;
    if (!c->log.trace || tracing->over) return;
    if (!tracing->open && position->step >= c->log.trace_from)
        begin(tracing, position->step, steps);
    if (tracing->open && pwf_phases[position->phase].steps &&
        steps - tracing->first >= c->log.trace_steps)
        pwf_tracing_end(tracing, steps);
}
