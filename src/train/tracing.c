/* SPDX-License-Identifier: BSD-3-Clause */
/* log.trace: the spans of all ranks in one file, trace-<step>.json of the run directory. Behind
 * every station rank 0 collects what has been recorded and appends it; the file is a whole JSON
 * array each time, so that a run that dies leaves a good one. */
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/fault.h"
#include "pwf/core/file.h"
#include "pwf/core/log.h"
#include "pwf/core/machine.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HEAD[] = "[", TAIL[] = "\n]\n";

/* A file of that name from an earlier job stays: the next free name is taken. */
static pwf_status open_file(pwf_trainer *t)
{
    pwf_tracing *g = &t->tracing;
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    g->fd = -1;
    for (int i = 1; g->fd < 0; i++) {
        char number[16] = "";
        if (i > 1) snprintf(number, sizeof number, "-%d", i);
        const int n = snprintf(g->path, sizeof g->path, "%s/trace-%010lld%s.json",
                               t->config->output, (long long)t->position.step, number);
        PWF_ASSERT(n > 0 && n < (int)sizeof g->path);
        g->fd = open(g->path, flags, 0644);
        if (g->fd < 0 && errno != EEXIST) return PWF_FAIL_ERRNO(PWF_FILE_OUTPUT, "create", g->path);
    }
    g->length = sizeof HEAD - 1;
    return pwf_file_pwrite(g->fd, g->path, HEAD, sizeof HEAD - 1, 0);
}

static void close_file(pwf_tracing *g)
{
    if (g->fd >= 0) close(g->fd);
    g->fd = -1;
}

/* Ends the trace on every rank; the run goes on. */
static void give_up(pwf_trainer *t, const pwf_status *why)
{
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_WARN("TRACE_FAILED", "the trace ends here: %s", why->text);
    pwf_trace_stop();
    close_file(&t->tracing);
    t->tracing.open = false;
    t->tracing.over = true;
}

/* Rank 0 puts the events of all ranks behind those in the file; the first needs no comma. */
static pwf_status append(pwf_tracing *g, char *events, size_t bytes)
{
    const size_t comma = g->length == sizeof HEAD - 1 && bytes > 0 ? 1 : 0;
    PWF_TRY(PWF_FAULT_POINT("train.trace"));
    memcpy(events + bytes, TAIL, sizeof TAIL - 1);
    PWF_TRY(pwf_file_pwrite(g->fd, g->path, events + comma, bytes - comma + sizeof TAIL - 1,
                            g->length));
    g->length += bytes - comma;
    return pwf_ok();
}

/* Collects one text of each rank and appends them all. Collective. */
static pwf_status collect(pwf_trainer *t, const char *text, size_t length)
{
    pwf_tracing *g = &t->tracing;
    const bool root = pwf_mesh_rank(t->mesh, PWF_WORLD) == 0;
    const int ranks = pwf_mesh_size(t->mesh, PWF_WORLD);
    int64_t lengths[PWF_SLOTS_MAX], offset[PWF_SLOTS_MAX + 1] = {0};
    char *all = NULL;
    lengths[pwf_mesh_rank(t->mesh, PWF_WORLD)] = (int64_t)length;
    pwf_mesh_gather_items(t->mesh, PWF_WORLD, lengths, sizeof *lengths);
    for (int r = 0; r < ranks; r++)
        offset[r + 1] = offset[r] + lengths[r];
    pwf_status status = pwf_ok();
    if (root)
        status =
            pwf_mem_alloc(PWF_MEM_BUFFERS, offset[ranks] + (int64_t)sizeof TAIL, sizeof *all, &all);
    status = pwf_mesh_agree(t->mesh, status);
    if (status.code == PWF_OK) {
        pwf_mesh_collect(t->mesh, text, length, all, offset);
        if (root) status = append(g, all, (size_t)offset[ranks]);
        status = pwf_mesh_agree(t->mesh, status);
    }
    pwf_mem_free(all);
    return status;
}

