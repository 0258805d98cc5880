/* SPDX-License-Identifier: BSD-3-Clause */
/* The source hdf5: the archives train.h5 and val.h5. Checks that an archive fits the configuration
 * and provides its images; archive.c reads the format. Called through the table of sources.c:
 * opened on one thread, then read from any thread. Reads files under data.path. */
#include "pwf/data/archive.h"
#include "pwf/data/file.h"
#include "sources.h"

#include <unistd.h>

/* Checks that the archive is of the requested split and fits the network. */
static pwf_status check_part(const pwf_archive_block *b, const char *path,
                             const pwf_dataset_request *request, bool train)
{
    PWF_FAIL_IF((b->train != 0) != train, PWF_DATA,
                "%s holds the %s images; train.h5 must hold the training images and val.h5 the "
                "validation images",
                path, b->train ? "training" : "validation");
    PWF_FAIL_IF(request->channels != 3, PWF_CONFIG,
                "the images of %s have 3 channels, but model.channels is %lld", path,
                (long long)request->channels);
    PWF_FAIL_IF(request->classes > 0 && b->classes != request->classes, PWF_DATA,
                "%s has %lld classes, but model.classes is %lld", path, (long long)b->classes,
                (long long)request->classes);
    return pwf_ok();
}

/* Labels are numbers, so both files must have the same list of classes. */
static pwf_status check_classes(const pwf_archive_block *b, const char *path, const char *root)
{
    char other[PWF_PATH];
    int fd = -1;
    int64_t bytes = 0;
    pwf_archive_block train;
    pwf_status s = pwf_data_open_in(root, "train.h5", other, &fd, &bytes);
    if (s.code == PWF_OK && fd < 0) return s; /* no train.h5: nothing to compare with */
    if (s.code == PWF_OK) s = pwf_archive_read_block(fd, other, bytes, &train);
    if (s.code == PWF_OK && !pwf_hash_equal(b->class_list, train.class_list))
        s = PWF_FAIL(PWF_DATA, "%s and %s have different classes; pack both from the same folder",
                     other, path);
    if (fd >= 0) close(fd);
    return s;
}

/* Stored pixels are resized already; the settings must ask for exactly that size. */
static pwf_status check_pixels(const pwf_archive_block *b, const char *path,
                               const pwf_dataset_request *request, bool train)
{
    if (b->form != PWF_ARCHIVE_PIXELS) return pwf_ok();
    PWF_FAIL_IF(b->side != request->data->resize, PWF_CONFIG,
                "%s holds images of %lld x %lld pixels, but data.resize is %lld; set it to "
                "%lld, or pack again",
                path, (long long)b->side, (long long)b->side, (long long)request->data->resize,
                (long long)b->side);
    const char *wants = train && request->augment->crop ? "augment.crop"
                        : !train && request->data->eval_transform == PWF_EVAL_TIMM
                            ? "data.eval_transform timm"
                            : NULL;
    if (!wants) return pwf_ok();
    return PWF_FAIL(PWF_CONFIG,
                    "%s holds images that were resized to squares, but %s needs their original "
                    "shape; pack them without --pixels",
                    path, wants);
}

/* The archive belongs to *out from the moment it is open, so a failed check leaks nothing. */
static pwf_status open_part(const pwf_dataset_request *request, bool train, pwf_images *out)
{
    pwf_archive *archive = NULL;
    const char *root = request->data->path;
    char path[PWF_PATH];
    PWF_FAIL_IF(!pwf_path_join(path, root, train ? "train.h5" : "val.h5"), PWF_DATA,
                "the path of the archive in data.path is too long");
    PWF_TRY(pwf_archive_open(root, path, true, &archive));
    const pwf_archive_block *b = &archive->block;
    out->self = archive;
    out->count = b->images;
    out->classes = b->classes;
    out->hash = b->list;
    PWF_TRY(check_part(b, path, request, train));
    if (!train) PWF_TRY(check_classes(b, path, root));
    return check_pixels(b, path, request, train);
}

static void close_archive(void *self)
{
    pwf_archive_free(self);
}

/* All of it is in the tables, which were read when the archive was opened. */
static pwf_images_item get(const void *self, int64_t index)
{
    const pwf_archive *a = self;
    return (pwf_images_item){pwf_archive_name(a, index), a->places[index + 1] - a->places[index],
                             a->labels[index]};
}

static const char *class_name(const void *self, int64_t class)
{
    const pwf_archive *a = self;
    return a->class_names + class * a->block.class_bytes;
}

static pwf_status read_image(const void *self, int64_t index, pwf_image *out)
{
    return pwf_archive_read(self, index, out);
}

const pwf_source pwf_source_hdf5 = {.open = open_part,
                                    .close = close_archive,
                                    .get = get,
                                    .class_name = class_name,
                                    .read = read_image};
