/* SPDX-License-Identifier: BSD-3-Clause */
/* The source stl10: the labelled images of STL-10 (Coates, Lee and Ng, AISTATS 2011). PART_X.bin
 * holds images of three channel planes of 96 columns of 96 bytes, PART_y.bin a byte per image, the
 * class from 1 to 10; PART is train or test. Called through the table of sources.c; reads files
 * under data.path. */
#include "pwf/core/mem.h"
#include "pwf/data/file.h"
#include "sources.h"

#include <stdio.h>
#include <unistd.h>

enum { SIDE = 96, PLANE = SIDE * SIDE, CHANNELS = 3, IMAGE = CHANNELS * PLANE, CLASSES = 10 };

/* One of the two files of a split. */
typedef struct part_file {
    char path[PWF_PATH];
    int fd;
    int64_t bytes;
} part_file;

/* `which` is X for the images and y for the labels, as in the names of the files. */
static pwf_status open_file(const char *root, const char *part, char which, part_file *file)
{
    char name[16];
    snprintf(name, sizeof name, "%s_%c.bin", part, which);
    PWF_TRY(pwf_data_open_in(root, name, file->path, &file->fd, &file->bytes));
    if (file->fd >= 0) return pwf_ok();
    return PWF_FAIL(PWF_MISSING,
                    "%s does not exist; data.path must hold the files of stl10_binary.tar.gz",
                    file->path);
}

/* The files have no headers: only their lengths show whether they are complete and belong
 * together. */
static pwf_status check_sizes(const part_file *images, const part_file *labels)
{
    PWF_FAIL_IF(images->bytes == 0 || images->bytes % IMAGE != 0, PWF_DATA,
                "%s has %lld bytes, which is not a whole number of images of %d bytes; "
                "download it again",
                images->path, (long long)images->bytes, IMAGE);
    PWF_FAIL_IF(labels->bytes != images->bytes / IMAGE, PWF_DATA,
                "%s has %lld labels, but %s has %lld images", labels->path,
                (long long)labels->bytes, images->path, (long long)(images->bytes / IMAGE));
    return pwf_ok();
}

/* All labels are checked, those past the limit too. */
static pwf_status read_labels(const part_file *file, pwf_pixels *out)
{
    uint8_t *all = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, file->bytes, 1, &all));
    pwf_status s = pwf_file_pread(file->fd, file->path, all, (size_t)file->bytes, 0);
    for (int64_t i = 0; i < file->bytes && s.code == PWF_OK; i++) {
        if (all[i] < 1 || all[i] > CLASSES)
            s = PWF_FAIL(PWF_DATA, "%s: byte %lld is %d, but classes run from 1 to %d", file->path,
                         (long long)i, all[i], CLASSES);
        else if (i < out->count)
            out->labels[i] = (uint8_t)(all[i] - 1);
    }
    pwf_mem_free(all);
    return s;
}

/* Converts planes of columns to [row, column, channel]. */
static pwf_status read_images(const part_file *file, pwf_pixels *out)
{
    uint8_t planes[IMAGE];
    for (int64_t i = 0; i < out->count; i++) {
        uint8_t *to = out->pixels + i * IMAGE;
        PWF_TRY(pwf_file_pread(file->fd, file->path, planes, IMAGE, (uint64_t)(i * IMAGE)));
        for (int row = 0; row < SIDE; row++)
            for (int column = 0; column < SIDE; column++)
                for (int c = 0; c < CHANNELS; c++)
                    *to++ = planes[c * PLANE + column * SIDE + row];
    }
    return pwf_ok();
}

/* Both files are opened and compared before memory is allocated. */
static pwf_status load(const pwf_dataset_request *request, bool train, int64_t limit,
                       pwf_pixels *out)
{
    const char *root = request->data->path, *part = train ? "train" : "test";
    part_file images = {.fd = -1}, labels = {.fd = -1};
    PWF_TRY(pwf_source_check_shape(request, "STL-10", SIDE, CHANNELS, CLASSES));
    pwf_status s = open_file(root, part, 'X', &images);
    if (s.code == PWF_OK) s = open_file(root, part, 'y', &labels);
    if (s.code == PWF_OK) s = check_sizes(&images, &labels);
    if (s.code == PWF_OK) s = pwf_pixels_new(out, labels.bytes, limit, SIDE, CHANNELS);
    if (s.code == PWF_OK) s = read_labels(&labels, out);
    if (s.code == PWF_OK) s = read_images(&images, out);
    if (images.fd >= 0) close(images.fd);
    if (labels.fd >= 0) close(labels.fd);
    return s;
}

const pwf_source pwf_source_stl10 = {.load = load};
