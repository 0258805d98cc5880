/* SPDX-License-Identifier: BSD-3-Clause */
/* Convolution by OpenBLAS: im2col makes a row of the pixels under each window, sgemm multiplies the
 * rows with the weights. Chunks of images keep the columns within the second-level cache. A 1x1
 * window at stride 1 needs no columns. Called through pwf_conv; columns are in the workspace. */
#include "conv_backend.h"

#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_BYTES = 512 * 1024 }; /* of the columns of a chunk */

void pwf_conv_openblas_thread_start(void)
{
    openblas_set_num_threads(1);
}

void pwf_conv_openblas_describe(pwf_tensor_text *out)
{
    /* "OpenBLAS 0.3.21 NO_LAPACKE ...": the first two words matter. */
    const char *config = openblas_get_config();
    const char *space = strchr(config, ' ');
    const char *end = space ? strchr(space + 1, ' ') : NULL;
    snprintf(out->text, sizeof out->text, "%.*s (%s)", end ? (int)(end - config) : 40, config,
             openblas_get_corename());
}

/* Extents of the matrices of one group. */
typedef struct sizes {
    int64_t pixels;      /* of a result image: rows of the matrix per image */
    int64_t columns;     /* R * S * C/groups */
    int64_t filters;     /* of a group */
    int64_t chunk;       /* images */
    size_t weight_bytes; /* rounded up to a cache line */
    bool direct;         /* a 1x1 window: the image is the matrix */
} sizes;

static sizes sizes_of(const pwf_conv *conv)
{
    const pwf_conv_shape *s = &conv->shape;
    sizes z = {.pixels = conv->out_height * conv->out_width,
               .columns = s->kernel_height * s->kernel_width * (s->channels / s->groups),
               .filters = s->filters / s->groups};
    /* The rows of the matrix are then the pixels themselves, `channels` apart. */
    z.direct =
        s->kernel_height == 1 && s->kernel_width == 1 && s->stride == 1 && !pwf_conv_is_padded(s);
    const int64_t image = z.pixels * z.columns * (int64_t)sizeof(float);
    z.chunk = z.direct ? s->images : CHUNK_BYTES / image;
    if (z.chunk < 1) z.chunk = 1;
    if (z.chunk > s->images) z.chunk = s->images;
    z.weight_bytes = pwf_lines((size_t)(s->filters * z.columns) * sizeof(float));
    return z;
}

pwf_status pwf_openblas_no_bf16(void)
{
    return PWF_FAIL(
        PWF_CONFIG,
        "OpenBLAS has no bf16 products; use parallel.precision fp32 or another parallel.backend");
}

static pwf_status plan(pwf_conv *conv)
{
    const sizes z = sizes_of(conv);
    if (conv->use.precision == PWF_BF16) return pwf_openblas_no_bf16();
    PWF_FAIL_IF(z.chunk * z.pixels > INT_MAX || z.columns > INT_MAX ||
                    conv->shape.channels > INT_MAX || conv->shape.filters > INT_MAX,
                PWF_CONFIG,
                "OpenBLAS: a convolution with %lld pixels and %lld filters exceeds its 32-bit "
                "sizes; use a smaller image or batch",
                (long long)z.pixels, (long long)conv->shape.filters);
    conv->workspace = z.weight_bytes;
    if (!z.direct) conv->workspace += (size_t)(z.chunk * z.pixels * z.columns) * sizeof(float);
    return pwf_ok();
}

/* K, R, S, C: each filter in the order of a row of columns. */
static pwf_weight_order order_of(const pwf_conv_shape *s)
{
    const int64_t c = s->channels / s->groups;
    return (pwf_weight_order){
        .k = s->kernel_height * s->kernel_width * c, .c = 1, .r = s->kernel_width * c, .s = c};
}

/* The columns come after the rearranged weights in the workspace. */
static float *columns_of(void *workspace, const sizes *z)
{
    return (float *)((char *)workspace + z->weight_bytes);
}

/* One product: a chunk of images and a group. */
typedef struct part {
    int64_t images, group; /* images of the chunk */
    int64_t image, result; /* offsets in x, of the chunk, and in y */
    int rows;              /* of the matrix */
} part;

