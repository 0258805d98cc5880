/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of image sources; the rows are PWF_DATA_SOURCES. Called by dataset.c and images.c when
 * a data set is opened, and by config and launch to ask what kind a source is. Constant data;
 * touches no file. */
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
