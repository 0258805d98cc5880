/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/data/images.h"

#include "file.h"
#include "pwf/core/file.h"
#include "pwf/core/mem.h"
#include "pwf/data/archive.h"
#include "sources.h"

#include <stdio.h>
#include <unistd.h>

struct pwf_images {
    pwf_folder *folder;
    pwf_archive *archive; /* one of the two is NULL */
};

/* ---- archives -------------------------------------------------------------------------------- */

static pwf_status check_part(const pwf_archive_block *b, const char *path,
                             const pwf_dataset_request *request, bool train)
{
    if ((b->train != 0) != train)
        return PWF_FAIL(PWF_DATA,
                        "%s holds the %s images; the training images belong into train.h5 and the "
                        "others into val.h5",
                        path, b->train ? "training" : "validation");
    if (request->channels != 3)
        return PWF_FAIL(PWF_CONFIG, "the images of %s have 3 channels, but model.channels is %lld",
                        path, (long long)request->channels);
    if (request->classes > 0 && b->classes != request->classes)
        return PWF_FAIL(PWF_DATA, "%s has %lld classes, but model.classes is %lld", path,
                        (long long)b->classes, (long long)request->classes);
    return pwf_ok();
}

/* Labels are numbers: they mean the same in both files only if the lists of classes are one. */
static pwf_status check_classes(const pwf_archive_block *b, const char *path, const char *root)
{
    char other[PWF_PATH];
    int fd = -1;
    int64_t bytes = 0;
    pwf_archive_block train;
    snprintf(other, sizeof other, "%s/train.h5", root);
    pwf_status s = pwf_source_open(root, other, &fd, &bytes);
    if (s.code == PWF_OK && fd < 0) return s; /* only validation: nothing to compare with */
    if (s.code == PWF_OK) s = pwf_archive_read_block(fd, other, bytes, &train);
    if (s.code == PWF_OK &&
        (b->class_list.lo != train.class_list.lo || b->class_list.hi != train.class_list.hi))
        s = PWF_FAIL(PWF_DATA, "%s and %s have different classes; pack both from one folder", other,
                     path);
    if (fd >= 0) close(fd);
    return s;
}

/* Stored pixels have been resized once; a second time would make other images of them. */
static pwf_status check_pixels(const pwf_archive_block *b, const char *path,
                               const pwf_dataset_request *request, bool train)
{
    if (b->form != PWF_ARCHIVE_PIXELS) return pwf_ok();
    if (b->side != request->data->resize)
        return PWF_FAIL(PWF_CONFIG,
                        "%s holds images of %lld x %lld pixels, but data.resize is %lld; set it to "
                        "%lld, or pack again",
                        path, (long long)b->side, (long long)b->side,
                        (long long)request->data->resize, (long long)b->side);
    const char *wants = train && request->augment->crop ? "augment.crop"
                        : !train && request->data->eval_transform == PWF_EVAL_TIMM
                            ? "data.eval_transform timm"
                            : NULL;
    if (!wants) return pwf_ok();
    return PWF_FAIL(
        PWF_CONFIG,
        "%s holds squares of pixels, but %s starts from images of their own shape; pack "
        "them without --pixels",
        path, wants);
}

static pwf_status open_archive(const pwf_dataset_request *request, bool train, pwf_archive **out)
{
    _Static_assert(PWF_TEXT + 16 < PWF_PATH, "a folder and the name in it fit");
    const char *root = request->data->path;
    char path[PWF_PATH];
    snprintf(path, sizeof path, "%s/%s.h5", root, train ? "train" : "val");
    PWF_TRY(pwf_archive_open(root, path, true, out));
    const pwf_archive_block *b = pwf_archive_about(*out);
    PWF_TRY(check_part(b, path, request, train));
    if (!train) PWF_TRY(check_classes(b, path, root));
    return check_pixels(b, path, request, train);
}

/* ---- either ---------------------------------------------------------------------------------- */

static pwf_status fill(pwf_images *i, const pwf_dataset_request *request, bool train,
                       const char *folder)
{
    if (folder || request->data->format != PWF_DATA_HDF5)
        return pwf_folder_open(request, train, folder, &i->folder);
    return open_archive(request, train, &i->archive);
}

pwf_status pwf_images_open(pwf_dataset_request request, bool train, const char *folder,
                           pwf_images **out)
{
    pwf_images *i = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *i, &i));
    const pwf_status s = fill(i, &request, train, folder);
    if (s.code == PWF_OK)
        *out = i;
    else
        pwf_images_free(i);
    return s;
}

void pwf_images_free(pwf_images *images)
{
    if (!images) return;
    pwf_folder_free(images->folder);
    pwf_archive_free(images->archive);
    pwf_mem_free(images);
}

int64_t pwf_images_count(const pwf_images *images)
{
    return images->folder ? pwf_folder_count(images->folder)
                          : pwf_archive_about(images->archive)->images;
}

int64_t pwf_images_classes(const pwf_images *images)
{
    return images->folder ? pwf_folder_classes(images->folder)
                          : pwf_archive_about(images->archive)->classes;
}

int32_t pwf_images_label(const pwf_images *images, int64_t index)
{
    return images->folder ? pwf_folder_label(images->folder, index)
                          : pwf_archive_label(images->archive, index);
}

const char *pwf_images_name(const pwf_images *images, int64_t index)
{
    return images->folder ? pwf_folder_name(images->folder, index)
                          : pwf_archive_name(images->archive, index);
}

int64_t pwf_images_size(const pwf_images *images, int64_t index)
{
    if (images->folder) return pwf_folder_size(images->folder, index);
    const int64_t *places = pwf_archive_places(images->archive);
    return places[index + 1] - places[index];
}

const char *pwf_images_class(const pwf_images *images, int64_t class)
{
    return images->folder ? pwf_folder_class(images->folder, class)
                          : pwf_archive_class(images->archive, class);
}

pwf_status pwf_images_hash(const pwf_images *images, pwf_hash *out)
{
    if (images->folder) return pwf_folder_hash(images->folder, out);
    *out = pwf_archive_about(images->archive)->list;
    return pwf_ok();
}

pwf_status pwf_images_read(const pwf_images *images, int64_t index, pwf_image *out)
{
    return images->folder ? pwf_folder_read(images->folder, index, out)
                          : pwf_archive_read(images->archive, index, out);
}
