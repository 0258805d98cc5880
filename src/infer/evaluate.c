/* SPDX-License-Identifier: BSD-3-Clause */
/* Measures a network on the test images, each exactly once. They are processed in chunks of
 * eval.batch images; chunks are dealt to the ranks in order, and their results are gathered and
 * added in chunk order, so the measures do not depend on the mesh. Called by the trainer before the
 * first round, after each round and at the end, and by infer.c for the network of a file. Changes
 * the engine's weights and workers, not its state. */
#include "pwf/infer/evaluate.h"

#include "pwf/core/log.h"
#include "pwf/core/mem.h"
#include "pwf/core/request.h"
#include "pwf/core/trace.h"
#include "pwf/core/watch.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { BINS_MAX = 1000 }; /* largest eval.bins */

/* Counts and sums of one chunk. In memory the calibration bins follow: per bin the number of
 * images, the number classified correctly and the sum of confidences, 3 * bins doubles. */
typedef struct chunk_result {
    double images, top1, top5, loss;
} chunk_result;

enum { RESULT = sizeof(chunk_result) / sizeof(double) };

typedef struct eval_job {
    pwf_engine *engine;
    const pwf_position *position;
    const pwf_evaluation_hooks *hooks; /* NULL: none */
    pwf_work work;
    int64_t images, chunk;       /* test images in all and in a chunk */
    int64_t chunks, first, last; /* number of chunks; those of this rank are [first, last) */
    int64_t row;                 /* doubles per chunk in `results` */
    double *results;             /* [chunks, row] */
    float *sum;                  /* ensemble: summed probabilities, [own images, classes] */
    int64_t samples, sample;     /* ensemble: number of draws, and of those finished */
    atomic_int done;             /* chunks finished in this pass */
    double shown;                /* passes reported to hooks->progress for this pass */
} eval_job;

/* Within a run the agreement also carries requests to stop. */
static pwf_status agree(const eval_job *job, pwf_status local)
{
    if (job->hooks) return job->hooks->agree(job->hooks->context, local);
    return pwf_mesh_agree(job->engine->mesh, local);
}

/* Work that is repeated after a resume need not be finished once the job has been asked to stop. */
static bool may_leave(void)
{
    return pwf_request_now() > PWF_REQUEST_SAVE;
}

/* ---- one image ------------------------------------------------------------------------------ */

/* Rank of the label's value: 0 for the largest; equal values count in index order. */
static int64_t rank_of(const float *values, int64_t count, int64_t label)
{
    int64_t larger = 0;
    for (int64_t i = 0; i < count; i++)
        if (!(values[i] < values[label]) && (values[i] != values[label] || i < label) && i != label)
            larger++;
    return larger;
}

/* Adds an image to the calibration bin of its confidence; the bins divide [0, 1] evenly. */
static void add_to_bin(const eval_job *job, double *row, double confidence, double correct)
{
    const int64_t bins = job->engine->config->eval.bins;
    /* The comparison is written so that a NaN lands in the last bin. */
    const double scaled = confidence * (double)bins;
    const int64_t bin = scaled < (double)bins ? (int64_t)scaled : bins - 1;
    double *sums = row + RESULT + 3 * bin;
    sums[0] += 1.0;
    sums[1] += correct;
    sums[2] += confidence;
}

/* The sum of exp(logit - largest logit), the denominator of softmax, which cannot overflow. */
static double sum_exponentials(const float *logits, int64_t classes, double *largest)
{
    double sum = 0.0;
    *largest = (double)logits[0];
    for (int64_t i = 1; i < classes; i++)
        *largest = fmax(*largest, (double)logits[i]);
    for (int64_t i = 0; i < classes; i++)
        sum += exp((double)logits[i] - *largest);
    return sum;
}

/* Adds an image to the sums of its chunk. The loss is -log softmax(logits)[label], computed
 * relative to the largest logit, so that exp cannot overflow; the confidence is softmax at that
 * logit, 1 / sum. */
