/* SPDX-License-Identifier: BSD-3-Clause */
/* The weights in the order that products like, made once for all slots of a step or all chunks of
 * an evaluation instead of by every call. */
#include "trainer.h"

#include "pwf/core/mem.h"
#include "pwf/core/trace.h"

typedef struct pack_job {
    pwf_trainer *t;
    pwf_worker_prepare *prepare;
} pack_job;

static pwf_executor *executor_of(const pwf_worker *w)
{
    return w->train ? w->train : w->predict;
}

static void pack_task(void *context, int piece, int worker)
{
    const pack_job *job = context;
    pwf_trainer *t = job->t;
    pwf_worker *w = &t->workers[worker];
    if (w->status.code == PWF_OK) w->status = job->prepare(t, w);
    if (w->status.code == PWF_OK)
        w->status = pwf_executor_pack(executor_of(w), t->weights, t->packed, piece);
}

/* Room for what the first worker's executor wants; those of the others are alike. */
static pwf_status make_room(const pack_job *job, int *pieces)
{
    pwf_trainer *t = job->t;
    PWF_TRY(job->prepare(t, &t->workers[0]));
    const size_t bytes = pwf_executor_packed(executor_of(&t->workers[0]), pieces);
    if (bytes <= t->packed_bytes) return pwf_ok();
    pwf_mem_free(t->packed);
    t->packed = NULL;
    t->packed_bytes = 0;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_WEIGHTS, (int64_t)bytes, 1, &t->packed));
    t->packed_bytes = bytes;
    return pwf_ok();
}

void pwf_workers_pack(pwf_trainer *t, pwf_worker_prepare *prepare)
{
    pack_job job = {t, prepare};
    int pieces = 0;
    const pwf_span span = pwf_trace_begin("pack");
    t->workers[0].status = make_room(&job, &pieces);
    if (t->workers[0].status.code == PWF_OK) pwf_pool_run(t->pool, pieces, pack_task, &job);
    pwf_trace_end(span);
}
