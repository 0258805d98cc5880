/* SPDX-License-Identifier: BSD-3-Clause */
/* Logits for images that somebody else has prepared, or for image files. Images are worked in
 * chunks of eval.batch, and a chunk by one thread, so that no logit depends on the mesh. libhdf5 is
 * for one thread, so a rank reads a chunk for each of its workers and then lets them run; image
 * files are decoded by the workers. */
#include "pwf/train/train.h"
#include "trainer.h"

#include "pwf/arrays/predict_file.h"
#include "pwf/core/mem.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

typedef struct predict_job {
    pwf_trainer *t;
    pwf_images_input *input; /* NULL: t->test_data are the images */
    int64_t images, chunk, chunks;
    int64_t first; /* chunk of task 0 */
    float *staged; /* [threads * chunk, C, H, W], of the input */
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
    for (int64_t i = 0; i < count; i++) {
        int32_t label = 0;
        if (!job->input)
            PWF_TRY(pwf_dataset_load(t->test_data, 0, 0, lo + i, input + i * values, &label));
        else
            PWF_TRY(turn(job, lo + i, job->staged + (task * job->chunk + i) * values,
                         input + i * values));
    }
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
    pwf_workers_pack(t, pwf_worker_predict);
    for (job->first = first_chunk(job, rank); job->first < end; job->first += threads) {
        const int64_t left = end - job->first, tasks = left < threads ? left : threads;
        const int64_t lo = first_image(job, job->first);
        const int64_t hi = first_image(job, job->first + tasks);
        if (job->input) PWF_TRY(pwf_images_input_read(job->input, lo, hi - lo, job->staged));
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

static pwf_status open_input(predict_job *job, const char *images)
{
    pwf_trainer *t = job->t;
    const int64_t values = t->channels * t->height * t->width;
    int64_t shape[4];
    struct stat info;
    if (stat(images, &info) == 0 && S_ISDIR(info.st_mode)) {
        PWF_TRY(pwf_dataset_open_folder(pwf_config_dataset(t->config), images, &t->test_data));
        job->images = pwf_dataset_count(t->test_data);
        return pwf_ok();
    }
    PWF_TRY(pwf_images_input_open(images, &job->input));
    PWF_TRY(check_shape(job, images));
    pwf_images_input_shape(job->input, shape);
    job->images = shape[0];
    return pwf_mem_alloc(PWF_MEM_BUFFERS,
                         pwf_pool_threads(t->pool) * t->config->eval.batch * values,
                         sizeof *job->staged, &job->staged);
}

static pwf_status prepare(predict_job *job, const char *images)
{
    const pwf_trainer *t = job->t;
    PWF_TRY(open_input(job, images));
    job->chunk = t->config->eval.batch;
    job->chunks = (job->images + job->chunk - 1) / job->chunk;
    return pwf_mem_alloc(PWF_MEM_BUFFERS, job->images * t->classes, sizeof *job->logits,
                         &job->logits);
}

/* Ranks on other hosts may find other images under the same name. */
static pwf_status compare(const predict_job *job)
{
    const pwf_trainer *t = job->t;
    const pwf_hash none = {0, 0};
    const struct {
        pwf_hash hash;
        int64_t images;
    } mine = {t->test_data ? pwf_dataset_hash(t->test_data) : none, job->images};
    pwf_status status = pwf_mesh_same(t->mesh, &mine, sizeof mine, "set of images");
    if (status.code != PWF_OK) status.code = PWF_DATA;
    return status;
}

/* The names of image files, which end with the data set. */
static pwf_status copy_names(const predict_job *job, pwf_prediction *out)
{
    const pwf_dataset *data = job->t->test_data;
    size_t bytes = 0;
    if (!data) return pwf_ok();
    for (int64_t i = 0; i < job->images; i++)
        bytes += strlen(pwf_dataset_name(data, i)) + 1;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)bytes, 1, &out->text));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, job->images, sizeof *out->names, &out->names));
    char *at = out->text;
    for (int64_t i = 0; i < job->images; i++) {
        const char *name = pwf_dataset_name(data, i);
        out->names[i] = memcpy(at, name, strlen(name) + 1);
        at += strlen(name) + 1;
    }
    return pwf_ok();
}

static pwf_status predict(predict_job *job, const char *file, const char *images,
                          pwf_prediction *out)
{
    pwf_trainer *t = job->t;
    pwf_network network;
    PWF_TRY(pwf_mesh_agree(t->mesh, prepare(job, images)));
    PWF_TRY(compare(job));
    PWF_TRY(pwf_network_read(t->mesh, file, t->state, &network));
    pwf_step_weights(t, NULL, PWF_FP32);
    PWF_TRY(pwf_mesh_agree(t->mesh, run_chunks(job)));
    gather(job);
    return pwf_mesh_agree(t->mesh, copy_names(job, out));
}

pwf_status pwf_train_predict(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                             const char *images, pwf_prediction *out)
{
    predict_job job = {.t = NULL};
    *out = (pwf_prediction){.logits = NULL};
    PWF_TRY(pwf_trainer_new_network(mesh, config, false, &job.t));
    const pwf_status status = predict(&job, file, images, out);
    out->images = job.images;
    out->classes = job.t->classes;
    out->logits = job.logits;
    if (status.code != PWF_OK) pwf_train_predict_free(out);
    pwf_mem_free(job.staged);
    pwf_trainer_free(job.t);
    pwf_images_input_close(job.input);
    return status;
}

void pwf_train_predict_free(pwf_prediction *prediction)
{
    pwf_mem_free(prediction->logits);
    pwf_mem_free(prediction->names);
    pwf_mem_free(prediction->text);
    *prediction = (pwf_prediction){.logits = NULL};
}