static void judge_mean(const eval_job *job, const float *logits, int64_t label, double *row)
{
    chunk_result *r = (chunk_result *)row;
    const int64_t classes = job->engine->classes, rank = rank_of(logits, classes, label);
    double largest;
    const double sum = sum_exponentials(logits, classes, &largest);
    r->images += 1.0;
    r->top1 += rank < 1 ? 1.0 : 0.0;
    r->top5 += rank < 5 ? 1.0 : 0.0;
    r->loss += log(sum) + largest - (double)logits[label];
    add_to_bin(job, row, 1.0 / sum, rank < 1 ? 1.0 : 0.0);
}

/* Adds softmax(logits) to `sum` [classes]. The draws of an image are added in order, so fp32 sums
 * do not depend on the mesh. */
static void add_probabilities(const float *logits, int64_t classes, float *sum)
{
    double largest;
    const double total = sum_exponentials(logits, classes, &largest);
    for (int64_t i = 0; i < classes; i++)
        sum[i] += (float)(exp((double)logits[i] - largest) / total);
}

/* The same as judge_mean for probabilities that are averaged over all draws. The smallest normal
 * fp32 number bounds the loss of a label whose probability underflows. */
static void judge_ensemble(const eval_job *job, const float *sum, int64_t label, double *row)
{
    chunk_result *r = (chunk_result *)row;
    int64_t best = 0;
    for (int64_t i = 1; i < job->engine->classes; i++)
        if (sum[i] > sum[best]) best = i;
    const double draws = (double)job->samples, correct = best == label ? 1.0 : 0.0;
    r->images += 1.0;
    r->top1 += correct;
    /* The comparison is written so that a NaN reaches the sum of losses, which is checked. */
    const double share = (double)sum[label] / draws;
    r->loss -= log(share < 0x1p-126 ? 0x1p-126 : share);
    add_to_bin(job, row, (double)sum[best] / draws, correct);
}

/* ---- one pass over the images --------------------------------------------------------------- */

/* Loads a chunk, runs it forward and judges its images; an ensemble is judged after its last draw.
 */
static pwf_status run_chunk(const eval_job *job, pwf_worker *w, int64_t chunk)
{
    const pwf_engine *e = job->engine;
    PWF_TRY(pwf_workers_executor(&e->workers, w));
    const int64_t pixels = e->height * e->width * e->channels;
    const int64_t lo = chunk * job->chunk, left = job->images - lo;
    const int64_t count = left < job->chunk ? left : job->chunk;
    float *input = pwf_executor_images(w->executor);
    for (int64_t i = 0; i < count; i++)
        PWF_TRY(pwf_dataset_load(e->feed.test, 0, 0, lo + i, input + i * pixels, &w->labels[i]));
    /* A short last chunk is padded with zeros; the logits of the padding are ignored. */
    memset(input + count * pixels, 0, (size_t)((job->chunk - count) * pixels) * sizeof *input);
    const float *logits = NULL;
    PWF_TRY(pwf_executor_forward(w->executor, e->workers.weights, e->state->buffers, &logits));
    double *row = job->results + chunk * job->row;
    for (int64_t i = 0; i < count; i++) {
        const float *one = logits + i * e->classes;
        if (!job->sum) {
            judge_mean(job, one, w->labels[i], row);
            continue;
        }
        float *sum = job->sum + (lo - job->first * job->chunk + i) * e->classes;
        add_probabilities(one, e->classes, sum);
        if (job->sample + 1 == job->samples) judge_ensemble(job, sum, w->labels[i], row);
    }
    return pwf_ok();
}

/* Reports the progress of this pass, estimated from the chunks of this rank. */
static void show(eval_job *job, int64_t done)
{
    const int64_t own = job->last - job->first;
    const double passed = own > 0 ? (double)done / (double)own : 1.0;
    if (!job->hooks) return;
    if (job->sum)
        job->hooks->progress(job->hooks->context, "ensemble", job->sample + (done >= own),
                             job->samples, passed - job->shown);
    else
        job->hooks->progress(job->hooks->context, "evaluation",
                             (int64_t)(passed * (double)job->images), job->images,
                             passed - job->shown);
    job->shown = passed;
}

