/* SPDX-License-Identifier: BSD-3-Clause */
/* Layers with their parameters, shared by the families (family.h). Each registers parameters under
 * timm's names in timm's order and adds the operator to the graph. Called by family_*.c; touches
 * the builder alone. */
#include "family.h"

#include <math.h>
#include <stdio.h>

pwf_start pwf_start_uniform(int64_t inputs)
{
    return (pwf_start){PWF_INIT_UNIFORM, 1.0 / sqrt((double)inputs)};
}

/* Names of the published networks are far shorter than the limits; longer ones are cut. */
const char *pwf_part_name(char out[PWF_LAYER_NAME], const char *block, const char *layer)
{
    snprintf(out, PWF_LAYER_NAME, "%.63s.%.31s", block, layer);
    return out;
}

const pwf_param *pwf_part_parameter(pwf_builder *b, const char *name, int dims,
                                    const int64_t *shape, pwf_role role, pwf_start start)
{
    const pwf_param *out = NULL;
    if (b->status.code != PWF_OK) return NULL;
    b->status = pwf_registry_add(b->registry, name, dims, shape, role, start.init,
                                 (float)start.scale, &out);
    return out;
}

/* "layer.last", for example "conv1.weight". */
static const pwf_param *parameter(pwf_builder *b, const char *layer, const char *last, int dims,
                                  const int64_t *shape, pwf_role role, pwf_start start)
{
    char name[PWF_PARAM_NAME];
    snprintf(name, sizeof name, "%.95s.%.15s", layer, last);
    return pwf_part_parameter(b, name, dims, shape, role, start);
}

/* Likewise a buffer, such as "bn1.running_mean". */
static const pwf_buffer *buffer(pwf_builder *b, const char *layer, const char *last, int64_t count,
                                float initial)
{
    const pwf_buffer *out = NULL;
    char name[PWF_PARAM_NAME];
    if (b->status.code != PWF_OK) return NULL;
    snprintf(name, sizeof name, "%.95s.%.15s", layer, last);
    b->status = pwf_registry_add_buffer(b->registry, name, count, initial, &out);
    return out;
}

/* Padding kernel / 2 on each side. After a failure the parameter is NULL and the result 0, which
 * nobody uses. */
pwf_value pwf_part_conv(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                        int64_t kernel, int64_t stride)
{
    const int64_t shape[] = {out, in, kernel, kernel};
    const int64_t connections = (b->fan_out ? out : in) * kernel * kernel;
    const pwf_start start = {PWF_INIT_NORMAL, sqrt(2.0 / (double)connections)};
    const pwf_param *weight = parameter(b, name, "weight", 4, shape, PWF_ROLE_WEIGHT, start);
    if (!weight) return 0;
    return pwf_graph_conv2d(b->graph, x, weight, NULL, stride, pwf_padding_around(kernel / 2), 1);
}

/* A stride of the window's size, without padding. */
pwf_value pwf_part_patches(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                           int64_t size)
{
    const int64_t shape[] = {out, in, size, size};
    const pwf_start start = pwf_start_uniform(in * size * size);
    const pwf_param *weight = parameter(b, name, "weight", 4, shape, PWF_ROLE_WEIGHT, start);
    const pwf_param *bias = parameter(b, name, "bias", 1, &out, PWF_ROLE_BIAS, start);
    if (!bias) return 0;
    return pwf_graph_conv2d(b->graph, x, weight, bias, size, pwf_padding_around(0), 1);
}

/* Scale and shift are plain; running statistics start at mean 0 and variance 1. */
pwf_value pwf_part_batch_norm(pwf_builder *b, const char *name, pwf_value x, int64_t channels,
                              bool zero)
{
    const pwf_start one = {zero ? PWF_INIT_ZERO : PWF_INIT_ONE, 0.0};
    const pwf_param *scale = parameter(b, name, "weight", 1, &channels, PWF_ROLE_PLAIN, one);
    const pwf_param *shift =
        parameter(b, name, "bias", 1, &channels, PWF_ROLE_PLAIN, PWF_START_ZERO);
    const pwf_buffer *mean = buffer(b, name, "running_mean", channels, 0.0f);
    const pwf_buffer *variance = buffer(b, name, "running_var", channels, 1.0f);
    if (!variance) return 0;
    return pwf_graph_batch_norm(b->graph, x, scale, shift, mean, variance);
}

/* The padding of kernel / 2 preserves the image size only if the kernel is odd. */
pwf_status pwf_stem_check(const pwf_model_config *config)
{
    if (config->stem_kernel % 2 == 1) return pwf_ok();
    return PWF_FAIL(PWF_CONFIG, "model.stem_kernel = %lld: must be odd",
                    (long long)config->stem_kernel);
}

pwf_stem pwf_stem_of(const pwf_model_config *config)
{
    return (pwf_stem){
        .kernel = config->stem_kernel, .stride = config->stem_stride, .pool = config->stem_pool};
}

pwf_value pwf_part_stem(pwf_builder *b, const pwf_stem *stem, const char *conv, const char *norm,
                        int64_t in, int64_t out)
{
    pwf_value x = pwf_part_conv(b, conv, 0, in, out, stem->kernel, stem->stride);
    x = pwf_graph_relu(b->graph, pwf_part_batch_norm(b, norm, x, out, false));
    return stem->pool ? pwf_graph_max_pool(b->graph, x, 3, 2, pwf_padding_around(1)) : x;
}

pwf_value pwf_part_layer_norm(pwf_builder *b, const char *name, pwf_value x, int64_t channels)
{
    const pwf_start one = {PWF_INIT_ONE, 0.0};
    const pwf_param *scale = parameter(b, name, "weight", 1, &channels, PWF_ROLE_PLAIN, one);
    const pwf_param *shift =
        parameter(b, name, "bias", 1, &channels, PWF_ROLE_PLAIN, PWF_START_ZERO);
    if (!shift) return 0;
    return pwf_graph_layer_norm(b->graph, x, scale, shift);
}

/* weight [out, in], then bias [out], in the order of PyTorch. */
pwf_value pwf_part_linear(pwf_builder *b, const char *name, pwf_value x, int64_t in, int64_t out,
                          pwf_start weight, pwf_start bias)
{
    const int64_t shape[] = {out, in};
    const pwf_param *w = parameter(b, name, "weight", 2, shape, PWF_ROLE_WEIGHT, weight);
    const pwf_param *v = parameter(b, name, "bias", 1, &out, PWF_ROLE_BIAS, bias);
    if (!v) return 0;
    return pwf_graph_linear(b->graph, x, w, v);
}
