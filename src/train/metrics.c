/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of metrics that the run itself writes: steps and memory. Called by the run after a step that
 * is to be logged and at the end. Rank 0 writes metrics.jsonl; the other ranks contribute maxima
 * and hashes. */
#include "trainer.h"

#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"

/* A row of kind "step". The share of waiting is written only if images are decoded. */
static pwf_json *step_row(const pwf_trainer *t, const char *title, const char *fingerprint,
                          const pwf_shares *shares)
{
    const pwf_position *position = &t->now.facts.position;
    const pwf_batch *b = &t->batch;
    pwf_json *row = pwf_json_new();
    pwf_json_set_text(row, "kind", "step");
    pwf_json_set_int(row, "step", position->step);
    pwf_json_set_text(row, "phase", title);
    pwf_json_set_int(row, "round", position->round);
    pwf_json_set_int(row, "pass", pwf_order_pass(t->engine->feed.order));
    pwf_json_set_real(row, "loss", b->loss);
    pwf_json_set_real(row, "lr", b->lr);
    pwf_json_set_real(row, "gradient_norm", b->gradient_norm);
    pwf_json_set_real(row, "clip", b->clip);
    pwf_json_set_text(row, "fingerprint", fingerprint);
    pwf_json_set_real(row, "seconds", pwf_meter_seconds(&t->meter));
    pwf_json_set_real(row, "communication_share", shares->communication);
    if (pwf_dataset_is_decoded(t->engine->feed.train))
        pwf_json_set_real(row, "wait_share", shares->images);
    return row;
}

/* All ranks take part in the fingerprint and the shares, including those that write nothing. */
pwf_status pwf_metrics_step(pwf_trainer *t, const char *title)
{
    const pwf_workers *workers = &t->engine->workers;
    pwf_loader *loader = t->engine->feed.loader;
    char fingerprint[33];
    const pwf_span span = pwf_trace_begin("fingerprint");
    pwf_status status = pwf_guard_fingerprint(&t->guard, fingerprint);
    pwf_trace_end(span);
    PWF_TRY(status);
    /* Without a loader the workers decode; this counts as waiting for images. */
    const double waited = loader ? pwf_loader_waited(loader) : pwf_workers_decode_seconds(workers);
    const pwf_shares shares =
        pwf_meter_take_shares(&t->meter, t->mesh, pwf_pool_threads(workers->pool), waited);
    if (t->report) status = pwf_report_row(t->report, step_row(t, title, fingerprint, &shares));
    return pwf_mesh_agree(t->mesh, status);
}

/* The maximum of each kind over ranks. Maxima may come from different ranks, so the kinds need not
 * add up to the total. In bytes; the log line is in MiB. */
pwf_status pwf_metrics_memory(const pwf_mesh *mesh, pwf_report *report, int64_t step)
{
    int64_t most[PWF_MEM_KINDS + 2];
    for (int k = 0; k < PWF_MEM_KINDS; k++)
        most[k] = (int64_t)pwf_mem_peak((pwf_mem_kind)k);
    most[PWF_MEM_KINDS] = (int64_t)pwf_mem_peak_total();
    most[PWF_MEM_KINDS + 1] = (int64_t)pwf_mem_process_peak();
    pwf_mesh_max_i64(mesh, PWF_WORLD, most, PWF_MEM_KINDS + 2);
    pwf_status status = pwf_ok();
    if (report) {
        pwf_json *row = pwf_json_new();
        pwf_json_set_text(row, "kind", "memory");
        pwf_json_set_int(row, "step", step);
        pwf_json_set_int(row, "shards", pwf_mesh_size(mesh, PWF_SHARD));
        pwf_json_set_int(row, "replicas", pwf_mesh_size(mesh, PWF_REPLICA));
        for (int k = 0; k < PWF_MEM_KINDS; k++)
            pwf_json_set_int(row, pwf_mem_name((pwf_mem_kind)k), most[k]);
        pwf_json_set_int(row, "all", most[PWF_MEM_KINDS]);
        pwf_json_set_int(row, "process", most[PWF_MEM_KINDS + 1]);
        status = pwf_report_row(report, row);
        const double mib = 1048576.0;
        PWF_INFO("MEMORY",
                 "most per rank: state %.1f MiB, weights %.1f, gradients %.1f, activations %.1f, "
                 "data %.1f, other %.1f; process %.0f MiB",
                 (double)most[PWF_MEM_STATE] / mib, (double)most[PWF_MEM_WEIGHTS] / mib,
                 (double)most[PWF_MEM_GRADIENTS] / mib, (double)most[PWF_MEM_ACTIVATIONS] / mib,
                 (double)most[PWF_MEM_DATA] / mib, (double)most[PWF_MEM_BUFFERS] / mib,
                 (double)most[PWF_MEM_KINDS + 1] / mib);
    }
    return pwf_mesh_agree(mesh, status);
}
