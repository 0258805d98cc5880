/* SPDX-License-Identifier: BSD-3-Clause */
/* The training state of one rank: allocation, the table of its arrays, block hashes, and the
 * codebook. Called by the training run, checkpoints and commands. Owns the arrays; touches neither
 * files nor MPI. */
#include "pwf/posterior/state.h"

#include "pwf/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Allocates moment k of the optimiser, for mu and sigma, and sets its names. */
static pwf_status allocate_moment(pwf_state *s, int k)
{
    const char *name = s->optimiser->moments[k];
    snprintf(s->moment_name[false][k], sizeof s->moment_name[false][k], "mu_%s", name);
    snprintf(s->moment_name[true][k], sizeof s->moment_name[true][k], "sigma_%s", name);
    const int64_t all = pwf_range_length(s->own), posterior = pwf_range_length(s->own_posterior);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, all, sizeof(float), &s->mu_moment[k]));
    return pwf_mem_alloc(PWF_MEM_STATE, posterior, sizeof(float), &s->sigma_moment[k]);
}

/* Allocates the arrays that every state has, zeroed. */
static pwf_status allocate(pwf_state *s)
{
    const int64_t all = pwf_range_length(s->own), posterior = pwf_range_length(s->own_posterior);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, all, sizeof *s->mu, &s->mu));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, posterior, sizeof *s->sigma, &s->sigma));
    PWF_TRY(allocate_moment(s, 0));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_STATE, posterior, sizeof *s->code, &s->code));
    PWF_TRY(
        pwf_mem_alloc(PWF_MEM_STATE, PWF_CODES_MAX, sizeof *s->codebook.entry, &s->codebook.entry));
    return pwf_mem_alloc(PWF_MEM_STATE, pwf_registry_buffer_count(s->registry), sizeof *s->buffers,
                         &s->buffers);
}

/* Momentum exists in every state, since every optimiser has it; other moments are added later. */
pwf_status pwf_state_new(const pwf_registry *registry, pwf_range own, uint32_t seed,
                         int64_t min_power, pwf_state **out)
{
    *out = NULL;
    pwf_state *s = calloc(1, sizeof *s);
    PWF_FAIL_IF(!s, PWF_RESOURCE, "no memory for the training state");
    s->registry = registry;
    s->posterior = pwf_registry_posterior_count(registry);
    s->total = pwf_registry_total_count(registry);
    s->own = own;
    s->own_posterior = pwf_range_meet(own, (pwf_range){0, s->posterior});
    s->codebook.min_power = min_power;
    s->optimiser = pwf_optimiser_get(PWF_OPTIMISER_sgd); /* "momentum" alone */
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

/* Also for a state whose allocation has failed: arrays that do not exist are NULL. */
void pwf_state_free(pwf_state *state)
{
    if (!state) return;
    pwf_mem_free(state->mu);
    pwf_mem_free(state->sigma);
    for (int k = 0; k < PWF_MOMENTS_MAX; k++) {
        pwf_mem_free(state->mu_moment[k]);
        pwf_mem_free(state->sigma_moment[k]);
    }
    pwf_mem_free(state->code);
    pwf_mem_free(state->codebook.entry);
    pwf_mem_free(state->buffers);
    free(state);
}

/* Called once, by training. A state that is only evaluated needs no memory for other moments. */
pwf_status pwf_state_add_moments(pwf_state *state, const pwf_optimiser *optimiser)
{
    state->optimiser = optimiser;
    for (int k = 1; optimiser->moments[k]; k++)
        PWF_TRY(allocate_moment(state, k));
    return pwf_ok();
}

void pwf_state_clear_moments(pwf_state *state)
{
    const size_t all = (size_t)pwf_range_length(state->own);
    const size_t posterior = (size_t)pwf_range_length(state->own_posterior);
    for (int k = 0; state->optimiser->moments[k]; k++) {
        memset(state->mu_moment[k], 0, all * sizeof(float));
        memset(state->sigma_moment[k], 0, posterior * sizeof(float));
    }
}

/* Moment k of mu or sigma as a row of the table of arrays. */
static pwf_state_array moment(const pwf_state *state, bool sigma, int k)
{
    return (pwf_state_array){state->moment_name[sigma][k], sigma, true, sizeof(float),
                             sigma ? state->sigma_moment[k] : state->mu_moment[k]};
}

int pwf_state_arrays(const pwf_state *state, pwf_state_array out[PWF_STATE_ARRAYS_MAX])
{
    /* The order is part of the fingerprint: mu and sigma each with the momentum, code, then the
     * other moments. */
    int count = 0;
    out[count++] = (pwf_state_array){"mu", false, true, sizeof *state->mu, state->mu};
    out[count++] = moment(state, false, 0);
    out[count++] = (pwf_state_array){"sigma", true, true, sizeof *state->sigma, state->sigma};
    out[count++] = moment(state, true, 0);
    out[count++] = (pwf_state_array){"code", true, false, sizeof *state->code, state->code};
    for (int k = 1; state->optimiser->moments[k]; k++) {
        out[count++] = moment(state, false, k);
        out[count++] = moment(state, true, k);
    }
    return count;
}

/* A hash per array and block, so that the result does not depend on the sharding. */
void pwf_state_hash_block(const pwf_state *state, int64_t block, pwf_hash *table)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(state, arrays);
    const int64_t blocks = pwf_block_count(pwf_range_length(state->own));
    for (int i = 0; i < count; i++) {
        const pwf_range own = arrays[i].posterior ? state->own_posterior : state->own;
        const int64_t elements = pwf_range_length(own);
        if (block < pwf_block_count(elements))
            table[i * blocks + block] =
                pwf_block_hash(arrays[i].data, elements, arrays[i].size, block);
    }
}

/* Linear search: a codebook has a few hundred entries. */
int pwf_codebook_add(pwf_codebook *codebook, int32_t integer)
{
    for (int i = 0; i < codebook->count; i++)
        if (codebook->entry[i] == integer) return i;
    if (codebook->count == PWF_CODES_MAX) return PWF_FREE;
    codebook->entry[codebook->count] = integer;
    return codebook->count++;
}

/* Halving is exact, so the value has the same bits as the integer times 2^-min_power. */
float pwf_codebook_value(const pwf_codebook *codebook, int code)
{
    PWF_ASSERT(code >= 0 && code < codebook->count);
    float unit = 1.0f;
    for (int64_t i = 0; i < codebook->min_power; i++)
        unit *= 0.5f;
    return (float)codebook->entry[code] * unit;
}