/* Worker 0 runs on the MPI thread, the only one that may show progress. */
static void chunk_task(void *context, int task, int worker)
{
    eval_job *job = context;
    pwf_worker *w = &job->engine->workers.each[worker];
    if (w->status.code != PWF_OK || may_leave()) return;
    const pwf_span span = pwf_trace_begin("chunk");
    w->status = run_chunk(job, w, job->first + task);
    pwf_trace_end_of(span, "chunk", job->first + task);
    pwf_watch_beat();
    const int done = atomic_fetch_add(&job->done, 1) + 1;
    if (worker == 0) show(job, done);
}

/* Runs all chunks of this rank with the present weights. Collective. */
static pwf_status run_chunks(eval_job *job)
{
    pwf_engine *e = job->engine;
    pwf_workers_begin(&e->workers, job->work);
    atomic_store(&job->done, 0);
    job->shown = 0.0;
    const pwf_span span = pwf_trace_begin("chunks");
    pwf_pool_run(e->workers.pool, (int)(job->last - job->first), chunk_task, job);
    pwf_trace_end(span);
    show(job, job->last - job->first);
    PWF_TRY(agree(job, pwf_workers_status(&e->workers)));
    return pwf_feed_agree_skips(&e->feed, PWF_TEST, job->position->step);
}

/* ---- measures ------------------------------------------------------------------------------- */

/* Adds the rows of all chunks in chunk order; `mean` receives the means over all images, *ece the
 * expected calibration error: the mean over images of |accuracy - confidence| of their bin. The
 * sums are the same on every rank, and so is the result. Collective. */
static pwf_status add_up(eval_job *job, chunk_result *mean, double *ece)
{
    double total[RESULT + 3 * BINS_MAX] = {0};
    int64_t offset[PWF_SLOTS_MAX + 1];
    const int ranks = pwf_mesh_size(job->engine->mesh, PWF_WORLD);
    for (int r = 0; r <= ranks; r++)
        offset[r] =
            pwf_range_split(job->chunks, ranks, r) * job->row * (int64_t)sizeof *job->results;
    pwf_mesh_gather(job->engine->mesh, PWF_WORLD, job->results, offset);
    for (int64_t c = 0; c < job->chunks; c++)
        for (int64_t i = 0; i < job->row; i++)
            total[i] += job->results[c * job->row + i];
    const chunk_result *r = (const chunk_result *)total;
    const double *bins = total + RESULT;
    *mean =
        (chunk_result){r->images, r->top1 / r->images, r->top5 / r->images, r->loss / r->images};
    *ece = 0.0;
    for (int64_t b = 0; b < job->engine->config->eval.bins; b++)
        *ece += fabs(bins[3 * b + 1] - bins[3 * b + 2]) / r->images;
    if (isfinite(mean->loss)) return pwf_ok();
    return PWF_FAIL(PWF_NUMBERS,
                    "the logits of the test images are not finite after step %lld; resume from an "
                    "earlier checkpoint with a smaller optim.lr or train.baseline_lr",
                    (long long)job->position->step);
}

/* Evaluates the means, which measure() has already drawn. Collective. */
static pwf_status evaluate_means(eval_job *job, pwf_report_eval *out)
{
    chunk_result mean;
    PWF_TRY(run_chunks(job));
    const pwf_status status = add_up(job, &mean, &out->ece);
    out->top1 = mean.top1;
    out->top5 = mean.top5;
    out->loss = mean.loss;
    return status;
}

/* Averages the probabilities of eval.samples draws; the draws of an image are added in order.
 * Collective. */
static pwf_status draw_ensemble(eval_job *job, pwf_report_eval *out)
{
    chunk_result mean;
    memset(job->results, 0, (size_t)(job->chunks * job->row) * sizeof *job->results);
    for (job->sample = 0; job->sample < job->samples; job->sample++) {
        const pwf_stream noise = {.seed = (uint32_t)job->engine->config->train.seed,
                                  .purpose = PWF_RNG_EVAL,
                                  .step = (uint64_t)job->position->step,
                                  .sample = (uint32_t)job->sample};
        pwf_engine_draw(job->engine, &noise, PWF_FP32);
        PWF_TRY(run_chunks(job));
    }
    const pwf_status status = add_up(job, &mean, &out->ensemble_ece);
    out->has_ensemble = true;
    out->ensemble_top1 = mean.top1;
    out->ensemble_nll = mean.loss;
    return status;
}