/* Names for the process and the threads of this rank. */
static pwf_status names(const pwf_trainer *t, char **text, size_t *length)
{
    char host[PWF_HOST];
    const int rank = pwf_mesh_rank(t->mesh, PWF_WORLD);
    FILE *out = open_memstream(text, length);
    if (!out) return PWF_FAIL(PWF_RESOURCE, "no memory for the names of a trace");
    pwf_host_name(host);
    for (char *c = host; *c; c++)
        if (*c == '"' || *c == '\\' || *c < ' ' || *c > '~') *c = '?';
    fprintf(out,
            ",\n{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": %d, \"tid\": 0, \"args\": "
            "{\"name\": \"rank %d on %s\"}}",
            rank, rank, host);
    fprintf(out,
            ",\n{\"name\": \"process_sort_index\", \"ph\": \"M\", \"pid\": %d, \"tid\": 0, "
            "\"args\": {\"sort_index\": %d}}",
            rank, rank);
    for (int w = 0; w < pwf_pool_threads(t->pool); w++)
        fprintf(out,
                ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": %d, \"tid\": %d, \"args\": "
                "{\"name\": \"worker %d\"}}",
                rank, w, w);
    if (t->background)
        fprintf(out,
                ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": %d, \"tid\": %d, \"args\": "
                "{\"name\": \"checkpoint\"}}",
                rank, (int)PWF_BACKGROUND_THREAD);
    if (fclose(out) == 0) return pwf_ok();
    free(*text);
    *text = NULL;
    return PWF_FAIL(PWF_RESOURCE, "no memory for the names of a trace");
}

/* The ranks leave the barrier at about the same moment, which is time 0 of each. */
static void begin(pwf_trainer *t)
{
    char *text = NULL;
    size_t length = 0;
    const bool root = pwf_mesh_rank(t->mesh, PWF_WORLD) == 0;
    t->tracing.open = true;
    t->tracing.first = t->steps_here;
    t->tracing.fd = -1;
    pwf_status status = names(t, &text, &length);
    if (status.code == PWF_OK && root) status = open_file(t);
    status = pwf_mesh_agree(t->mesh, status);
    if (status.code == PWF_OK) status = collect(t, text, length);
    free(text);
    if (status.code == PWF_OK) {
        pwf_mesh_barrier(t->mesh);
        status = pwf_mesh_agree(t->mesh, pwf_trace_start(pwf_clock_seconds()));
    }
    if (status.code != PWF_OK) give_up(t, &status);
}

void pwf_tracing_flush(pwf_trainer *t)
{
    if (!t->tracing.open) return;
    char *text = NULL;
    size_t length = 0;
    const pwf_span span = pwf_trace_begin("trace");
    pwf_status status = pwf_trace_take(pwf_mesh_rank(t->mesh, PWF_WORLD), &text, &length);
    status = pwf_mesh_agree(t->mesh, status);
    if (status.code == PWF_OK) status = collect(t, text, length);
    pwf_trace_end(span);
    free(text);
    if (status.code != PWF_OK) give_up(t, &status);
}

void pwf_tracing_end(pwf_trainer *t)
{
    pwf_tracing_flush(t);
    if (!t->tracing.open) return;
    pwf_trace_stop();
    close_file(&t->tracing);
    t->tracing.open = false;
    t->tracing.over = true;
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0)
        PWF_INFO("TRACE", "trace of %lld steps in %s; open it with ui.perfetto.dev",
                 (long long)(t->steps_here - t->tracing.first), t->tracing.path);
}

void pwf_tracing_look(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    const bool steps =
        t->position.phase == PWF_PHASE_BASELINE || t->position.phase == PWF_PHASE_TRAIN;
    if (!c->log.trace || t->tracing.over) return;
    if (!t->tracing.open && t->position.step >= c->log.trace_from) begin(t);
    if (t->tracing.open && steps && t->steps_here - t->tracing.first >= c->log.trace_steps)
        pwf_tracing_end(t);
}
