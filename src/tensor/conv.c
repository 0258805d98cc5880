/* SPDX-License-Identifier: BSD-3-Clause */
/* Chooses the back end of a convolution or linear layer and forwards calls to it; also what a
 * thread must do before it uses the room, and the description of the libraries for the log. Called
 * by the operators conv2d and linear on the thread of an executor; plans belong to their caller. */
#include "conv_backend.h"
#include "product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OpenMP keeps its number of threads per calling thread, OpenBLAS per process. */
void pwf_tensor_thread_start(void)
{
    /* The order does not matter; each sets its own library. */
    pwf_conv_onednn_thread_start();
    pwf_conv_openblas_thread_start();
}

/* `auto` means oneDNN, with the built-in products where they are fast. */
pwf_tensor_text pwf_tensor_backend_text(int64_t backend)
{
    pwf_tensor_text out;
    const char *isa = pwf_isa_name(pwf_isa_now());
    PWF_ASSERT(backend >= 0 && backend < PWF_TENSOR_BACKENDS);
    if (backend == PWF_TENSOR_PLAIN)
        snprintf(out.text, sizeof out.text, "plain loops (%s)", isa);
    else if (backend == PWF_TENSOR_OPENBLAS)
        pwf_conv_openblas_describe(&out);
    else
        pwf_conv_onednn_describe(&out);
    const size_t used = strlen(out.text);
    if (backend == PWF_TENSOR_AUTO && pwf_product_fast())
        snprintf(out.text + used, sizeof out.text - used, ", built-in products (%s)", isa);
    return out;
}

pwf_conv_shape pwf_conv_shape_linear(int64_t rows, int64_t inputs, int64_t outputs)
{
    return (pwf_conv_shape){.images = 1,
                            .height = 1,
                            .width = rows,
                            .channels = inputs,
                            .filters = outputs,
                            .kernel_height = 1,
                            .kernel_width = 1,
                            .stride = 1,
                            .groups = 1};
}

/* Plans with one back end; *out stays NULL on failure. */
static pwf_status plan(const pwf_conv_backend *backend, const pwf_conv_shape *shape,
                       pwf_conv_use use, pwf_conv **out)
{
    *out = NULL;
    pwf_conv *conv = calloc(1, sizeof *conv);
    PWF_FAIL_IF(!conv, PWF_RESOURCE, "no memory for the plan of a convolution");
    *conv = (pwf_conv){
        .backend = backend,
        .shape = *shape,
        .out_height = pwf_conv_out_height(shape),
        .out_width = pwf_conv_out_width(shape),
        .use = use,
    };
    /* The operator has refused windows that do not fit. */
    PWF_ASSERT(conv->out_height >= 1 && conv->out_width >= 1);
    const pwf_status status = backend->plan(conv);
    if (status.code == PWF_OK)
        *out = conv;
    else
        free(conv);
    return status;
}

/* Whether `auto` uses the built-in product: for linear layers, unless oneDNN has AMX tiles for
 * bf16. */
static bool takes_product(const pwf_conv_shape *shape, pwf_precision precision)
{
    if (!pwf_product_fast() || !pwf_conv_is_linear(shape)) return false;
    return precision != PWF_BF16 || !pwf_conv_onednn_tiles();
}

/* The table is in the order of pwf_tensor_backend; `auto` tries oneDNN first. */
pwf_status pwf_conv_new(pwf_tensor_backend backend, const pwf_conv_shape *shape, pwf_conv_use use,
                        pwf_conv **out)
{
    static const pwf_conv_backend *const table[PWF_TENSOR_BACKENDS] = {
        &pwf_conv_onednn, &pwf_conv_onednn, &pwf_conv_openblas, &pwf_conv_plain};
    PWF_ASSERT(shape->groups >= 1 && shape->channels % shape->groups == 0 &&
               shape->filters % shape->groups == 0);
    if (backend == PWF_TENSOR_AUTO && takes_product(shape, use.precision))
        return plan(&pwf_conv_product, shape, use, out);
    const pwf_status status = plan(table[backend], shape, use, out);
    /* oneDNN lacks primitives for some shapes; OpenBLAS covers all of them. */
    if (backend == PWF_TENSOR_AUTO && status.code == PWF_CONFIG)
        return plan(&pwf_conv_openblas, shape, use, out);
    return status;
}

void pwf_conv_free(pwf_conv *conv)
{
    if (!conv) return;
    /* Most back ends keep nothing but the plan itself. */
    if (conv->backend->release) conv->backend->release(conv);
    free(conv);
}

size_t pwf_conv_workspace(const pwf_conv *conv)
{
    return conv->workspace;
}

size_t pwf_conv_packed(const pwf_conv *conv)
{
    return conv->packed_bytes;
}

pwf_status pwf_conv_pack(pwf_conv *conv, void *packed, const float *weight, void *workspace)
{
    PWF_ASSERT(conv->packed_bytes > 0);
    return conv->backend->pack(conv, packed, weight, workspace);
}

void pwf_conv_use_packed(pwf_conv *conv, const void *packed)
{
    conv->packed = packed;
}

pwf_status pwf_conv_forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                            const float *bias, void *workspace)
{
    PWF_ASSERT((bias != NULL) == conv->use.bias);
    return conv->backend->forward(conv, y, x, weight, bias, workspace);
}

pwf_status pwf_conv_backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                  void *workspace)
{
    PWF_ASSERT(conv->use.backward_data);
    return conv->backend->backward_data(conv, dx, dy, weight, workspace);
}

pwf_status pwf_conv_backward_weights(pwf_conv *conv, float *dweight, const float *dy,
                                     const float *x, void *workspace)
{
    PWF_ASSERT(conv->use.backward_weights);
    return conv->backend->backward_weights(conv, dweight, dy, x, workspace);
}
