/* SPDX-License-Identifier: BSD-3-Clause */
/* Images that are read one at a time: passes every call on to the source they come from, through
 * the table of sources.c. Called by dataset.c and by pack; any thread after opening. Touches no
 * file itself. */
#include "pwf/data/images.h"

#include "pwf/core/mem.h"
#include "sources.h"

struct pwf_images {
    const pwf_source *source;
    void *self; /* of the source */
};

pwf_status pwf_images_open(pwf_dataset_request request, bool train, const char *folder,
                           pwf_images **out)
{
    pwf_images *i = NULL;
    *out = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, 1, sizeof *i, &i));
    i->source = pwf_source_get(folder ? PWF_DATA_imagefolder : request.data->format);
    PWF_ASSERT(i->source->open);
    const pwf_status s = folder ? pwf_folder_open_all(&request, folder, &i->self)
                                : i->source->open(&request, train, &i->self);
    if (s.code == PWF_OK)
        *out = i;
    else
        pwf_images_free(i);
    return s;
}

void pwf_images_free(pwf_images *images)
{
    if (!images) return;
    images->source->close(images->self);
    pwf_mem_free(images);
}

int64_t pwf_images_count(const pwf_images *images)
{
    return images->source->count(images->self);
}

int64_t pwf_images_classes(const pwf_images *images)
{
    return images->source->classes(images->self);
}

int32_t pwf_images_label(const pwf_images *images, int64_t index)
{
    return images->source->label(images->self, index);
}

const char *pwf_images_name(const pwf_images *images, int64_t index)
{
    return images->source->name(images->self, index);
}

int64_t pwf_images_size(const pwf_images *images, int64_t index)
{
    return images->source->size(images->self, index);
}

const char *pwf_images_class(const pwf_images *images, int64_t class)
{
    return images->source->class_name(images->self, class);
}

pwf_status pwf_images_hash(const pwf_images *images, pwf_hash *out)
{
    return images->source->hash(images->self, out);
}

pwf_status pwf_images_read(const pwf_images *images, int64_t index, pwf_image *out)
{
    *out = (pwf_image){0};
    return images->source->read(images->self, index, out);
}
