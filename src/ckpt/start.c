/* SPDX-License-Identifier: BSD-3-Clause */
/* Start values from a model file: rank 0 reads, all take their part. */
#include "pwf/ckpt/loaded.h"
#include "pwf/core/mem.h"
#include "read.h"

#include <string.h>

static const pwf_loaded_part *find(const pwf_loaded *from, const char *name, bool buffer)
{
    for (int i = 0; i < from->count; i++)
        if (from->part[i].buffer == buffer && strcmp(from->part[i].name, name) == 0)
            return &from->part[i];
    return NULL;
}

static pwf_status take(const char *path, const pwf_loaded *from, const char *name, bool buffer,
                       int dims, const int64_t *shape, float *out)
{
    const pwf_loaded_part *part = find(from, name, buffer);
    if (!part)
        return PWF_FAIL(PWF_DATA,
                        "%s is of the model %s and has no %s: it belongs to another model than "
                        "this run",
                        path, from->info.model, name);
    if (part->dims != dims || memcmp(part->shape, shape, (size_t)dims * sizeof *shape) != 0)
        return PWF_FAIL(PWF_DATA,
                        "%s has %s in another shape than this run's model; import it again with "
                        "the model and the number of classes of this run",
                        path, name);
    memcpy(out, part->values, (size_t)part->count * sizeof *out);
    return pwf_ok();
}

/* Values in the order of the registry, whatever that of the file. */
static pwf_status arrange(const char *path, const pwf_loaded *from, const pwf_registry *registry,
                          float *mu, float *buffers)
{
    const int params = pwf_registry_params(registry), count = pwf_registry_buffers(registry);
    for (int i = 0; i < params; i++) {
        const pwf_param *p = pwf_registry_param(registry, i);
        PWF_TRY(take(path, from, p->name, false, p->dims, p->shape, mu + p->offset));
    }
    for (int i = 0; i < count; i++) {
        const pwf_buffer *b = pwf_registry_buffer(registry, i);
        PWF_TRY(take(path, from, b->name, true, 1, &b->count, buffers + b->offset));
    }
    if (from->count == params + count) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s is of the model %s and has %d parameters and buffers, the model of this "
                    "run %d: it belongs to another model",
                    path, from->info.model, from->count, params + count);
}

static pwf_status read_first(const char *path, pwf_state *state, float *mu, pwf_hash *hash)
{
    pwf_loaded from;
    PWF_TRY(pwf_load_hashed(path, &from, hash));
    const pwf_status s = arrange(path, &from, state->registry, mu, state->buffers);
    pwf_ckpt_unload(&from);
    return s;
}

pwf_status pwf_ckpt_read_start(const pwf_mesh *mesh, const char *path, pwf_state *state,
                               pwf_hash *hash)
{
    float *mu = NULL;
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->total, sizeof *mu, &mu);
    if (s.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0)
        s = read_first(path, state, mu, hash);
    s = pwf_mesh_agree(mesh, s);
    if (s.code == PWF_OK) {
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, hash, sizeof *hash);
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, mu, (size_t)state->total * sizeof *mu);
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, state->buffers,
                           (size_t)pwf_registry_buffer_count(state->registry) * sizeof(float));
        if (state->own.hi > state->own.lo)
            memcpy(state->mu, mu + state->own.lo,
                   (size_t)(state->own.hi - state->own.lo) * sizeof *mu);
    }
    pwf_mem_free(mu);
    return s;
}
