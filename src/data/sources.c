/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of image sources, whose rows are PWF_DATA_SOURCES, and the calls through it. Called by
 * dataset.c and by pack, and by config and launch, which ask whether a source is held in memory.
 * Any thread after opening. Constant data; touches no file itself. */
#include "sources.h"

#define DECLARE(name, text) extern const pwf_source pwf_source_##name;
PWF_DATA_SOURCES(DECLARE)

#define ADDRESS(name, text) &pwf_source_##name,
static const pwf_source *const table[PWF_DATA_COUNT] = {PWF_DATA_SOURCES(ADDRESS)};

const pwf_source *pwf_source_get(pwf_data_format format)
{
    PWF_ASSERT(format < PWF_DATA_COUNT);
    return table[format];
}

bool pwf_data_is_held(pwf_data_format format)
{
    return pwf_source_get(format)->load != NULL;
}

pwf_status pwf_images_open(pwf_dataset_request request, bool train, pwf_images *out)
{
    *out = (pwf_images){.source = pwf_source_get(request.data->format)};
    return out->source->open(&request, train, out);
}

void pwf_images_close(pwf_images *images)
{
    if (images->self) images->source->close(images->self);
    *images = (pwf_images){0};
}

pwf_images_item pwf_images_get(const pwf_images *images, int64_t index)
{
    return images->source->get(images->self, index);
}

const char *pwf_images_class(const pwf_images *images, int64_t class)
{
    return images->source->class_name(images->self, class);
}

pwf_status pwf_images_read(const pwf_images *images, int64_t index, pwf_image *out)
{
    *out = (pwf_image){0};
    return images->source->read(images->self, index, out);
}
