/* SPDX-License-Identifier: BSD-3-Clause */
/* Start values from a model file (model.init).
 * Called by the trainer on all ranks before the first phase.
 * Rank 0 reads the file; all ranks take their part. */
#include "read.h"
#include "registry_order.h"

#include "pwf/core/mem.h"

#include <string.h>

/* Rank 0: reads the file and brings its values into the order of the registry. */
static pwf_status read_first(const char *path, pwf_state *state, float *mu, pwf_hash *hash)
{
    pwf_loaded from;
    PWF_TRY(pwf_load_hashed(path, &from, hash));
    const pwf_arranged to = {.mu = mu, .buffers = state->buffers};
    const pwf_status s =
        pwf_arrange(path, from.info.facts.model, from.part, from.count, state->registry, &to);
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
                   (size_t)pwf_range_length(state->own) * sizeof *mu);
    }
    pwf_mem_free(mu);
    return s;
}
