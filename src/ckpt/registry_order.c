/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts the named parts of a loaded file into the order of a registry.
 * Called on one rank by the readers of networks and of start weights.
 * Pure: touches only the arrays that it is given. */
#include "registry_order.h"

#include <string.h>

typedef struct source {
    const char *path, *model;
    const pwf_loaded_part *part;
    int count;
} source;

/* Finds a part by name; its kind and shape must match. */
static pwf_status find(const source *from, const char *name, bool buffer, int dims,
                       const int64_t *shape, const pwf_loaded_part **out)
{
    const pwf_loaded_part *part = NULL;
    for (int i = 0; i < from->count && !part; i++)
        if (from->part[i].buffer == buffer && strcmp(from->part[i].name, name) == 0)
            part = &from->part[i];
    if (!part)
        return PWF_FAIL(PWF_DATA,
                        "%s is of the model %s and has no %s: the settings (model.*) are of "
                        "another model",
                        from->path, from->model, name);
    if (part->dims != dims || memcmp(part->shape, shape, (size_t)dims * sizeof *shape) != 0)
        return PWF_FAIL(PWF_DATA,
                        "%s has %s in another shape than the model of the settings: give its "
                        "model.* settings, or import it again for this model, its number of "
                        "classes and its image size",
                        from->path, name);
    *out = part;
    return pwf_ok();
}

/* Copies one parameter: mean, sigma and codes where both sides have them. */
static pwf_status take(const source *from, const pwf_param *p, const pwf_arranged *to)
{
    const pwf_loaded_part *part = NULL;
    const size_t count = (size_t)p->count;
    PWF_TRY(find(from, p->name, false, p->dims, p->shape, &part));
    memcpy(to->mu + p->offset, part->values, count * sizeof *to->mu);
    if (!p->posterior) return pwf_ok();
    if (to->sigma && part->sigma)
        memcpy(to->sigma + p->offset, part->sigma, count * sizeof *to->sigma);
    for (int64_t i = 0; to->code && i < p->count; i++)
        to->code[p->offset + i] = part->code ? part->code[i] : PWF_FREE;
    return pwf_ok();
}

/* The registry decides the order; the number of parts shows whether the file has others. */
pwf_status pwf_arrange(const char *path, const char *model, const pwf_loaded_part *part, int count,
                       const pwf_registry *registry, const pwf_arranged *to)
{
    const source from = {path, model, part, count};
    const int params = pwf_registry_params(registry), buffers = pwf_registry_buffers(registry);
    for (int i = 0; i < params; i++)
        PWF_TRY(take(&from, pwf_registry_param(registry, i), to));
    for (int i = 0; i < buffers; i++) {
        const pwf_buffer *b = pwf_registry_buffer(registry, i);
        const pwf_loaded_part *found = NULL;
        PWF_TRY(find(&from, b->name, true, 1, &b->count, &found));
        memcpy(to->buffers + b->offset, found->values, (size_t)b->count * sizeof(float));
    }
    if (count == params + buffers) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s is of the model %s and has %d parameters and buffers, the model of the "
                    "settings %d: it is a checkpoint of another model",
                    path, model, count, params + buffers);
}
