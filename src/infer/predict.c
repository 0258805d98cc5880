/* SPDX-License-Identifier: BSD-3-Clause */
/* Logits of images in an HDF5 file or a folder; `pwf predict` calls it. Images are processed in
 * chunks of eval.batch, each by one thread, so that no logit depends on the mesh. HDF5 is read by
 * the main thread only: it reads a chunk for each worker and then runs the workers. Image files are
 * decoded by the workers. Reads files; all ranks gather all logits. */
#include "pwf/infer/infer.h"

#include "pwf/arrays/predict_file.h"
#include "pwf/core/mem.h"
#include "pwf/infer/engine.h"
#include "pwf/models/families.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

typedef struct predict_job {
    pwf_engine *engine;
    pwf_predict_input *input;      /* NULL: the images are those of engine->feed.test */
    int64_t images, chunk, chunks; /* images in all and in a chunk; number of chunks */
    int64_t first;                 /* chunk of task 0 */
    float *staged;                 /* [threads * chunk, C, H, W], as read from the input */
    float *logits;                 /* [images, classes] */
} predict_job;

/* Chunks of rank r are [first_chunk(r), first_chunk(r + 1)), so no two ranks compute the same
 * logits. */
static int64_t first_chunk(const predict_job *job, int rank)
{
    return pwf_range_split(job->chunks, pwf_mesh_size(job->engine->mesh, PWF_WORLD), rank);
}

/* First image of a chunk; the number of images for any chunk beyond the last. */
static int64_t first_image(const predict_job *job, int64_t chunk)
{
    const int64_t image = chunk * job->chunk;
    return image < job->images ? image : job->images;
}

/* Pixels of an HDF5 file are used as they are, so their shape must be that of the model exactly. */
static pwf_status check_shape(predict_job *job, const char *images)
{
    const pwf_engine *e = job->engine;
    int64_t shape[4];
    pwf_predict_input_shape(job->input, shape);
    job->images = shape[0];
    if (shape[1] == e->channels && shape[2] == e->height && shape[3] == e->width) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "the images of %s are %lld x %lld x %lld (channels, rows, columns); the model "
                    "takes %lld x %lld x %lld",
                    images, (long long)shape[1], (long long)shape[2], (long long)shape[3],
                    (long long)e->channels, (long long)e->height, (long long)e->width);
}

/* Copies an image from [C, H, W] to the executor's [H, W, C], checking that it is finite. */
static pwf_status transpose(const predict_job *job, int64_t index, const float *from, float *to)
{
    const int64_t channels = job->engine->channels,
                  pixels = job->engine->height * job->engine->width;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++) {
            const float x = from[c * pixels + p];
            PWF_FAIL_IF(!isfinite(x), PWF_DATA,
                        "image %lld has a value that is not finite: channel %lld, row %lld, "
                        "column %lld",
                        (long long)index, (long long)c, (long long)(p / job->engine->width),
                        (long long)(p % job->engine->width));
            to[p * channels + c] = x;
        }
    return pwf_ok();
}

/* One chunk, on one worker. A short last chunk is padded with zeros to the size the executor was
 * made for; the logits of an image do not depend on the other images of its chunk. */
static pwf_status run_chunk(const predict_job *job, pwf_worker *w, int task)
{
    pwf_engine *e = job->engine;
    PWF_TRY(pwf_workers_executor(&e->workers, w));
    const int64_t values = e->channels * e->height * e->width;
    const int64_t lo = first_image(job, job->first + task);
    const int64_t count = first_image(job, job->first + task + 1) - lo;
    float *input = pwf_executor_images(w->executor);
    const float *logits = NULL;
    memset(input, 0, (size_t)(job->chunk * values) * sizeof *input);
    for (int64_t i = 0; i < count; i++) {
        int32_t label = 0;
        if (!job->input)
            PWF_TRY(pwf_dataset_load(e->feed.test, 0, 0, lo + i, input + i * values, &label));
        else
            PWF_TRY(transpose(job, lo + i, job->staged + (task * job->chunk + i) * values,
                              input + i * values));
    }
    PWF_TRY(pwf_executor_forward(w->executor, e->workers.weights, e->state->buffers, &logits));
    for (int64_t i = 0; i < count * e->classes; i++)
        PWF_FAIL_IF(!isfinite(logits[i]), PWF_NUMBERS, "the logits of image %lld are not finite",
                    (long long)(lo + i / e->classes));
    memcpy(job->logits + lo * e->classes, logits, (size_t)(count * e->classes) * sizeof *logits);
    return pwf_ok();
}

/* After a failure a worker does nothing more; its status is collected when the loop ends. */
static void chunk_task(void *context, int task, int worker)
{
    const predict_job *job = context;
    pwf_worker *w = &job->engine->workers.each[worker];
    if (w->status.code == PWF_OK) w->status = run_chunk(job, w, task);
}

