/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the sources that hold their images in memory: the check of the shape and the
 * allocation. Called by source_*.c while a data set is opened, on one thread. Touches no file; the
 * caller frees the pixels, also after a failure. */
#include "pwf/core/mem.h"
#include "sources.h"

/* These formats have one shape and one number of classes, so the network must have them too. */
pwf_status pwf_source_check_shape(const pwf_dataset_request *request, const char *what,
                                  int64_t side, int64_t channels, int64_t classes)
{
    PWF_FAIL_IF(request->side != side || request->channels != channels, PWF_CONFIG,
                "%s images have %lld x %lld pixels and %lld channels, but model.image_size "
                "is %lld and model.channels is %lld",
                what, (long long)side, (long long)side, (long long)channels,
                (long long)request->side, (long long)request->channels);
    PWF_FAIL_IF(request->classes != classes, PWF_CONFIG,
                "model.classes is %lld, but %s has %lld classes", (long long)request->classes, what,
                (long long)classes);
    return pwf_ok();
}

/* The shape is set even if the allocation fails. */
pwf_status pwf_pixels_new(pwf_pixels *pixels, int64_t count, int64_t limit, int64_t side,
                          int64_t channels)
{
    *pixels = (pwf_pixels){.count = limit > 0 && limit < count ? limit : count,
                           .height = side,
                           .width = side,
                           .channels = channels};
    PWF_TRY(pwf_mem_alloc(PWF_MEM_DATA, pixels->count, (size_t)(side * side * channels),
                          &pixels->pixels));
    return pwf_mem_alloc(PWF_MEM_DATA, pixels->count, 1, &pixels->labels);
}
