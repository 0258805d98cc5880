/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_REGISTRY_REGISTRY_H
#define PWF_REGISTRY_REGISTRY_H

#include "pwf/core/status.h"

#include <stdbool.h>
#include <stdint.h>

/** The parameter table: every parameter of the network once, in timm's order and spelling.
 * Checkpoints, sharding, decay, clustering and reports iterate it.
 *
 * The flat order is part of the numerics contract: posterior parameters in registration order,
 * row-major and unpadded, then the plain ones. Buffers (BatchNorm statistics) are not parameters
 * and have a flat order of their own. */

enum { PWF_DIMS = 4 };

typedef enum pwf_role {
    PWF_ROLE_WEIGHT, /* of a convolution [K, C/groups, R, S] or linear layer [K, C]: posterior */
    PWF_ROLE_BIAS,   /* of a convolution or linear layer: posterior, not regularised */
    PWF_ROLE_PLAIN   /* plain: normalisation, embeddings, tokens */
} pwf_role;

typedef enum pwf_init {
    PWF_INIT_ZERO,
    PWF_INIT_ONE,
    PWF_INIT_NORMAL, /* N(0, scale^2) */
    PWF_INIT_UNIFORM /* U(-scale, scale) */
} pwf_init;

typedef struct pwf_param {
    const char *name; /* "layer1.0.conv1.weight" */
    int dims;
    int64_t shape[PWF_DIMS];
    int64_t count;  /* product of shape */
    int64_t offset; /* in the flat order; -1 until the registry is closed */
    pwf_role role;
    bool posterior; /* has a posterior and is fixed in rounds; else plain */
    pwf_init init;
    float init_scale; /* of the distribution, see pwf_init */
} pwf_param;

typedef struct pwf_buffer {
    const char *name; /* "bn1.running_mean" */
    int64_t count;
    int64_t offset; /* among the buffers */
    float initial;  /* start value of all elements */
} pwf_buffer;

typedef struct pwf_registry pwf_registry;

/** Creates an empty registry.
 * Local. The caller owns it. Fails with PWF_RESOURCE. */
pwf_status pwf_registry_new(pwf_registry **out);
void pwf_registry_free(pwf_registry *registry);

/** Adds a parameter, or a buffer; the name is copied, and *out is valid as long as the registry.
 * Local. Fails with PWF_BUG if the name is used twice or a shape is below 1, and with PWF_RESOURCE.
 */
pwf_status pwf_registry_add(pwf_registry *registry, const char *name, int dims,
                            const int64_t *shape, pwf_role role, pwf_init init, float init_scale,
                            const pwf_param **out);
pwf_status pwf_registry_add_buffer(pwf_registry *registry, const char *name, int64_t count,
                                   float initial, const pwf_buffer **out);

/** Makes the parameters plain whose names match one of the patterns (shell wildcards), sorts the
 * table into the flat order and fixes all offsets. Nothing can be added afterwards.
 * Local. Fails with PWF_CONFIG if a pattern matches nothing. */
pwf_status pwf_registry_close(pwf_registry *registry, const char *const *exclude, int patterns);

/** The table, in the flat order.
 * Local. */
int pwf_registry_params(const pwf_registry *registry);
const pwf_param *pwf_registry_param(const pwf_registry *registry, int index);
int pwf_registry_buffers(const pwf_registry *registry);
const pwf_buffer *pwf_registry_buffer(const pwf_registry *registry, int index);

/** Finds a parameter by name; NULL if there is none.
 * Local. */
const pwf_param *pwf_registry_find(const pwf_registry *registry, const char *name);

/** Numbers of elements: of posterior parameters, of all parameters, of all buffers.
 * Local. */
int64_t pwf_registry_posterior_count(const pwf_registry *registry);
int64_t pwf_registry_total_count(const pwf_registry *registry);
int64_t pwf_registry_buffer_count(const pwf_registry *registry);

/** Writes the start values of the flat elements [lo, lo + count) to `out` [count]; each is a pure
 * function of (seed, index).
 * Local. Same bits on every machine. */
void pwf_registry_start_values(const pwf_registry *registry, uint32_t seed, float *out, int64_t lo,
                               int64_t count);

#endif
