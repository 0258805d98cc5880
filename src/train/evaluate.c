/* SPDX-License-Identifier: BSD-3-Clause */
/* Measures on exactly the test images. They are worked in chunks of eval.batch; chunks are dealt to
 * the ranks in order, and what leaves a chunk is gathered by chunk number and added in order, so
 * the measures do not depend on the mesh. docs/explanation/method.md section 5. */
#include "trainer.h"

#include "pwf/core/fault.h"
#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/core/watch.h"
#include "pwf/tensor/tensor.h"

#include <math.h>
#include <string.h>

enum { BINS_MAX = 1000 };

/* What one chunk contributes: counts and sums. `bin_*` follow it in memory, 3 * bins doubles. */
typedef struct chunk_result {
    double images, top1, top5, loss;
} chunk_result;

typedef struct eval_job {
    pwf_trainer *t;
    int64_t images, chunk, chunks, first; /* first: chunk of task 0 */
    int64_t bins, row;                    /* row: doubles per chunk in `results` */
    double *results;                      /* [chunks, row] */
    float *sum;      /* ensemble only: [own images, classes], summed probabilities */
    int64_t samples; /* ensemble only: draws in `sum` once this loop is done */
    bool judge;      /* ensemble: measure the averaged probabilities after adding these */
} eval_job;

static int64_t first_chunk(const eval_job *job, int rank)
{
    return rank * job->chunks / pwf_mesh_size(job->t->mesh, PWF_WORLD);
}

/* 0 for the largest value; equal values count in index order. */
static int64_t place_of(const float *values, int64_t count, int64_t label)
{
    int64_t place = 0;
    for (int64_t i = 0; i < count; i++)
        if (!(values[i] < values[label]) && (values[i] != values[label] || i < label) && i != label)
            place++;
    return place;
}

static void add_to_bin(const eval_job *job, double *row, double confidence, double right)
{
    double *bins = row + sizeof(chunk_result) / sizeof *row;
    /* Comparisons are written so that a NaN stays within the bins. */
    const double place = confidence * (double)job->bins;
    const int64_t bin = place < (double)job->bins ? (int64_t)place : job->bins - 1;
    bins[3 * bin] += 1.0;
    bins[3 * bin + 1] += right;
    bins[3 * bin + 2] += confidence;
}

static void judge_mean(const eval_job *job, const float *logits, int64_t label, double *row)
{
    chunk_result *r = (chunk_result *)row;
    const int64_t classes = job->t->classes, place = place_of(logits, classes, label);
    double largest = (double)logits[0], sum = 0.0;
    for (int64_t i = 1; i < classes; i++)
        largest = fmax(largest, (double)logits[i]);
    for (int64_t i = 0; i < classes; i++)
        sum += exp((double)logits[i] - largest);
    r->images += 1.0;
    r->top1 += place < 1 ? 1.0 : 0.0;
    r->top5 += place < 5 ? 1.0 : 0.0;
    r->loss += log(sum) + largest - (double)logits[label];
    add_to_bin(job, row, 1.0 / sum, place < 1 ? 1.0 : 0.0);
}

static void add_probabilities(const float *logits, int64_t classes, float *sum)
{
    double largest = (double)logits[0], total = 0.0;
    for (int64_t i = 1; i < classes; i++)
        largest = fmax(largest, (double)logits[i]);
    for (int64_t i = 0; i < classes; i++)
        total += exp((double)logits[i] - largest);
    for (int64_t i = 0; i < classes; i++)
        sum[i] += (float)(exp((double)logits[i] - largest) / total);
}

static void judge_ensemble(const eval_job *job, const float *sum, int64_t label, double *row)
{
    chunk_result *r = (chunk_result *)row;
    const int64_t classes = job->t->classes;
    int64_t best = 0;
    for (int64_t i = 1; i < classes; i++)
        if (sum[i] > sum[best]) best = i;
    const double draws = (double)job->samples, right = best == label ? 1.0 : 0.0;
    r->images += 1.0;
    r->top1 += right;
    /* Written so that a NaN reaches the sum of the losses, where it is found. */
    const double share = (double)sum[label] / draws;
    r->loss -= log(share < 0x1p-126 ? 0x1p-126 : share);
    add_to_bin(job, row, (double)sum[best] / draws, right);
}

