/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_SRC_MODELS_FAMILY_H
#define PWF_SRC_MODELS_FAMILY_H

#include "pwf/models/config.h"
#include "pwf/models/families.h"
#include "pwf/nn/graph.h"
#include "pwf/registry/foreign.h"
#include "pwf/registry/registry.h"

/* A family of networks is one file, family_NAME.c, that defines pwf_family_NAME, and one row in
 * model.c. */

enum { PWF_LAYER_NAME = 96, PWF_PARAM_NAME = 128 };

typedef struct pwf_builder {
    pwf_registry *registry;
    pwf_graph *graph;
    bool fan_out; /* of pwf_family */
    pwf_status status;
} pwf_builder;

/* A published network of a family. */
typedef struct pwf_preset {
    const char *name; /* as timm spells it */
    const void *dims; /* of the family's own type */
} pwf_preset;

typedef struct pwf_family {
    pwf_family_config config;  /* name, configuration keys, check of these keys */
    const pwf_preset *presets; /* a NULL name ends */
    pwf_foreign_names names;
    bool fan_out; /* initial variance of convolutions: by outgoing connections; else by incoming */
    /* Registers the parameters in timm's names and order and builds the graph up to the loss.
     * dims: of a preset, or NULL to take them from `config`, which has been checked. Fails with
     * PWF_CONFIG or PWF_RESOURCE. */
    pwf_status (*build)(pwf_builder *b, const pwf_model_config *config, const void *dims);
} pwf_family;

/* Layers with their parameters, for the families: each registers "name.weight" and so on and adds
 * the operator. `in`, `out` and `channels` count channels. The first failure stays in `status`, or
 * in the graph for shapes that do not fit; calls after a failure do nothing. */

/* The distribution of initial values. */
typedef struct pwf_start {
    pwf_init init;
    double scale;
} pwf_start;

static const pwf_start PWF_START_ZERO = {PWF_INIT_ZERO, 0.0};

/* PyTorch's default for layers with `inputs` connections: U(-s, s), s = 1 / sqrt(inputs). */
pwf_start pwf_start_uniform(int64_t inputs);

/* Registers a parameter under exactly this name; NULL after a failure. */
const pwf_param *pwf_part_parameter(pwf_builder *b, const char *name, int dims,
                                    const int64_t *shape, pwf_role role, pwf_start start);

/* out = "block.layer". */
const char *pwf_part_name(char out[PWF_LAYER_NAME], const char *block, const char *layer);

/* Convolution without bias, with Kaiming initialisation N(0, 2 / connections). For an odd `kernel`
 * and stride 1 the padding preserves the image size. */
pwf_value pwf_part_conv(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                        int64_t kernel, int64_t stride);

/* Batch normalisation; its scale starts at 1, or at 0. */
pwf_value pwf_part_batch_norm(pwf_builder *b, const char *name, pwf_value x, int64_t channels,
                              bool zero);

/* The first layers of a convolutional network. */
typedef struct pwf_stem {
    int64_t kernel, stride; /* of the convolution */
    bool pool;              /* 3x3 max pool of stride 2 after the convolution */
} pwf_stem;

/* The stem of published networks for ImageNet. */
#define PWF_STEM_PUBLISHED                                                                         \
    {                                                                                              \
        .kernel = 7, .stride = 2, .pool = true                                                     \
    }

/* The stem of model.stem_kernel, stem_stride and stem_pool. pwf_stem_check fails with PWF_CONFIG.
 */
pwf_status pwf_stem_check(const pwf_model_config *config);
pwf_stem pwf_stem_of(const pwf_model_config *config);

/* Convolution, normalisation, ReLU and optional pooling of the images; `out` channels. */
pwf_value pwf_part_stem(pwf_builder *b, const pwf_stem *stem, const char *conv, const char *norm,
                        int64_t in, int64_t out);

pwf_value pwf_part_layer_norm(pwf_builder *b, const char *name, pwf_value x, int64_t channels);

pwf_value pwf_part_linear(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                          pwf_start weight, pwf_start bias);

/* Convolution with bias over adjacent windows of `size` pixels. */
pwf_value pwf_part_patches(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                           int64_t size);

#endif
