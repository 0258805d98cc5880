/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/posterior/state.h"

#include "pwf/core/mem.h"

#include <stdlib.h>

static pwf_status allocate(pwf_state *s)
{
    const int64_t all = pwf_range_length(s->own), fuzzy = pwf_range_length(s->own_posterior);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, all, sizeof *s->mu, &s->mu));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, all, sizeof *s->mu_momentum, &s->mu_momentum));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, fuzzy, sizeof *s->sigma, &s->sigma));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, fuzzy, sizeof *s->sigma_momentum, &s->sigma_momentum));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, fuzzy, sizeof *s->code, &s->code));
    PWF_TRY(
        pwf_mem_alloc(PWF_MEM_STATE, PWF_CODES_MAX, sizeof *s->codebook.entry, &s->codebook.entry));
    return pwf_mem_alloc(PWF_MEM_STATE, pwf_registry_buffer_count(s->registry), sizeof *s->buffers,
                         &s->buffers);
}

pwf_status pwf_state_new(const pwf_registry *registry, pwf_range own, uint32_t seed,
                         int64_t min_power, pwf_state **out)
{
    *out = NULL;
    pwf_state *s = calloc(1, sizeof *s);
    if (!s) return PWF_FAIL(PWF_RESOURCE, "no memory for the training state");
    s->registry = registry;
    s->posterior = pwf_registry_posterior_count(registry);
    s->total = pwf_registry_total_count(registry);
    s->own = own;
    s->own_posterior = pwf_range_meet(own, (pwf_range){0, s->posterior});
    s->codebook.min_power = min_power;
    const pwf_status status = allocate(s);
    if (status.code != PWF_OK) {
        pwf_state_free(s);
        return status;
    }
    pwf_registry_start_values(registry, seed, s->mu, own.lo, pwf_range_length(own));
    for (int64_t i = 0; i < pwf_range_length(s->own_posterior); i++)
        s->code[i] = PWF_FREE;
    for (int b = 0; b < pwf_registry_buffers(registry); b++) {
        const pwf_buffer *buffer = pwf_registry_buffer(registry, b);
        for (int64_t i = 0; i < buffer->count; i++)
            s->buffers[buffer->offset + i] = buffer->initial;
    }
    *out = s;
    return pwf_ok();
}

void pwf_state_free(pwf_state *state)
{
    if (!state) return;
    pwf_mem_free(state->mu);
    pwf_mem_free(state->mu_momentum);
    pwf_mem_free(state->sigma);
    pwf_mem_free(state->sigma_momentum);
    pwf_mem_free(state->mu_second);
    pwf_mem_free(state->sigma_second);
    pwf_mem_free(state->code);
    pwf_mem_free(state->codebook.entry);
    pwf_mem_free(state->buffers);
    free(state);
}

pwf_status pwf_state_add_second_moments(pwf_state *state)
{
    const int64_t all = pwf_range_length(state->own),
                  fuzzy = pwf_range_length(state->own_posterior);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, all, sizeof *state->mu_second, &state->mu_second));
    return pwf_mem_alloc(PWF_MEM_STATE, fuzzy, sizeof *state->sigma_second, &state->sigma_second);
}

int pwf_state_arrays(const pwf_state *state, pwf_state_array out[PWF_STATE_ARRAYS_MAX])
{
    const pwf_state_array table[PWF_STATE_ARRAYS_MAX] = {
        {"mu", false, true, sizeof *state->mu, state->mu},
        {"mu_momentum", false, true, sizeof *state->mu_momentum, state->mu_momentum},
        {"sigma", true, true, sizeof *state->sigma, state->sigma},
        {"sigma_momentum", true, true, sizeof *state->sigma_momentum, state->sigma_momentum},
        {"code", true, false, sizeof *state->code, state->code},
        {"mu_second", false, true, sizeof *state->mu_second, state->mu_second},
        {"sigma_second", true, true, sizeof *state->sigma_second, state->sigma_second},
    };
    const int count = state->mu_second ? PWF_STATE_ARRAYS_MAX : PWF_STATE_ARRAYS_MAX - 2;
    for (int i = 0; i < count; i++)
        out[i] = table[i];
    return count;
}

void pwf_state_hash_block(const pwf_state *state, int64_t block, pwf_hash *table)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(state, arrays);
    const int64_t blocks = pwf_block_count(pwf_range_length(state->own)), lo = block * PWF_BLOCK;
    for (int i = 0; i < count; i++) {
        const pwf_range own = arrays[i].posterior ? state->own_posterior : state->own;
        const int64_t left = pwf_range_length(own) - lo, n = left < PWF_BLOCK ? left : PWF_BLOCK;
        const char *data = arrays[i].data;
        if (n > 0)
            table[i * blocks + block] =
                pwf_hash_bytes(data + (size_t)lo * arrays[i].size, (size_t)n * arrays[i].size);
    }
}

int pwf_codebook_add(pwf_codebook *codebook, int32_t integer)
{
    for (int i = 0; i < codebook->count; i++)
        if (codebook->entry[i] == integer) return i;
    if (codebook->count == PWF_CODES_MAX) return PWF_FREE;
    codebook->entry[codebook->count] = integer;
    return codebook->count++;
}

float pwf_codebook_value(const pwf_codebook *codebook, int code)
{
    PWF_ASSERT(code >= 0 && code < codebook->count);
    float unit = 1.0f;
    for (int64_t i = 0; i < codebook->min_power; i++)
        unit *= 0.5f;
    return (float)codebook->entry[code] * unit;
}