static pwf_status make_executor(const pwf_trainer *t, pwf_worker *w)
{
    pwf_executor_free(w->train); /* as in slots.c */
    w->train = NULL;
    return pwf_executor_new(t->graph, t->config->eval.batch, PWF_MODE_PREDICT, t->measuring,
                            &w->predict);
}

pwf_status pwf_worker_predict(const pwf_trainer *t, pwf_worker *w)
{
    if (!w->predict) PWF_TRY(make_executor(t, w));
    pwf_executor_use_packed(w->predict, t->packed);
    return pwf_ok();
}

static pwf_status run_chunk(const eval_job *job, pwf_worker *w, int64_t chunk)
{
    pwf_trainer *t = job->t;
    PWF_TRY(pwf_worker_predict(t, w));
    const int64_t pixels = t->height * t->width * t->channels;
    const int64_t lo = chunk * job->chunk, left = job->images - lo;
    const int64_t count = left < job->chunk ? left : job->chunk;
    float *input = pwf_executor_images(w->predict);
    for (int64_t i = 0; i < count; i++)
        PWF_TRY(pwf_dataset_load(t->test_data, 0, 0, lo + i, input + i * pixels, &w->labels[i]));
    /* A short last chunk is filled up; what comes out for the filling is not looked at. */
    memset(input + count * pixels, 0, (size_t)((job->chunk - count) * pixels) * sizeof *input);
    const float *logits = NULL;
    PWF_TRY(pwf_executor_forward(w->predict, t->weights, t->state->buffers, &logits));
    double *row = job->results + chunk * job->row;
    for (int64_t i = 0; i < count; i++) {
        const float *one = logits + i * t->classes;
        if (!job->sum) {
            judge_mean(job, one, w->labels[i], row);
            continue;
        }
        float *sum = job->sum + (lo - job->first * job->chunk + i) * t->classes;
        add_probabilities(one, t->classes, sum);
        if (job->judge) judge_ensemble(job, sum, w->labels[i], row);
    }
    return pwf_ok();
}

static void chunk_task(void *context, int task, int worker)
{
    const eval_job *job = context;
    pwf_worker *w = &job->t->workers[worker];
    if (w->status.code != PWF_OK || pwf_trainer_may_leave()) return;
    const pwf_span span = pwf_trace_begin("chunk");
    w->status = run_chunk(job, w, job->first + task);
    pwf_trace_end_of(span, "chunk", job->first + task);
    pwf_watch_beat();
}

/* Runs all chunks of this rank with the weights as they stand. */
static pwf_status run_chunks(eval_job *job)
{
    pwf_trainer *t = job->t;
    const int rank = pwf_mesh_rank(t->mesh, PWF_WORLD);
    const int64_t end = first_chunk(job, rank + 1), begin = first_chunk(job, rank);
    pwf_workers_reset(t);
    pwf_workers_pack(t, pwf_worker_predict);
    const pwf_span span = pwf_trace_begin("chunks");
    pwf_pool_run(t->pool, (int)(end - begin), chunk_task, job);
    pwf_trace_end(span);
    t->units_done += (double)job->images / (double)t->config->train.batch / 3.0;
    PWF_TRY(pwf_trainer_agree_or_stop(t, pwf_workers_status(t)));
    return pwf_skips_agree(t, t->test_data, &t->test_skips);
}

static pwf_status new_job(pwf_trainer *t, eval_job *job)
{
    const int64_t images = pwf_dataset_count(t->test_data), chunk = t->config->eval.batch;
    *job = (eval_job){.t = t, .images = images, .chunk = chunk};
    job->chunks = (images + chunk - 1) / chunk;
    job->bins = t->config->eval.bins;
    job->row = (int64_t)(sizeof(chunk_result) / sizeof(double)) + 3 * job->bins;
    job->first = first_chunk(job, pwf_mesh_rank(t->mesh, PWF_WORLD));
    return pwf_mem_alloc(PWF_MEM_BUFFERS, job->chunks * job->row, sizeof *job->results,
                         &job->results);
}

