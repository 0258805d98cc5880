/* SPDX-License-Identifier: BSD-3-Clause */
/* The sources cifar10 and cifar100 (Krizhevsky 2009), binary version: records of one or two label
 * bytes and three channel planes of 32 x 32 bytes. Called through the table of sources.c; reads
 * files under data.path. */
#include "pwf/data/file.h"
#include "sources.h"

#include <unistd.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, CHANNELS = 3, FILES_MAX = 5 };
enum { RECORD_MAX = 2 + CHANNELS * PLANE };

/* One split of one of the two data sets. */
typedef struct layout {
    const char *name;
    const char *files[FILES_MAX]; /* in order */
    int label_bytes;              /* of a record; the last one is the class */
    int classes;
} layout;

static const layout cifar10[2] = {{"CIFAR-10", {"test_batch.bin"}, 1, 10},
                                  {"CIFAR-10",
                                   {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                    "data_batch_4.bin", "data_batch_5.bin"},
                                   1,
                                   10}};
static const layout cifar100[2] = {{"CIFAR-100", {"test.bin"}, 2, 100},
                                   {"CIFAR-100", {"train.bin"}, 2, 100}};

/* One open file of a split. */
typedef struct batch_file {
    char path[PWF_PATH];
    int fd;
    int64_t records;
} batch_file;

/* The length of the file gives the number of records; nothing else does. */
static pwf_status open_file(const char *root, const char *name, int64_t record, batch_file *file)
{
    int64_t bytes = 0;
    PWF_TRY(pwf_data_open_in(root, name, file->path, &file->fd, &bytes));
    PWF_FAIL_IF(file->fd < 0, PWF_MISSING, "%s does not exist", file->path);
    file->records = bytes / record;
    if (bytes > 0 && bytes % record == 0) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s has %lld bytes, which is not a whole number of records of %lld bytes; use "
                    "the binary version of the data set",
                    file->path, (long long)bytes, (long long)record);
}

/* Reads the records of one file as images from number `first` on. Labels are checked past the last
 * image too, so that a limit hides no damage. */
static pwf_status read_file(const batch_file *file, const layout *set, int64_t first,
                            pwf_pixels *out)
{
    uint8_t record[RECORD_MAX];
    const size_t bytes = (size_t)(set->label_bytes + CHANNELS * PLANE);
    for (int64_t r = 0; r < file->records; r++) {
        PWF_TRY(pwf_file_pread(file->fd, file->path, record, bytes, (uint64_t)r * bytes));
        const uint8_t label = record[set->label_bytes - 1];
        PWF_FAIL_IF(label >= set->classes, PWF_DATA,
                    "%s: record %lld is of class %d; classes run from 0 to %d", file->path,
                    (long long)r, label, set->classes - 1);
        if (first + r >= out->count) continue;
        uint8_t *to = out->pixels + (first + r) * CHANNELS * PLANE;
        out->labels[first + r] = label;
        for (int i = 0; i < PLANE; i++)
            for (int c = 0; c < CHANNELS; c++)
                *to++ = record[set->label_bytes + c * PLANE + i];
    }
    return pwf_ok();
}

/* Reads the files of a split one after the other into the arrays. */
static pwf_status load(const pwf_dataset_request *request, const layout *set, int64_t limit,
                       pwf_pixels *out)
{
    batch_file files[FILES_MAX];
    int count = 0;
    int64_t records = 0, first = 0;
    PWF_TRY(pwf_source_check_shape(request, set->name, SIDE, CHANNELS, set->classes));
    pwf_status s = pwf_ok();
    /* All files are opened first: their lengths give the number of images. */
    while (count < FILES_MAX && set->files[count] && s.code == PWF_OK) {
        files[count] = (batch_file){.fd = -1};
        s = open_file(request->data->path, set->files[count], set->label_bytes + CHANNELS * PLANE,
                      &files[count]);
        records += files[count++].records;
    }
    if (s.code == PWF_OK) s = pwf_pixels_new(out, records, limit, SIDE, CHANNELS);
    for (int i = 0; i < count; i++) {
        if (s.code == PWF_OK) s = read_file(&files[i], set, first, out);
        first += files[i].records;
        if (files[i].fd >= 0) close(files[i].fd);
    }
    return s;
}

/* The table of sources has one function per data set. */
static pwf_status load10(const pwf_dataset_request *request, bool train, int64_t limit,
                         pwf_pixels *out)
{
    return load(request, &cifar10[train], limit, out);
}

static pwf_status load100(const pwf_dataset_request *request, bool train, int64_t limit,
                          pwf_pixels *out)
{
    return load(request, &cifar100[train], limit, out);
}

const pwf_source pwf_source_cifar10 = {.load = load10};
const pwf_source pwf_source_cifar100 = {.load = load100};