/* Part `index`, counted over chunks, then over groups. */
static part part_of(const pwf_conv *conv, const sizes *z, int64_t index)
{
    const pwf_conv_shape *s = &conv->shape;
    const int64_t first = index / s->groups * z->chunk, left = s->images - first;
    part p = {.images = left < z->chunk ? left : z->chunk,
              .group = index % s->groups,
              .image = first * s->height * s->width * s->channels};
    p.result = first * z->pixels * s->filters + p.group * z->filters;
    p.rows = (int)(p.images * z->pixels);
    return p;
}

static int64_t parts(const pwf_conv *conv, const sizes *z)
{
    return (conv->shape.images + z->chunk - 1) / z->chunk * conv->shape.groups;
}

/* The left matrix of a part: its columns, or the image itself for a 1x1 window. */
static const float *matrix(const pwf_conv_shape *s, const sizes *z, const part *p, const float *x,
                           float *columns, int *stride)
{
    if (z->direct) {
        *stride = (int)s->channels;
        return x + p->image + p->group * (s->channels / s->groups);
    }
    *stride = (int)z->columns;
    pwf_conv_kernels_now()->to_columns(columns, x + p->image, s, p->group, p->images);
    return columns;
}

/* y = columns times the transposed weights, then the bias. */
static pwf_status forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                          const float *bias, void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    const sizes z = sizes_of(conv);
    const float *arranged = weight;
    if (!z.direct) {
        k->weights_to(workspace, weight, &conv->shape, order_of(&conv->shape));
        arranged = workspace;
    }
    for (int64_t i = 0; i < parts(conv, &z); i++) {
        const part p = part_of(conv, &z, i);
        int stride;
        const float *a = matrix(&conv->shape, &z, &p, x, columns_of(workspace, &z), &stride);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p.rows, (int)z.filters, (int)z.columns,
                    1.0f, a, stride, arranged + p.group * z.filters * z.columns, (int)z.columns,
                    0.0f, y + p.result, (int)conv->shape.filters);
    }
    if (bias) k->add_bias(y, bias, conv->shape.images * z.pixels, conv->shape.filters);
    return pwf_ok();
}

/* columns = dy times the weights; from_columns adds them up into dx. */
static pwf_status backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                void *workspace)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    const pwf_conv_shape *s = &conv->shape;
    const sizes z = sizes_of(conv);
    const float *arranged = weight;
    if (!z.direct) {
        k->weights_to(workspace, weight, s, order_of(s));
        arranged = workspace;
        memset(dx, 0, (size_t)pwf_conv_images(s) * sizeof *dx);
    }
    for (int64_t i = 0; i < parts(conv, &z); i++) {
        const part p = part_of(conv, &z, i);
        float *to = z.direct ? dx + p.image + p.group * (s->channels / s->groups)
                             : columns_of(workspace, &z);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p.rows, (int)z.columns,
                    (int)z.filters, 1.0f, dy + p.result, (int)s->filters,
                    arranged + p.group * z.filters * z.columns, (int)z.columns, 0.0f, to,
                    z.direct ? (int)s->channels : (int)z.columns);
        if (!z.direct) k->from_columns(dx + p.image, to, s, p.group, p.images);
    }
    return pwf_ok();
}

/* The transposed dy times columns, summed over chunks, then added to dweight. */
static pwf_status backward_weights(pwf_conv *conv, float *dweight, const float *dy, const float *x,
                                   void *workspace)
{
    const pwf_conv_shape *s = &conv->shape;
    const sizes z = sizes_of(conv);
    float *sum = workspace;
    /* Sums over all chunks of this call; dweight may hold those of earlier calls. */
    memset(sum, 0, z.weight_bytes);
    for (int64_t i = 0; i < parts(conv, &z); i++) {
        const part p = part_of(conv, &z, i);
        int stride;
        const float *a = matrix(&conv->shape, &z, &p, x, columns_of(workspace, &z), &stride);
        /* beta, the 1 before `sum`, adds the product to the sum of earlier chunks. */
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)z.filters, (int)z.columns, p.rows,
                    1.0f, dy + p.result, (int)s->filters, a, stride, 1.0f,
                    sum + p.group * z.filters * z.columns, (int)z.columns);
    }
    pwf_conv_kernels_now()->weights_add(dweight, sum, s, order_of(s));
    return pwf_ok();
}

const pwf_conv_backend pwf_conv_openblas = {"openblas",       plan, NULL, forward, backward_data,
                                            backward_weights, NULL};