/* Adds the rows of all chunks in order into `total` [row]. */
static void add_up(eval_job *job, double *total)
{
    int64_t offset[PWF_SLOTS_MAX + 1];
    const int ranks = pwf_mesh_size(job->t->mesh, PWF_WORLD);
    for (int r = 0; r <= ranks; r++)
        offset[r] = first_chunk(job, r) * job->row * (int64_t)sizeof *job->results;
    pwf_mesh_gather(job->t->mesh, PWF_WORLD, job->results, offset);
    memset(total, 0, (size_t)job->row * sizeof *total);
    for (int64_t c = 0; c < job->chunks; c++)
        for (int64_t i = 0; i < job->row; i++)
            total[i] += job->results[c * job->row + i];
}

/* The sums are the same on every rank, so all return alike. */
static pwf_status check_loss(const pwf_trainer *t, double loss)
{
    if (isfinite(loss)) return pwf_ok();
    return PWF_FAIL(PWF_NUMBERS,
                    "the network's answers to the test images are not finite after step %lld; go "
                    "back to an earlier checkpoint with a smaller optim.lr or train.baseline_lr",
                    (long long)t->position.step);
}

static double calibration_error(const eval_job *job, const double *total)
{
    const double images = ((const chunk_result *)total)->images;
    const double *bins = total + sizeof(chunk_result) / sizeof *total;
    double error = 0.0;
    for (int64_t b = 0; b < job->bins; b++)
        error += fabs(bins[3 * b + 1] - bins[3 * b + 2]) / images;
    return error;
}

static pwf_status evaluate_means(eval_job *job, pwf_report_eval *out)
{
    double total[sizeof(chunk_result) / sizeof(double) + 3 * BINS_MAX];
    PWF_TRY(run_chunks(job));
    add_up(job, total);
    const chunk_result *r = (const chunk_result *)total;
    out->top1 = r->top1 / r->images;
    out->top5 = r->top5 / r->images;
    out->loss = r->loss / r->images;
    out->ece = calibration_error(job, total);
    return check_loss(job->t, out->loss);
}

/* Averages the probabilities of eval.samples draws; an image's draws are added in draw order. */
static pwf_status draw_ensemble(eval_job *job, pwf_report_eval *out)
{
    pwf_trainer *t = job->t;
    double total[sizeof(chunk_result) / sizeof(double) + 3 * BINS_MAX];
    memset(job->results, 0, (size_t)(job->chunks * job->row) * sizeof *job->results);
    job->samples = t->config->eval.samples;
    for (int64_t s = 0; s < job->samples; s++) {
        const pwf_stream noise = {.seed = (uint32_t)t->config->train.seed,
                                  .purpose = PWF_RNG_EVAL,
                                  .step = (uint64_t)t->position.step,
                                  .sample = (uint32_t)s};
        pwf_step_weights(t, &noise, PWF_FP32);
        job->judge = s + 1 == job->samples;
        PWF_TRY(run_chunks(job));
        pwf_trainer_progress(t, "ensemble", s + 1, job->samples, false);
    }
    add_up(job, total);
    const chunk_result *r = (const chunk_result *)total;
    out->has_ensemble = true;
    out->ensemble_top1 = r->top1 / r->images;
    out->ensemble_nll = r->loss / r->images;
    out->ensemble_ece = calibration_error(job, total);
    return check_loss(t, out->ensemble_nll);
}

static pwf_status evaluate_ensemble(eval_job *job, pwf_report_eval *out)
{
    const int rank = pwf_mesh_rank(job->t->mesh, PWF_WORLD);
    const int64_t own = (first_chunk(job, rank + 1) - job->first) * job->chunk;
    pwf_status status =
        pwf_mem_alloc(PWF_MEM_BUFFERS, own * job->t->classes, sizeof *job->sum, &job->sum);
    status = pwf_mesh_agree(job->t->mesh, status);
    if (status.code == PWF_OK) status = draw_ensemble(job, out);
    pwf_mem_free(job->sum);
    job->sum = NULL;
    return status;
}

