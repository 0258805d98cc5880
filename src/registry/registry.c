/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameter table. Models fill it in registration order; closing it separates posterior from
 * plain parameters and fixes the flat order, on which checkpoints, shards and fingerprints rely.
 * Afterwards it is read only. Local to a rank; touches no file and no MPI. */
#include "pwf/registry/registry.h"

#include "pwf/core/rng.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Entries are allocated one by one, so that pointers to them stay valid while the table grows. */
typedef struct table {
    void **at;
    int count, room; /* entries, and entries allocated */
} table;

struct pwf_registry {
    table params, buffers;
    int64_t posterior, total, buffer_total; /* elements */
    bool closed;
};

/* The names are in the allocations of the entries. */
static void table_free(table *t)
{
    for (int i = 0; i < t->count; i++)
        free(t->at[i]);
    free(t->at);
}

/* Adds an entry of `size` zero bytes and stores its address in *(T **)entry. Its first member
 * points to a copy of `name`, which follows the entry in the same allocation. */
static pwf_status table_add(table *t, size_t size, const char *name, void *entry)
{
    if (t->count == t->room) {
        const int room = t->room ? 2 * t->room : 64;
        void **grown = realloc(t->at, (size_t)room * sizeof *grown);
        PWF_FAIL_IF(!grown, PWF_RESOURCE, "no memory for the parameter table");
        t->at = grown;
        t->room = room;
    }
    const size_t length = strlen(name) + 1;
    char *memory = calloc(1, size + length);
    PWF_FAIL_IF(!memory, PWF_RESOURCE, "no memory for parameter %s", name);
    const char *copy = memcpy(memory + size, name, length);
    memcpy(memory, &copy, sizeof copy);
    memcpy(entry, &memory, sizeof memory);
    t->at[t->count++] = memory;
    return pwf_ok();
}

/* An empty table needs no arrays yet: table_add allocates them. */
pwf_status pwf_registry_new(pwf_registry **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for the parameter table");
}

/* Pointers to entries become invalid. */
void pwf_registry_free(pwf_registry *registry)
{
    if (!registry) return;
    table_free(&registry->params);
    table_free(&registry->buffers);
    free(registry);
}

/* The role says whether the parameter has a posterior; patterns of pwf_registry_close may make it a
 * plain one afterwards. */
pwf_status pwf_registry_add(pwf_registry *registry, const char *name, int dims,
                            const int64_t *shape, pwf_role role, pwf_init init, float init_scale,
                            const pwf_param **out)
{
    PWF_ASSERT(!registry->closed && dims >= 1 && dims <= PWF_DIMS);
    PWF_FAIL_IF(pwf_registry_find(registry, name), PWF_BUG, "parameter %s is registered twice",
                name);
    int64_t count = 1; /* elements; refused if it overflows */
    for (int d = 0; d < dims; d++)
        PWF_FAIL_IF(shape[d] < 1 || __builtin_mul_overflow(count, shape[d], &count), PWF_BUG,
                    "parameter %s has an invalid shape", name);
    pwf_param *p = NULL;
    PWF_TRY(table_add(&registry->params, sizeof *p, name, &p));
    *p = (pwf_param){.name = p->name,
                     .dims = dims,
                     .count = count,
                     .offset = -1,
                     .role = role,
                     .posterior = role != PWF_ROLE_PLAIN,
                     .init = init,
                     .init_scale = init_scale};
    memcpy(p->shape, shape, (size_t)dims * sizeof *shape);
    *out = p;
    return pwf_ok();
}

/* Buffers keep the order of registration. */
pwf_status pwf_registry_add_buffer(pwf_registry *registry, const char *name, int64_t count,
                                   float initial, const pwf_buffer **out)
{
    PWF_ASSERT(!registry->closed && count >= 1);
    pwf_buffer *b = NULL;
    PWF_TRY(table_add(&registry->buffers, sizeof *b, name, &b));
    *b = (pwf_buffer){b->name, count, registry->buffer_total, initial};
    registry->buffer_total += count;
    *out = b;
    return pwf_ok();
}

