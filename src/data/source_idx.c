/* SPDX-License-Identifier: BSD-3-Clause */
/* The source idx: the four IDX files of the MNIST family, read and checked whole when the data set
 * is opened. Called through the table of sources.c on one thread. Reads files under data.path with
 * the reader of idx.c and holds the images in memory. */
#include "idx.h"
#include "pwf/core/mem.h"
#include "sources.h"

#include <string.h>

/* The network has one output per class, so a larger label has none. */
static pwf_status check_labels(const pwf_idx *file, const uint8_t *labels, int64_t count,
                               int64_t classes)
{
    for (int64_t i = 0; i < count; i++)
        PWF_FAIL_IF(labels[i] >= classes, PWF_DATA,
                    "%s: label %lld, at byte %lld, is class %d, but model.classes is %lld, "
                    "so classes run from 0 to %lld",
                    pwf_idx_path(file), (long long)i, (long long)(8 + i), labels[i],
                    (long long)classes, (long long)(classes - 1));
    return pwf_ok();
}

/* All labels are read and checked, those past the limit too; p->count of them are kept. */
static pwf_status read_labels(pwf_pixels *p, pwf_idx *file, int64_t classes)
{
    uint8_t *all = NULL;
    const int64_t count = pwf_idx_dim(file, 0);
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
    PWF_TRY(pwf_idx_read(file, p->pixels, p->count * bytes));
    return pwf_idx_finish(file);
}

/* Checks the headers, before any pixel is read. */
static pwf_status check_shape(const pwf_dataset_request *request, const pwf_idx *images,
                              const pwf_idx *labels)
{
    const int64_t height = pwf_idx_dim(images, 1), width = pwf_idx_dim(images, 2);
    const int64_t side = request->side;
    PWF_FAIL_IF(height != side || width != side, PWF_DATA,
                "%s: images are %lld x %lld pixels (bytes 8 to 15), but model.image_size "
                "is %lld",
                pwf_idx_path(images), (long long)height, (long long)width, (long long)side);
    PWF_FAIL_IF(request->channels != 1, PWF_DATA,
                "%s: images of this format have one channel, but model.channels is %lld",
                pwf_idx_path(images), (long long)request->channels);
    PWF_FAIL_IF(pwf_idx_dim(images, 0) != pwf_idx_dim(labels, 0), PWF_DATA,
                "%s has %lld images, but %s has %lld labels; they do not belong together",
                pwf_idx_path(images), (long long)pwf_idx_dim(images, 0), pwf_idx_path(labels),
                (long long)pwf_idx_dim(labels, 0));
    return pwf_ok();
}

/* Labels first: they are few, and a wrong one is found before the images are read. */
static pwf_status fill(const pwf_dataset_request *request, int64_t limit, pwf_idx *images,
                       pwf_idx *labels, pwf_pixels *p)
{
    PWF_TRY(check_shape(request, images, labels));
    PWF_TRY(pwf_pixels_new(p, pwf_idx_dim(images, 0), limit, request->side, 1));
    PWF_TRY(read_labels(p, labels, request->classes));
    return read_images(p, images);
}

/* Opens both files of the split; pwf_idx_open tries the plain name and the one with .gz. */
static pwf_status load(const pwf_dataset_request *request, bool train, int64_t limit,
                       pwf_pixels *out)
{
    static const char *const stems[2][2] = {{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                                            {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}};
    pwf_idx *images = NULL, *labels = NULL;
    pwf_status s = pwf_idx_open(request->data->path, stems[train][0], 3, &images);
    if (s.code == PWF_OK) s = pwf_idx_open(request->data->path, stems[train][1], 1, &labels);
    if (s.code == PWF_OK) s = fill(request, limit, images, labels, out);
    pwf_idx_close(images);
    pwf_idx_close(labels);
    return s;
}

const pwf_source pwf_source_idx = {.load = load};