/* Unique values and entropy of the gathered means, on rank 0; the fixed share, on all. */
static pwf_status measure_weights(pwf_trainer *t, pwf_report_eval *out)
{
    const pwf_state *s = t->state;
    int64_t fixed = 0;
    for (int64_t i = 0; i < pwf_range_length(s->own_posterior); i++)
        fixed += s->code[i] != PWF_FREE;
    pwf_mesh_sum_i64(t->mesh, PWF_SHARD, &fixed, 1);
    out->fixed = s->posterior ? (double)fixed / (double)s->posterior : 1.0;
    pwf_measures m = {0};
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(t->mesh, PWF_WORLD) == 0 && !pwf_trainer_may_leave())
        status = pwf_posterior_measures(t->weights, s->posterior, &m);
    out->unique = m.unique;
    out->entropy = m.entropy;
    out->entropy_nonzero = m.entropy_nonzero;
    return pwf_trainer_agree_or_stop(t, status);
}

static pwf_status measure(eval_job *job, bool ensemble, pwf_report_eval *out)
{
    pwf_trainer *t = job->t;
    pwf_step_weights(t, NULL, PWF_FP32);
    PWF_TRY(measure_weights(t, out));
    PWF_TRY(evaluate_means(job, out));
    return ensemble ? evaluate_ensemble(job, out) : pwf_ok();
}

pwf_status pwf_evaluate_measure(pwf_trainer *t, bool ensemble, pwf_report_eval *out)
{
    PWF_ASSERT(t->config->eval.bins <= BINS_MAX);
    eval_job job;
    *out = (pwf_report_eval){.round = t->position.round, .weights = t->state->posterior};
    pwf_status status = pwf_mesh_agree(t->mesh, new_job(t, &job));
    if (status.code == PWF_OK) status = measure(&job, ensemble, out);
    pwf_mem_free(job.results);
    return status;
}

pwf_status pwf_evaluate_run(pwf_trainer *t, bool final)
{
    const int64_t when = t->config->eval.ensemble;
    pwf_report_eval out;
    (void)PWF_FAULT_POINT(final ? "train.end" : "train.evaluate");
    pwf_trainer_progress(t, "evaluation", 0, 1, false);
    PWF_TRY(pwf_evaluate_measure(
        t, when == PWF_ENSEMBLE_ALL || (final && when == PWF_ENSEMBLE_LAST), &out));
    out.final = final;
    char fingerprint[33];
    PWF_TRY(pwf_trainer_fingerprint(t, fingerprint));
    pwf_status status = pwf_ok();
    if (t->report)
        status = pwf_report_evaluation(t->report, &out, t->position.step, pwf_trainer_seconds(t),
                                       fingerprint);
    PWF_INFO("EVALUATION",
             "%s: top-1 %.2f %%, loss %.4f; %.2f %% fixed, %lld unique values, %.2f bits",
             final                    ? "end"
             : t->position.round == 0 ? "before the first round"
                                      : "after the round",
             100.0 * out.top1, out.loss, 100.0 * out.fixed, (long long)out.unique, out.entropy);
    return pwf_mesh_agree(t->mesh, status);
}

pwf_status pwf_evaluate_statistics(pwf_trainer *t)
{
    const int64_t slots = t->config->parallel.slots;
    const int64_t buffers = pwf_registry_buffer_count(t->registry);
    const int64_t batches = pwf_plan_norm_batches(t);
    if (buffers == 0 || batches == 0) return pwf_ok();
    double *sum = NULL;
    PWF_TRY(pwf_mesh_agree(t->mesh, pwf_mem_alloc(PWF_MEM_BUFFERS, buffers, sizeof *sum, &sum)));
    pwf_status status = pwf_ok();
    pwf_step_weights(t, NULL, PWF_FP32);
    for (int64_t batch = 0; batch < batches && status.code == PWF_OK; batch++) {
        pwf_slots_seek(t, batch);
        status = pwf_trainer_agree_or_stop(t, pwf_slots_run(t, false));
        for (int64_t b = 0; b < buffers; b++)
            for (int64_t s = 0; s < slots; s++)
                sum[b] += (double)t->slot_statistics[s * buffers + b];
        t->units_done += 1.0 / 3.0;
        pwf_trainer_progress(t, "statistics", batch + 1, batches, false);
    }
    for (int64_t b = 0; b < buffers && status.code == PWF_OK; b++)
        t->state->buffers[b] = (float)(sum[b] / (double)(slots * batches));
    pwf_mem_free(sum);
    return status;
}
