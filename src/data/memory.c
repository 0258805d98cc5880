/* SPDX-License-Identifier: BSD-3-Clause */
/* The formats that are small enough to be held in memory. */
#include "file.h"
#include "idx.h"
#include "pwf/core/mem.h"
#include "sources.h"

#include <stdio.h>
#include <string.h>

static pwf_status check_labels(const pwf_idx *file, const uint8_t *labels, int64_t count,
                               int64_t classes)
{
    for (int64_t i = 0; i < count; i++)
        if (labels[i] >= classes)
            return PWF_FAIL(PWF_DATA,
                            "%s: label %lld, at byte %lld, is class %d, but model.classes is %lld, "
                            "so classes run from 0 to %lld",
                            pwf_idx_path(file), (long long)i, (long long)(8 + i), labels[i],
                            (long long)classes, (long long)(classes - 1));
    return pwf_ok();
}

static pwf_status read_labels(pwf_pixels *p, pwf_idx *file, int64_t classes)
{
    uint8_t *all = NULL;
    const int64_t count = pwf_idx_dim(file, 0);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, p->count, 1, &p->labels));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, count, 1, &all));
    pwf_status s = pwf_idx_read(file, all, count);
    if (s.code == PWF_OK) s = pwf_idx_finish(file);
    if (s.code == PWF_OK) s = check_labels(file, all, count, classes);
    if (s.code == PWF_OK) memcpy(p->labels, all, (size_t)p->count);
    pwf_mem_free(all);
    return s;
}

/* The images past the limit are read and checked too, but not kept. */
static pwf_status read_images(pwf_pixels *p, pwf_idx *file)
{
    const int64_t bytes = p->height * p->width * p->channels;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, p->count, (size_t)bytes, &p->pixels));
    PWF_TRY(pwf_idx_read(file, p->pixels, p->count * bytes));
    return pwf_idx_finish(file);
}

static pwf_status check_shape(const pwf_dataset_request *request, const pwf_idx *images,
                              const pwf_idx *labels)
{
    const int64_t height = pwf_idx_dim(images, 1), width = pwf_idx_dim(images, 2);
    const int64_t side = request->side;
    if (height != side || width != side)
        return PWF_FAIL(PWF_DATA,
                        "%s: images are %lld x %lld pixels (bytes 8 to 15), but model.image_size "
                        "is %lld",
                        pwf_idx_path(images), (long long)height, (long long)width, (long long)side);
    if (request->channels != 1)
        return PWF_FAIL(PWF_DATA,
                        "%s: images of this format have one channel, but model.channels is %lld",
                        pwf_idx_path(images), (long long)request->channels);
    if (pwf_idx_dim(images, 0) != pwf_idx_dim(labels, 0))
        return PWF_FAIL(PWF_DATA, "%s has %lld images, but %s has %lld labels; they are not a pair",
                        pwf_idx_path(images), (long long)pwf_idx_dim(images, 0),
                        pwf_idx_path(labels), (long long)pwf_idx_dim(labels, 0));
    return pwf_ok();
}

static pwf_status fill_idx(const pwf_dataset_request *request, int64_t limit, pwf_idx *images,
                           pwf_idx *labels, pwf_pixels *p)
{
    PWF_TRY(check_shape(request, images, labels));
    p->count = pwf_idx_dim(images, 0);
    if (limit > 0 && limit < p->count) p->count = limit;
    p->height = pwf_idx_dim(images, 1);
    p->width = pwf_idx_dim(images, 2);
    p->channels = 1;
    PWF_TRY(read_labels(p, labels, request->classes));
    return read_images(p, images);
}