/* The sums of probabilities take 4 bytes per class of each image of this rank; they are freed right
 * after use. Collective. */
static pwf_status evaluate_ensemble(eval_job *job, pwf_report_eval *out)
{
    const pwf_engine *e = job->engine;
    const int64_t own = (job->last - job->first) * job->chunk;
    job->samples = e->config->eval.samples;
    pwf_status status =
        pwf_mem_alloc(PWF_MEM_BUFFERS, own * e->classes, sizeof *job->sum, &job->sum);
    status = pwf_mesh_agree(e->mesh, status);
    if (status.code == PWF_OK) status = draw_ensemble(job, out);
    pwf_mem_free(job->sum);
    job->sum = NULL;
    return status;
}

/* Computes the share of fixed parameters on all ranks; unique values and entropy of the gathered
 * means on rank 0. Collective. */
static pwf_status measure_weights(const eval_job *job, pwf_report_eval *out)
{
    const pwf_engine *e = job->engine;
    const pwf_state *s = e->state;
    int64_t fixed = 0;
    for (int64_t i = 0; i < pwf_range_length(s->own_posterior); i++)
        fixed += s->code[i] != PWF_FREE;
    pwf_mesh_sum_i64(e->mesh, PWF_SHARD, &fixed, 1);
    out->fixed = s->posterior ? (double)fixed / (double)s->posterior : 1.0;
    pwf_measures m = {0};
    pwf_status status = pwf_ok();
    if (pwf_mesh_rank(e->mesh, PWF_WORLD) == 0 && !may_leave())
        status = pwf_posterior_measures(e->workers.weights, s->posterior, &m);
    out->unique = m.unique;
    out->entropy = m.entropy;
    out->entropy_nonzero = m.entropy_nonzero;
    return agree(job, status);
}

/* Weights are measured first: the ensemble overwrites the gathered means. Collective. */
static pwf_status measure(eval_job *job, bool ensemble, pwf_report_eval *out)
{
    pwf_engine_draw(job->engine, NULL, PWF_FP32);
    PWF_TRY(measure_weights(job, out));
    PWF_TRY(evaluate_means(job, out));
    return ensemble ? evaluate_ensemble(job, out) : pwf_ok();
}

pwf_status pwf_engine_evaluate(pwf_engine *engine, const pwf_position *position,
                               pwf_precision precision, bool ensemble,
                               const pwf_evaluation_hooks *hooks, pwf_report_eval *out)
{
    const pwf_config *c = engine->config;
    const int64_t images = pwf_dataset_count(engine->feed.test), chunk = c->eval.batch;
    PWF_ASSERT(c->eval.bins <= BINS_MAX);
    eval_job job = {.engine = engine,
                    .position = position,
                    .hooks = hooks,
                    .work = {chunk, PWF_MODE_PREDICT, precision},
                    .images = images,
                    .chunk = chunk,
                    .chunks = (images + chunk - 1) / chunk,
                    .row = RESULT + 3 * c->eval.bins};
    const int ranks = pwf_mesh_size(engine->mesh, PWF_WORLD);
    const int rank = pwf_mesh_rank(engine->mesh, PWF_WORLD);
    job.first = pwf_range_split(job.chunks, ranks, rank);
    job.last = pwf_range_split(job.chunks, ranks, rank + 1);
    *out = (pwf_report_eval){.round = position->round, .weights = engine->state->posterior};
    pwf_status status =
        pwf_mem_alloc(PWF_MEM_BUFFERS, job.chunks * job.row, sizeof *job.results, &job.results);
    status = pwf_mesh_agree(engine->mesh, status);
    if (status.code == PWF_OK) status = measure(&job, ensemble, out);
    pwf_mem_free(job.results);
    return status;
}