/* Patterns first, then the order, then the offsets. */
pwf_status pwf_registry_close(pwf_registry *registry, const char *const *exclude, int patterns)
{
    PWF_ASSERT(!registry->closed);
    pwf_param **params = (pwf_param **)registry->params.at;
    const int count = registry->params.count;
    for (int k = 0; k < patterns; k++) {
        bool matched = false;
        for (int i = 0; i < count; i++) {
            if (fnmatch(exclude[k], params[i]->name, 0) != 0) continue;
            params[i]->posterior = false;
            matched = true;
        }
        PWF_FAIL_IF(!matched, PWF_CONFIG,
                    "fixing.exclude: no parameter matches '%s'; parameters have names like '%s'",
                    exclude[k], count ? params[0]->name : "");
    }
    /* Posterior parameters first, then plain ones, both in registration order. */
    void **ordered = malloc((size_t)(count ? count : 1) * sizeof *ordered);
    PWF_FAIL_IF(!ordered, PWF_RESOURCE, "no memory for the parameter table");
    int used = 0;
    for (int plain = 0; plain < 2; plain++) {
        for (int i = 0; i < count; i++) {
            if (params[i]->posterior == plain) continue;
            ordered[used++] = params[i];
            params[i]->offset = registry->total;
            registry->total += params[i]->count;
        }
        if (!plain) registry->posterior = registry->total;
    }
    memcpy(registry->params.at, ordered, (size_t)count * sizeof *ordered);
    free(ordered);
    registry->closed = true;
    return pwf_ok();
}

int pwf_registry_params(const pwf_registry *registry)
{
    return registry->params.count;
}

/* Before the registry is closed, the order is that of registration. */
const pwf_param *pwf_registry_param(const pwf_registry *registry, int index)
{
    PWF_ASSERT(index >= 0 && index < registry->params.count);
    return registry->params.at[index];
}

int pwf_registry_buffers(const pwf_registry *registry)
{
    return registry->buffers.count;
}

const pwf_buffer *pwf_registry_buffer(const pwf_registry *registry, int index)
{
    PWF_ASSERT(index >= 0 && index < registry->buffers.count);
    return registry->buffers.at[index];
}

/* A linear search: registries have a few hundred entries, and no hot path searches. */
const pwf_param *pwf_registry_find(const pwf_registry *registry, const char *name)
{
    for (int i = 0; i < registry->params.count; i++) {
        const pwf_param *p = registry->params.at[i];
        if (strcmp(p->name, name) == 0) return p;
    }
    return NULL;
}

/* The counts are known only after pwf_registry_close has applied the patterns. */
int64_t pwf_registry_posterior_count(const pwf_registry *registry)
{
    PWF_ASSERT(registry->closed);
    return registry->posterior;
}

int64_t pwf_registry_total_count(const pwf_registry *registry)
{
    PWF_ASSERT(registry->closed);
    return registry->total;
}

int64_t pwf_registry_buffer_count(const pwf_registry *registry)
{
    return registry->buffer_total;
}

/* Start values of elements [index, index + count) of the flat order, all of parameter p. The stream
 * is indexed by flat position, so any range gives the same values. */
static void start_values(const pwf_param *p, pwf_stream stream, float *out, int64_t index,
                         int64_t count)
{
    switch (p->init) {
    case PWF_INIT_ZERO:
    case PWF_INIT_ONE:
        for (int64_t i = 0; i < count; i++)
            out[i] = p->init == PWF_INIT_ONE ? 1.0f : 0.0f;
        break;
    case PWF_INIT_NORMAL:
        pwf_rng_normals(out, stream, index, count);
        for (int64_t i = 0; i < count; i++)
            out[i] *= p->init_scale;
        break;
    case PWF_INIT_UNIFORM:
        pwf_rng_uniforms(out, stream, index, count);
        for (int64_t i = 0; i < count; i++)
            out[i] = (2.0f * out[i] - 1.0f) * p->init_scale;
        break;
    }
}

/* The intersection of [lo, lo + count) with each parameter. */
void pwf_registry_start_values(const pwf_registry *registry, uint32_t seed, float *out, int64_t lo,
                               int64_t count)
{
    PWF_ASSERT(registry->closed && lo >= 0 && lo + count <= registry->total);
    const pwf_stream stream = {.seed = seed, .purpose = PWF_RNG_INIT};
    for (int i = 0; i < registry->params.count; i++) {
        const pwf_param *p = registry->params.at[i];
        /* [from, to) is empty for parameters outside the range. */
        const int64_t from = p->offset > lo ? p->offset : lo;
        const int64_t end = p->offset + p->count, hi = lo + count;
        const int64_t to = end < hi ? end : hi;
        if (from < to) start_values(p, stream, out + (from - lo), from, to - from);
    }
}
