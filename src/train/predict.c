/* SPDX-License-Identifier: BSD-3-Clause */
/* Logits for images that somebody else has prepared. Images are worked in chunks of eval.batch, and
 * a chunk by one thread, so that no logit depends on the mesh. libhdf5 is for one thread, so a
 * rank reads a chunk for each of its workers and then lets them run. */
#include "pwf/train/train.h"
#include "trainer.h"

#include "pwf/ckpt/predict_file.h"
#include "pwf/core/mem.h"

#include <math.h>
#include <string.h>

typedef struct predict_job {
    pwf_trainer *t;
    const pwf_images_input *input;
    int64_t images, chunk, chunks;
    int64_t first; /* chunk of task 0 */
    float *staged; /* [threads * chunk, C, H, W] */
    float *logits; /* [images, classes] */
} predict_job;

static int64_t first_chunk(const predict_job *job, int rank)
{
    return rank * job->chunks / pwf_mesh_size(job->t->mesh, PWF_WORLD);
}

static int64_t first_image(const predict_job *job, int64_t chunk)
{
    const int64_t image = chunk * job->chunk;
    return image < job->images ? image : job->images;
}

static pwf_status check_shape(const predict_job *job, const char *images)
{
    const pwf_trainer *t = job->t;
    int64_t shape[4];
    pwf_images_input_shape(job->input, shape);
    if (shape[1] == t->channels && shape[2] == t->height && shape[3] == t->width) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "the images of %s are %lld x %lld x %lld (channels, rows, columns); the model "
                    "takes %lld x %lld x %lld",
                    images, (long long)shape[1], (long long)shape[2], (long long)shape[3],
                    (long long)t->channels, (long long)t->height, (long long)t->width);
}

/* From [C, H, W] to the executor's [H, W, C]. */
static pwf_status turn(const predict_job *job, int64_t index, const float *from, float *to)
{
    const int64_t channels = job->t->channels, pixels = job->t->height * job->t->width;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++) {
            const float x = from[c * pixels + p];
            if (!isfinite(x))
                return PWF_FAIL(
                    PWF_DATA,
                    "image %lld has a value that is not finite: channel %lld, row %lld, "
                    "column %lld",
                    (long long)index, (long long)c, (long long)(p / job->t->width),
                    (long long)(p % job->t->width));
            to[p * channels + c] = x;
        }
    return pwf_ok();
}

static pwf_status run_chunk(const predict_job *job, pwf_worker *w, int task)
{
    pwf_trainer *t = job->t;
    PWF_TRY(pwf_worker_predict(t, w));
    const int64_t values = t->channels * t->height * t->width;
    const int64_t lo = first_image(job, job->first + task);
    const int64_t count = first_image(job, job->first + task + 1) - lo;
    float *input = pwf_executor_images(w->predict);
    const float *logits = NULL;
    memset(input, 0, (size_t)(job->chunk * values) * sizeof *input);
    for (int64_t i = 0; i < count; i++)
        PWF_TRY(
            turn(job, lo + i, job->staged + (task * job->chunk + i) * values, input + i * values));
    PWF_TRY(pwf_executor_forward(w->predict, t->weights, t->state->buffers, &logits));
    for (int64_t i = 0; i < count * t->classes; i++)
        if (!isfinite(logits[i]))
            return PWF_FAIL(PWF_NUMBERS, "the logits of image %lld are not finite",
                            (long long)(lo + i / t->classes));
    memcpy(job->logits + lo * t->classes, logits, (size_t)(count * t->classes) * sizeof *logits);
    return pwf_ok();
}

static void chunk_task(void *context, int task, int worker)
{
    const predict_job *job = context;
    pwf_worker *w = &job->t->workers[worker];
    if (w->status.code == PWF_OK) w->status = run_chunk(job, w, task);
}

/* The chunks of this rank, as many at a time as there are workers. Local. */
static pwf_status run_chunks(predict_job *job)
{
    pwf_trainer *t = job->t;
    const int rank = pwf_mesh_rank(t->mesh, PWF_WORLD), threads = pwf_pool_threads(t->pool);
    const int64_t end = first_chunk(job, rank + 1);
    pwf_workers_reset(t);
    for (job->first = first_chunk(job, rank); job->first < end; job->first += threads) {
        const int64_t left = end - job->first, tasks = left < threads ? left : threads;
        const int64_t lo = first_image(job, job->first);
        const int64_t hi = first_image(job, job->first + tasks);
        PWF_TRY(pwf_images_input_read(job->input, lo, hi - lo, job->staged));
        pwf_pool_run(t->pool, (int)tasks, chunk_task, job);
        PWF_TRY(pwf_workers_status(t));
    }
    return pwf_ok();
}

static void gather(predict_job *job)
{
    int64_t offset[PWF_SLOTS_MAX + 1];
    const int ranks = pwf_mesh_size(job->t->mesh, PWF_WORLD);
    for (int r = 0; r <= ranks; r++)
        offset[r] =
            first_image(job, first_chunk(job, r)) * job->t->classes * (int64_t)sizeof *job->logits;
    pwf_mesh_gather(job->t->mesh, PWF_WORLD, job->logits, offset);
}

static pwf_status prepare(predict_job *job, const char *images)
{
    const pwf_trainer *t = job->t;
    const int64_t values = t->channels * t->height * t->width;
    int64_t shape[4];
    PWF_TRY(check_shape(job, images));
    pwf_images_input_shape(job->input, shape);
    job->images = shape[0];
    job->chunk = t->config->eval.batch;
    job->chunks = (job->images + job->chunk - 1) / job->chunk;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, pwf_pool_threads(t->pool) * job->chunk * values,
                          sizeof *job->staged, &job->staged));
    return pwf_mem_alloc(PWF_MEM_BUFFERS, job->images * t->classes, sizeof *job->logits,
                         &job->logits);
}

static pwf_status predict(predict_job *job, const char *file, const char *images)
{
    pwf_trainer *t = job->t;
    pwf_network network;
    PWF_TRY(pwf_mesh_agree(t->mesh, prepare(job, images)));
    PWF_TRY(pwf_network_read(t->mesh, file, t->state, &network));
    pwf_step_weights(t, NULL);
    PWF_TRY(pwf_mesh_agree(t->mesh, run_chunks(job)));
    gather(job);
    return pwf_ok();
}

pwf_status pwf_train_predict(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                             const char *images, pwf_prediction *out)
{
    pwf_images_input *input = NULL;
    predict_job job = {.t = NULL};
    *out = (pwf_prediction){0, 0, NULL};
    pwf_status status = pwf_mesh_agree(mesh, pwf_images_input_open(images, &input));
    if (status.code == PWF_OK) status = pwf_trainer_new_network(mesh, config, false, &job.t);
    job.input = input;
    if (status.code == PWF_OK) status = predict(&job, file, images);
    if (status.code == PWF_OK) {
        *out = (pwf_prediction){job.images, job.t->classes, job.logits};
        job.logits = NULL;
    }
    pwf_mem_free(job.logits);
    pwf_mem_free(job.staged);
    pwf_trainer_free(job.t);
    pwf_images_input_close(input);
    return status;
}

void pwf_train_predict_free(pwf_prediction *prediction)
{
    pwf_mem_free(prediction->logits);
    *prediction = (pwf_prediction){0, 0, NULL};
}