/* Runs the chunks of this rank, as many at a time as there are workers. Local. */
static pwf_status run_chunks(predict_job *job)
{
    pwf_engine *e = job->engine;
    const int rank = pwf_mesh_rank(e->mesh, PWF_WORLD), threads = pwf_pool_threads(e->workers.pool);
    const int64_t end = first_chunk(job, rank + 1);
    const pwf_precision precision = e->config->parallel.precision;
    pwf_workers_begin(&e->workers, (pwf_work){job->chunk, PWF_MODE_PREDICT, precision});
    for (job->first = first_chunk(job, rank); job->first < end; job->first += threads) {
        const int64_t left = end - job->first, tasks = left < threads ? left : threads;
        const int64_t lo = first_image(job, job->first);
        const int64_t hi = first_image(job, job->first + tasks);
        if (job->input) PWF_TRY(pwf_predict_input_read(job->input, lo, hi - lo, job->staged));
        pwf_pool_run(e->workers.pool, (int)tasks, chunk_task, job);
        PWF_TRY(pwf_workers_status(&e->workers));
    }
    return pwf_ok();
}

/* Gathers the logits of all ranks. Collective. */
static void gather(predict_job *job)
{
    int64_t offset[PWF_SLOTS_MAX + 1];
    const int ranks = pwf_mesh_size(job->engine->mesh, PWF_WORLD);
    for (int r = 0; r <= ranks; r++)
        offset[r] = first_image(job, first_chunk(job, r)) * job->engine->classes *
                    (int64_t)sizeof *job->logits;
    pwf_mesh_gather(job->engine->mesh, PWF_WORLD, job->logits, offset);
}

/* Opens a folder of image files, or an HDF5 file with room to read a chunk for each worker. */
static pwf_status open_input(predict_job *job, const char *images)
{
    pwf_engine *e = job->engine;
    const int64_t values = e->channels * e->height * e->width;
    struct stat info;
    if (stat(images, &info) == 0 && S_ISDIR(info.st_mode)) {
        pwf_dataset_request request = pwf_config_dataset(e->config);
        request.folder = images;
        PWF_TRY(pwf_dataset_open(request, PWF_TEST, &e->feed.test));
        job->images = pwf_dataset_count(e->feed.test);
        return pwf_ok();
    }
    PWF_TRY(pwf_predict_input_open(images, &job->input));
    PWF_TRY(check_shape(job, images));
    return pwf_mem_alloc(PWF_MEM_BUFFERS,
                         pwf_pool_threads(e->workers.pool) * e->config->eval.batch * values,
                         sizeof *job->staged, &job->staged);
}

/* Opens the images and allocates the logits. Local. */
static pwf_status prepare(predict_job *job, const char *images)
{
    const pwf_engine *e = job->engine;
    PWF_TRY(open_input(job, images));
    job->chunk = e->config->eval.batch;
    job->chunks = (job->images + job->chunk - 1) / job->chunk;
    return pwf_mem_alloc(PWF_MEM_BUFFERS, job->images * e->classes, sizeof *job->logits,
                         &job->logits);
}

/* Checks that all ranks have the same images: hosts may have different files under one path. For an
 * HDF5 file only the number of images is compared. */
static pwf_status compare(const predict_job *job)
{
    const pwf_engine *e = job->engine;
    const pwf_hash none = {0, 0};
    const struct {
        pwf_hash hash;
        int64_t images;
    } mine = {e->feed.test ? pwf_dataset_hash(e->feed.test) : none, job->images};
    pwf_status status = pwf_mesh_same(e->mesh, &mine, sizeof mine, "set of images");
    if (status.code != PWF_OK) status.code = PWF_DATA;
    return status;
}

/* Copies the names of image files, which belong to the data set. */
static pwf_status copy_names(const predict_job *job, pwf_prediction *out)
{
    const pwf_dataset *data = job->engine->feed.test;
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

/* Draws the means in fp32, runs the chunks and gathers the logits. Failures of Local work are
 * agreed on before each collective call. Collective. */
static pwf_status predict(predict_job *job, const char *file, const char *images,
                          pwf_prediction *out)
{
    pwf_engine *e = job->engine;
    pwf_network network;
    PWF_TRY(pwf_mesh_agree(e->mesh, prepare(job, images)));
    PWF_TRY(compare(job));
    const pwf_foreign_names *names = pwf_model_foreign_names(e->config->model.name);
    PWF_TRY(pwf_network_read(e->mesh, file, names, e->state, &network));
    pwf_engine_draw(e, NULL, PWF_FP32);
    PWF_TRY(pwf_mesh_agree(e->mesh, run_chunks(job)));
    gather(job);
    return pwf_mesh_agree(e->mesh, copy_names(job, out));
}

/* The logits move to `out` in any case, so there is one owner to free them after a failure. */
pwf_status pwf_infer_predict(const pwf_mesh *mesh, const pwf_config *config, const char *file,
                             const char *images, pwf_prediction *out)
{
    predict_job job = {.engine = NULL};
    *out = (pwf_prediction){.logits = NULL};
    PWF_TRY(pwf_engine_new(mesh, config, PWF_TO_PREDICT, &job.engine));
    const pwf_status status = predict(&job, file, images, out);
    out->images = job.images;
    out->classes = job.engine->classes;
    out->logits = job.logits;
    if (status.code != PWF_OK) pwf_infer_free_prediction(out);
    pwf_mem_free(job.staged);
    pwf_engine_free(job.engine);
    pwf_predict_input_close(job.input);
    return status;
}

/* The names point into `text`. */
void pwf_infer_free_prediction(pwf_prediction *prediction)
{
    pwf_mem_free(prediction->logits);
    pwf_mem_free(prediction->names);
    pwf_mem_free(prediction->text);
    *prediction = (pwf_prediction){.logits = NULL};
}
