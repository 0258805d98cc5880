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
    char path[PWF_PATH];
};

/* ---- archives -------------------------------------------------------------------------------- */

static pwf_status check_part(const pwf_images *i, const pwf_config *config, bool train)
{
    const pwf_archive_block *b = pwf_archive_about(i->archive);
    if ((b->train != 0) != train)
        return PWF_FAIL(PWF_DATA,
                        "%s holds the %s images; the training images belong into train.h5 and the "
                        "others into val.h5",
                        i->path, b->train ? "training" : "validation");
    if (config->model.channels != 3)
        return PWF_FAIL(PWF_CONFIG, "the images of %s have 3 channels, but model.channels is %lld",
                        i->path, (long long)config->model.channels);
    if (config->model.classes > 0 && b->classes != config->model.classes)
        return PWF_FAIL(PWF_DATA, "%s has %lld classes, but model.classes is %lld", i->path,
                        (long long)b->classes, (long long)config->model.classes);
    return pwf_ok();
}

/* Labels are numbers: they mean the same in both files only if the lists of classes are one. */
static pwf_status check_classes(const pwf_images *i, const char *root)
{
    char path[PWF_PATH];
    int fd = -1;
    int64_t bytes = 0;
    pwf_archive_block train;
    const pwf_hash own = pwf_archive_about(i->archive)->class_list;
    snprintf(path, sizeof path, "%s/train.h5", root);
    pwf_status s = pwf_source_open(root, path, &fd, &bytes);
    if (s.code == PWF_OK && fd < 0) return s; /* only validation: nothing to compare with */
    if (s.code == PWF_OK) s = pwf_archive_read_block(fd, path, bytes, &train);
    if (s.code == PWF_OK && (own.lo != train.class_list.lo || own.hi != train.class_list.hi))
        s = PWF_FAIL(PWF_DATA, "%s and %s have different classes; pack both from one folder", path,
                     i->path);
    if (fd >= 0) close(fd);
    return s;
}

/* Stored pixels have been resized once; a second time would make other images of them. */
static pwf_status check_pixels(const pwf_images *i, const pwf_config *config, bool train)
{
    const pwf_archive_block *b = pwf_archive_about(i->archive);
    if (b->form != PWF_ARCHIVE_PIXELS) return pwf_ok();
    if (b->side != config->data.resize)
        return PWF_FAIL(PWF_CONFIG,
                        "%s holds images of %lld x %lld pixels, but data.resize is %lld; set it to "
                        "%lld, or pack again",
                        i->path, (long long)b->side, (long long)b->side,
                        (long long)config->data.resize, (long long)b->side);
    const char *wants = train && config->augment.crop ? "augment.crop"
                        : !train && config->data.eval_transform == PWF_EVAL_TIMM
                            ? "data.eval_transform timm"
                            : NULL;
    if (!wants) return pwf_ok();
    return PWF_FAIL(
        PWF_CONFIG,
        "%s holds squares of pixels, but %s starts from images of their own shape; pack "
        "them without --pixels",
        i->path, wants);
}

static pwf_status open_archive(pwf_images *i, const pwf_config *config, bool train)
{
    const char *root = config->data.path;
    snprintf(i->path, sizeof i->path, "%s/%s.h5", root, train ? "train" : "val");
    PWF_TRY(pwf_archive_open(root, i->path, true, &i->archive));
    PWF_TRY(check_part(i, config, train));
    if (!train) PWF_TRY(check_classes(i, root));
    return check_pixels(i, config, train);
}

/* ---- either ---------------------------------------------------------------------------------- */

static pwf_status open_either(pwf_images *i, const pwf_config *config, bool train)
{
    _Static_assert(PWF_TEXT + 16 < PWF_PATH, "a folder and the name in it fit");
    if (config->data.format == PWF_DATA_HDF5) return open_archive(i, config, train);
    snprintf(i->path, sizeof i->path, "%s/%s", config->data.path, train ? "train" : "val");
    return pwf_folder_open(config, train, &i->folder);
}

pwf_status pwf_images_open(const pwf_config *config, bool train, pwf_images **out)
{
    pwf_images *i = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *i, &i));
    const pwf_status s = open_either(i, config, train);
    if (s.code == PWF_OK)
        *out = i;
    else
        pwf_images_free(i);
    return s;
}

pwf_status pwf_images_open_all(const pwf_config *config, const char *path, pwf_images **out)
{
    pwf_images *i = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *i, &i));
    snprintf(i->path, sizeof i->path, "%s", path);
    const pwf_status s = pwf_folder_open_all(config, path, &i->folder);
    if (s.code == PWF_OK)
        *out = i;
    else
        pwf_images_free(i);
    return s;
}

void pwf_images_free(pwf_images *i)
{
    if (!i) return;
    pwf_folder_free(i->folder);
    pwf_archive_free(i->archive);
    pwf_mem_free(i);
}

const char *pwf_images_path(const pwf_images *i)
{
    return i->path;
}

int64_t pwf_images_count(const pwf_images *i)
{
    return i->folder ? pwf_folder_count(i->folder) : pwf_archive_about(i->archive)->images;
}

int64_t pwf_images_classes(const pwf_images *i)
{
    return i->folder ? pwf_folder_classes(i->folder) : pwf_archive_about(i->archive)->classes;
}

int32_t pwf_images_label(const pwf_images *i, int64_t index)
{
    return i->folder ? pwf_folder_label(i->folder, index) : pwf_archive_label(i->archive, index);
}

const char *pwf_images_name(const pwf_images *i, int64_t index)
{
    return i->folder ? pwf_folder_name(i->folder, index) : pwf_archive_name(i->archive, index);
}

int64_t pwf_images_size(const pwf_images *i, int64_t index)
{
    if (i->folder) return pwf_folder_size(i->folder, index);
    const int64_t *places = pwf_archive_places(i->archive);
    return places[index + 1] - places[index];
}

const char *pwf_images_class(const pwf_images *i, int64_t class)
{
    return i->folder ? pwf_folder_class(i->folder, class) : pwf_archive_class(i->archive, class);
}

pwf_status pwf_images_hash(const pwf_images *i, pwf_hash *out)
{
    if (i->folder) return pwf_folder_hash(i->folder, out);
    *out = pwf_archive_about(i->archive)->list;
    return pwf_ok();
}

pwf_status pwf_images_read(const pwf_images *i, int64_t index, pwf_image *out)
{
    return i->folder ? pwf_folder_read(i->folder, index, out)
                     : pwf_archive_read(i->archive, index, out);
}
