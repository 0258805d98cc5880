/* SPDX-License-Identifier: BSD-3-Clause */
/* Evaluations within a run: the measures of the infer room with the run's progress and requests,
 * and BatchNorm's statistics at the end. Called in the phases START, EVALUATE and FINISH. Changes
 * only the running statistics of the state; rank 0 writes a row of metrics. */
#include "trainer.h"

#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/infer/evaluate.h"

/* The hooks of an evaluation within a run: it ends early if the run is to stop, since a resume
 * repeats it, and its passes count as work of the run. */
static pwf_status agree(void *context, pwf_status local)
{
    return pwf_trainer_agree_or_stop(context, local);
}

static void show(void *context, const char *what, int64_t done, int64_t total, double passes)
{
    pwf_trainer *t = context;
    pwf_meter_show_work(&t->meter, what, done, total, passes * pwf_plan_pass_units(&t->plan));
}

/* The measures and the fingerprint in one row identify the state they belong to. */
pwf_status pwf_measure_run(pwf_trainer *t, bool final)
{
    const int64_t when = t->config->eval.ensemble;
    const bool ensemble = when == PWF_ENSEMBLE_ALL || (final && when == PWF_ENSEMBLE_LAST);
    const pwf_evaluation_hooks hooks = {agree, show, t};
    pwf_report_eval out;
    (void)PWF_FAULT_POINT(final ? "train.end" : "train.evaluate");
    pwf_meter_show(&t->meter, "evaluation", 0, t->plan.test_images, false);
    PWF_TRY(
        pwf_engine_evaluate(t->engine, &t->now.facts.position, PWF_FP32, ensemble, &hooks, &out));
    out.final = final;
    char fingerprint[33];
    PWF_TRY(pwf_guard_fingerprint(&t->guard, fingerprint));
    pwf_status status = pwf_ok();
    if (t->report)
        status = pwf_report_evaluation(t->report, &out, t->now.facts.position.step,
                                       pwf_meter_seconds(&t->meter), fingerprint);
    PWF_INFO("EVALUATION",
             "%s: top-1 %.2f %%, loss %.4f; %.2f %% fixed, %lld unique values, %.2f bits",
             final                              ? "end"
             : t->now.facts.position.round == 0 ? "before the first round"
                                                : "after the round",
             100.0 * out.top1, out.loss, 100.0 * out.fixed, (long long)out.unique, out.entropy);
    return pwf_mesh_agree(t->mesh, status);
}

/* Adds the statistics of `batches` batches into `sum` [buffers], in slot order. Collective. */
static pwf_status add_batches(pwf_trainer *t, int64_t batches, double *sum)
{
    pwf_batch *b = &t->batch;
    pwf_engine_draw(t->engine, NULL, PWF_FP32);
    for (int64_t batch = 0; batch < batches; batch++) {
        pwf_feed_seek(&t->engine->feed, batch);
        PWF_TRY(pwf_trainer_agree_or_stop(
            t, pwf_slots_run(t->engine, b, &t->now.facts.position, PWF_FP32, false)));
        for (int64_t i = 0; i < b->buffers; i++)
            for (int64_t s = 0; s < b->slots; s++)
                sum[i] += (double)b->slot_statistics[s * b->buffers + i];
        pwf_meter_show_work(&t->meter, "statistics", batch + 1, batches, 1.0 / 3.0);
    }
    return pwf_ok();
}

/* The exponential statistics of training lag behind the weights, and were computed with sampled
 * weights. These are means over whole batches with the mean weights, the same for any mesh. */
pwf_status pwf_measure_statistics(pwf_trainer *t)
{
    const int64_t buffers = t->batch.buffers, batches = pwf_plan_norm_batches(&t->plan);
    if (buffers == 0 || batches == 0) return pwf_ok();
    double *sum = NULL;
    PWF_TRY(pwf_mesh_agree(t->mesh, pwf_mem_alloc(PWF_MEM_BUFFERS, buffers, sizeof *sum, &sum)));
    const pwf_status status = add_batches(t, batches, sum);
    for (int64_t i = 0; i < buffers && status.code == PWF_OK; i++)
        t->now.state->buffers[i] = (float)(sum[i] / (double)(t->batch.slots * batches));
    pwf_mem_free(sum);
    return status;
}
