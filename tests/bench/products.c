/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates of matrix products of oneDNN and of the built-in product, as ceilings for linear layers. */
#include "products.h"

#include "bench.h"
#include "pwf/core/mem.h"
#include "pwf/tensor/conv.h"

#include <oneapi/dnnl/dnnl.h>

enum { THREADS_MAX = 256 };

static void check(dnnl_status_t status)
{
    if (status != dnnl_success)
        bench_check(PWF_FAIL(PWF_BUG, "oneDNN: failed with status %d", (int)status));
}

/* What a thread owns. */
typedef struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, weights, y;
} onednn;

typedef struct onednn_job {
    product shape;
    bool bf16;
    onednn own[THREADS_MAX];
} onednn_job;

/* Zeros: the speed of a product does not depend on the numbers. */
static dnnl_memory_t memory(const dnnl_memory_desc_t *desc, dnnl_engine_t engine)
{
    dnnl_memory_t made;
    char *bytes;
    bench_check(
        pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)dnnl_memory_desc_get_size(desc), 1, &bytes));
    check(dnnl_memory_create(&made, desc, engine, bytes));
    return made;
}

static void release(dnnl_memory_t memory)
{
    void *bytes;
    check(dnnl_memory_get_data_handle(memory, &bytes));
    check(dnnl_memory_destroy(memory));
    pwf_mem_free(bytes);
}

static void onednn_begin(void *context, int thread)
{
    onednn_job *job = context;
    onednn *own = &job->own[thread];
    const product *s = &job->shape;
    const dnnl_data_type_t type = job->bf16 ? dnnl_bf16 : dnnl_f32;
    const dnnl_dims_t xs = {s->rows, s->inputs}, ws = {s->inputs, s->outputs};
    const dnnl_dims_t ys = {s->rows, s->outputs};
    dnnl_memory_desc_t x, weights, y;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    pwf_tensor_thread_start();
    check(dnnl_engine_create(&own->engine, dnnl_cpu, 0));
    check(dnnl_stream_create(&own->stream, own->engine, dnnl_stream_default_flags));
    check(dnnl_memory_desc_init_by_tag(&x, 2, xs, type, dnnl_ab));
    check(dnnl_memory_desc_init_by_tag(&weights, 2, ws, type, dnnl_format_tag_any));
    check(dnnl_memory_desc_init_by_tag(&y, 2, ys, type, dnnl_ab));
    check(dnnl_matmul_desc_init(&desc, &x, &weights, NULL, &y));
    check(dnnl_primitive_desc_create(&pd, &desc, NULL, own->engine, NULL));
    check(dnnl_primitive_create(&own->primitive, pd));
    own->x = memory(&x, own->engine);
    own->weights = memory(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), own->engine);
    own->y = memory(&y, own->engine);
    check(dnnl_primitive_desc_destroy(pd));
}

static void onednn_end(void *context, int thread)
{
    onednn *own = &((onednn_job *)context)->own[thread];
    release(own->x);
    release(own->weights);
    release(own->y);
    check(dnnl_primitive_destroy(own->primitive));
    check(dnnl_stream_destroy(own->stream));
    check(dnnl_engine_destroy(own->engine));
}

static double operations(const product *s)
{
    return 2.0 * (double)s->rows * (double)s->inputs * (double)s->outputs;
}

static double onednn_work(void *context, int thread)
{
    const onednn_job *job = context;
    const onednn *own = &job->own[thread];
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, own->x}, {DNNL_ARG_WEIGHTS, own->weights}, {DNNL_ARG_DST, own->y}};
    check(dnnl_primitive_execute(own->primitive, own->stream, 3, arguments));
    return operations(&job->shape);
}

double products_onednn(product shape, bool bf16, int threads, double seconds)
{
    static onednn_job job;
    if (bf16 && dnnl_get_effective_cpu_isa() < dnnl_cpu_isa_avx512_core_bf16) return 0.0;
    job = (onednn_job){.shape = shape, .bf16 = bf16};
    return bench_rate(threads, seconds, &(bench_job){onednn_begin, onednn_end, onednn_work, &job});
}

typedef struct linear {
    pwf_conv *conv;
    float *x, *weights, *bias, *y;
    char *workspace;
} linear;

typedef struct linear_job {
    product shape;
    int pass;
    bool bf16;
    linear own[THREADS_MAX];
} linear_job;

static void linear_begin(void *context, int thread)
{
    linear_job *job = context;
    linear *own = &job->own[thread];
    const product *s = &job->shape;
    const pwf_conv_shape shape = pwf_conv_shape_linear(s->rows, s->inputs, s->outputs);
    const pwf_conv_use use = {.forward = true,
                              .bias = true,
                              .backward_data = true,
                              .backward_weights = true,
                              .precision = job->bf16 ? PWF_BF16 : PWF_FP32};
    pwf_tensor_thread_start();
    bench_check(pwf_conv_new(PWF_TENSOR_AUTO, &shape, use, &own->conv));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, s->rows * s->inputs, sizeof(float), &own->x));
    bench_check(
        pwf_mem_alloc(PWF_MEM_BUFFERS, s->inputs * s->outputs, sizeof(float), &own->weights));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, s->outputs, sizeof(float), &own->bias));
    bench_check(pwf_mem_alloc(PWF_MEM_BUFFERS, s->rows * s->outputs, sizeof(float), &own->y));
    bench_check(
        pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)pwf_conv_workspace(own->conv), 1, &own->workspace));
}

static void linear_end(void *context, int thread)
{
    linear *own = &((linear_job *)context)->own[thread];
    pwf_conv_free(own->conv);
    pwf_mem_free(own->x);
    pwf_mem_free(own->weights);
    pwf_mem_free(own->bias);
    pwf_mem_free(own->y);
    pwf_mem_free(own->workspace);
}

static double linear_work(void *context, int thread)
{
    const linear_job *job = context;
    const linear *own = &job->own[thread];
    switch (job->pass) {
    case 0:
        bench_check(
            pwf_conv_forward(own->conv, own->y, own->x, own->weights, own->bias, own->workspace));
        break;
    case 1:
        bench_check(
            pwf_conv_backward_data(own->conv, own->x, own->y, own->weights, own->workspace));
        break;
    default:
        bench_check(
            pwf_conv_backward_weights(own->conv, own->weights, own->y, own->x, own->workspace));
    }
    return operations(&job->shape);
}

double products_linear(product shape, int pass, bool bf16, int threads, double seconds)
{
    static linear_job job;
    job = (linear_job){.shape = shape, .pass = pass, .bf16 = bf16};
    return bench_rate(threads, seconds, &(bench_job){linear_begin, linear_end, linear_work, &job});
}