pwf_status pwf_pixels_read_idx(const pwf_dataset_request *request, bool train, int64_t limit,
                               pwf_pixels *out)
{
    static const char *const stems[2][2] = {{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                                            {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}};
    pwf_idx *images = NULL, *labels = NULL;
    pwf_status s = pwf_idx_open(request->data->path, stems[train][0], 3, &images);
    if (s.code == PWF_OK) s = pwf_idx_open(request->data->path, stems[train][1], 1, &labels);
    if (s.code == PWF_OK) s = fill_idx(request, limit, images, labels, out);
    pwf_idx_close(images);
    pwf_idx_close(labels);
    return s;
}

/* ---- CIFAR: records of one or two labels and three planes of 32 x 32 bytes ------------------- */

enum { SIDE = 32, PLANE = SIDE * SIDE, PARTS_MAX = 5, CIFAR_FILE_MAX = 1 << 30 };

typedef struct cifar {
    const char *parts[PARTS_MAX]; /* files, in order */
    int64_t labels;               /* bytes; the last is the class */
    int64_t classes;
} cifar;

static const cifar cifars[2][2] = {{{{"test_batch.bin"}, 1, 10},
                                    {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin"},
                                     1,
                                     10}},
                                   {{{"test.bin"}, 2, 100}, {{"train.bin"}, 2, 100}}};

/* The records of one file, behind the `done` images that are there. */
static pwf_status unpack(const char *path, const uint8_t *bytes, int64_t records, const cifar *kind,
                         int64_t done, pwf_pixels *p)
{
    for (int64_t r = 0; r < records; r++) {
        const uint8_t *record = bytes + r * (kind->labels + 3 * PLANE);
        const uint8_t label = record[kind->labels - 1];
        if (label >= kind->classes)
            return PWF_FAIL(PWF_DATA, "%s: record %lld is of class %d; classes run from 0 to %lld",
                            path, (long long)r, label, (long long)kind->classes - 1);
        if (done + r >= p->count) continue;
        uint8_t *to = p->pixels + (done + r) * 3 * PLANE;
        p->labels[done + r] = label;
        for (int i = 0; i < PLANE; i++)
            for (int c = 0; c < 3; c++)
                to[3 * i + c] = record[kind->labels + c * PLANE + i];
    }
    return pwf_ok();
}

/* Reads the files; without memory for pixels yet, only counts their records. */
static pwf_status read_parts(const char *root, const cifar *kind, pwf_pixels *p, int64_t *records)
{
    *records = 0;
    for (int part = 0; part < PARTS_MAX && kind->parts[part]; part++) {
        char path[PWF_TEXT + 32];
        uint8_t *bytes = NULL;
        int64_t size = 0;
        const int64_t record = kind->labels + 3 * PLANE;
        snprintf(path, sizeof path, "%s/%s", root, kind->parts[part]);
        PWF_TRY(pwf_source_read(root, path, CIFAR_FILE_MAX, &bytes, &size));
        pwf_status s = pwf_ok();
        if (size == 0 || size % record != 0)
            s = PWF_FAIL(PWF_DATA,
                         "%s has %lld bytes, which is no whole number of records of %lld; take the "
                         "binary version of the data set",
                         path, (long long)size, (long long)record);
        if (s.code == PWF_OK && p->pixels)
            s = unpack(path, bytes, size / record, kind, *records, p);
        *records += size / record;
        pwf_mem_free(bytes);
        PWF_TRY(s);
    }
    return pwf_ok();
}

pwf_status pwf_pixels_read_cifar(const pwf_dataset_request *request, bool train, int64_t limit,
                                 pwf_pixels *out)
{
    const cifar *kind = &cifars[request->data->format == PWF_DATA_CIFAR100][train];
    int64_t records = 0;
    if (request->side != SIDE || request->channels != 3)
        return PWF_FAIL(PWF_CONFIG,
                        "CIFAR images have 32 x 32 pixels and 3 channels, but model.image_size is "
                        "%lld and model.channels %lld",
                        (long long)request->side, (long long)request->channels);
    if (request->classes != kind->classes)
        return PWF_FAIL(PWF_CONFIG, "model.classes is %lld, but this data set has %lld classes",
                        (long long)request->classes, (long long)kind->classes);
    PWF_TRY(read_parts(request->data->path, kind, out, &records));
    *out = (pwf_pixels){.count = limit > 0 && limit < records ? limit : records,
                        .height = SIDE,
                        .width = SIDE,
                        .channels = 3};
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, out->count, 3 * PLANE, &out->pixels));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, out->count, 1, &out->labels));
    const int64_t expected = records;
    PWF_TRY(read_parts(request->data->path, kind, out, &records));
    if (records != expected)
        return PWF_FAIL(PWF_DATA, "the files in %s changed while they were read",
                        request->data->path);
    return pwf_ok();
}
