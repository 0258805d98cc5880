/* SPDX-License-Identifier: BSD-3-Clause */
/* Convolution by oneDNN. Each pass (forward, backward data, backward weights) is a primitive,
 * created once, and a reorder between the plain order of the weights and the primitive's own.
 * Scratchpads are in the caller's workspace, so that a slot allocates nothing. In bf16 the operands
 * of a pass are rounded into the workspace first: to 16 bits for a bf16 primitive, or to fp32
 * numbers for an fp32 primitive where the library has no bf16 instructions to use. Called through
 * pwf_conv. */
#include "conv_backend.h"
#include "pwf/tensor/kernels.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* A function of GNU OpenMP, which the library uses; the setting is per calling thread. */
void omp_set_num_threads(int threads);

void pwf_conv_onednn_thread_start(void)
{
    omp_set_num_threads(1);
}

void pwf_conv_onednn_describe(pwf_tensor_text *out)
{
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {{dnnl_cpu_isa_avx512_core_bf16, "avx512 bf16"},
                 {dnnl_cpu_isa_avx512_core_vnni, "avx512 vnni"},
                 {dnnl_cpu_isa_avx512_core, "avx512"},
                 {dnnl_cpu_isa_avx2, "avx2"},
                 {dnnl_cpu_isa_avx, "avx"}};
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    const char *name = isa > dnnl_cpu_isa_avx512_core_bf16 ? "amx" : "sse4.1";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (isa == names[i].isa) name = names[i].name;
    const dnnl_version_t *v = dnnl_version();
    snprintf(out->text, sizeof out->text, "oneDNN %d.%d.%d (%s)", v->major, v->minor, v->patch,
             name);
}

/* Whether the library finds bf16 instructions on this machine, and below, AMX tiles. */
static bool has_bf16(void)
{
    const unsigned wanted = dnnl_cpu_isa_avx512_core_bf16;
    return ((unsigned)dnnl_get_effective_cpu_isa() & wanted) == wanted;
}

bool pwf_conv_onednn_tiles(void)
{
    const unsigned wanted = dnnl_cpu_isa_avx512_core_amx;
    return ((unsigned)dnnl_get_effective_cpu_isa() & wanted) == wanted;
}

typedef enum pass_kind { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS, PASSES } pass_kind;

typedef struct pass {
    dnnl_primitive_t primitive, reorder; /* reorder NULL: the primitive uses the plain order */
    dnnl_memory_t images, result, weights, bias, scratch; /* x or dx; y or dy */
    dnnl_memory_t plain, reorder_scratch;
    /* Sections of the workspace in this order; the last two hold rounded operands. */
    size_t scratch_bytes, weight_bytes, plain_bytes, image_bytes, result_bytes;
} pass;

typedef struct plans {
    dnnl_stream_t stream;
    dnnl_data_type_t operands; /* of the primitives */
    pass at[PASSES];
} plans;

/* One engine for the process: it has no state, and the library's cache of primitives refers to it.
 */
static dnnl_engine_t engine;
static dnnl_status_t engine_status;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void make_engine(void)
{
    engine_status = dnnl_engine_create(&engine, dnnl_cpu, 0);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const dnnl_status_t try_status_ = (call);                                                  \
        if (try_status_ != dnnl_success) return try_status_;                                       \
    } while (0)

/* The shapes in the library's form. */
typedef struct shapes {
    dnnl_memory_desc_t images, result, weights, plain, bias;
    dnnl_dims_t strides, before, after; /* padding before and after each axis */
} shapes;

static dnnl_data_type_t operand_type(const pwf_conv *conv)
{
    return ((const plans *)conv->own)->operands;
}

/* A pass computes one of its three arrays in fp32 from the other two, its operands. */
static dnnl_status_t describe(const pwf_conv *conv, pass_kind kind, shapes *d)
{
    const dnnl_data_type_t type = operand_type(conv);
    const pwf_conv_shape *s = &conv->shape;
    const dnnl_dims_t images = {s->images, s->channels, s->height, s->width};
    const dnnl_dims_t result = {s->images, s->filters, conv->out_height, conv->out_width};
    const dnnl_dims_t dense = {s->filters, s->channels, s->kernel_height, s->kernel_width};
    const dnnl_dims_t grouped = {s->groups, s->filters / s->groups, s->channels / s->groups,
                                 s->kernel_height, s->kernel_width};
    const dnnl_dims_t bias = {s->filters};
    const bool groups = s->groups > 1;
    const int dims = groups ? 5 : 4;
    const dnnl_dim_t *weights = groups ? grouped : dense;
    d->strides[0] = d->strides[1] = s->stride;
    d->before[0] = s->padding.top;
    d->before[1] = s->padding.left;
    d->after[0] = s->padding.bottom;
    d->after[1] = s->padding.right;
    TRY(dnnl_memory_desc_init_by_tag(&d->images, 4, images, kind == BACKWARD_DATA ? dnnl_f32 : type,
                                     dnnl_nhwc));
    TRY(dnnl_memory_desc_init_by_tag(&d->result, 4, result, kind == FORWARD ? dnnl_f32 : type,
                                     dnnl_nhwc));
    TRY(dnnl_memory_desc_init_by_tag(&d->weights, dims, weights,
                                     kind == BACKWARD_WEIGHTS ? dnnl_f32 : type,
                                     dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&d->plain, dims, weights, dnnl_f32,
                                     groups ? dnnl_goihw : dnnl_oihw));
    TRY(dnnl_memory_desc_init_by_tag(&d->bias, 1, bias, dnnl_f32, dnnl_a));
    return dnnl_success;
}

/* The descriptor of a pass; the backward ones need that of the forward pass as `hint`. */
static dnnl_status_t describe_pass(const pwf_conv *conv, const shapes *d, pass_kind kind,
                                   const_dnnl_primitive_attr_t attributes,
                                   const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t c;
    /* The hint of a backward pass must be a training descriptor. */
    const dnnl_prop_kind_t forward = conv->use.backward_data || conv->use.backward_weights
                                         ? dnnl_forward_training
                                         : dnnl_forward_inference;
    switch (kind) {
    case FORWARD:
        TRY(dnnl_convolution_forward_desc_init(&c, forward, dnnl_convolution_direct, &d->images,
                                               &d->weights, conv->use.bias ? &d->bias : NULL,
                                               &d->result, d->strides, d->before, d->after));
        break;
    case BACKWARD_DATA:
        TRY(dnnl_convolution_backward_data_desc_init(&c, dnnl_convolution_direct, &d->images,
                                                     &d->weights, &d->result, d->strides, d->before,
                                                     d->after));
        break;
    default:
        TRY(dnnl_convolution_backward_weights_desc_init(&c, dnnl_convolution_direct, &d->images,
                                                        &d->weights, NULL, &d->result, d->strides,
                                                        d->before, d->after));
    }
    return dnnl_primitive_desc_create(out, &c, attributes, engine, hint);
}

static dnnl_status_t memory(const dnnl_memory_desc_t *desc, dnnl_memory_t *out)
{
    return dnnl_memory_create(out, desc, engine, DNNL_MEMORY_NONE);
}

/* The reorder of the weights into the primitive's order, which also rounds them for a bf16
 * primitive, or of their gradient out of it. None if the orders are equal. */
static dnnl_status_t plan_reorder(pass *p, pass_kind kind, const dnnl_memory_desc_t *plain,
                                  const dnnl_memory_desc_t *weights,
                                  const_dnnl_primitive_attr_t attributes)
{
    if (dnnl_memory_desc_equal(plain, weights)) return dnnl_success;
    /* Room for the weights in the order of the primitive. */
    p->weight_bytes = pwf_lines(dnnl_memory_desc_get_size(weights));
    const bool back = kind == BACKWARD_WEIGHTS;
    dnnl_primitive_desc_t pd;
    TRY(dnnl_reorder_primitive_desc_create(&pd, back ? weights : plain, engine,
                                           back ? plain : weights, engine, attributes));
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const size_t bytes = pwf_lines(dnnl_memory_desc_get_size(scratch));
    if (bytes > p->scratch_bytes) p->scratch_bytes = bytes;
    dnnl_status_t status = memory(scratch, &p->reorder_scratch);
    if (status == dnnl_success) status = dnnl_primitive_create(&p->reorder, pd);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

/* Workspace for the weight gradient in the plain order and for rounded operands. */
static void plan_rooms(const pwf_conv *conv, const shapes *d, pass_kind kind, pass *p)
{
    const bool rounds = conv->use.precision == PWF_BF16;
    if (kind == BACKWARD_WEIGHTS || (rounds && operand_type(conv) == dnnl_f32))
        p->plain_bytes = pwf_lines(dnnl_memory_desc_get_size(&d->plain));
    if (rounds && kind != BACKWARD_DATA)
        p->image_bytes = pwf_lines(dnnl_memory_desc_get_size(&d->images));
    if (rounds && kind != FORWARD)
        p->result_bytes = pwf_lines(dnnl_memory_desc_get_size(&d->result));
}

/* Creates the memory objects, the reorder and the primitive of a pass, and sums up its workspace.
 */
static dnnl_status_t plan_pass(pwf_conv *conv, const shapes *d, pass_kind kind,
                               const_dnnl_primitive_attr_t attributes,
                               const_dnnl_primitive_desc_t pd)
{
    pass *p = &((plans *)conv->own)->at[kind];
    const dnnl_memory_desc_t *weights = dnnl_primitive_desc_query_md(
        pd, kind == BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    p->scratch_bytes = pwf_lines(dnnl_memory_desc_get_size(scratch));
    TRY(memory(&d->images, &p->images));
    TRY(memory(&d->result, &p->result));
    TRY(memory(&d->bias, &p->bias));
    TRY(memory(&d->plain, &p->plain));
    TRY(memory(weights, &p->weights));
    TRY(memory(scratch, &p->scratch));
    TRY(plan_reorder(p, kind, &d->plain, weights, attributes));
    TRY(dnnl_primitive_create(&p->primitive, pd));
    plan_rooms(conv, d, kind, p);
    if (kind != BACKWARD_WEIGHTS) conv->packed_bytes += p->weight_bytes;
    const size_t bytes =
        p->scratch_bytes + p->weight_bytes + p->plain_bytes + p->image_bytes + p->result_bytes;
    /* Passes run one after the other and share the workspace. */
    if (bytes > conv->workspace) conv->workspace = bytes;
    return dnnl_success;
}

/* The forward descriptor is made in any case, as the hint of the backward ones. */
static dnnl_status_t plan_passes(pwf_conv *conv, const_dnnl_primitive_attr_t attributes)
{
    const bool wanted[PASSES] = {conv->use.forward, conv->use.backward_data,
                                 conv->use.backward_weights};
    TRY(dnnl_stream_create(&((plans *)conv->own)->stream, engine, dnnl_stream_default_flags));
    dnnl_primitive_desc_t forward = NULL;
    dnnl_status_t status = dnnl_success;
    for (int kind = FORWARD; kind < PASSES && status == dnnl_success; kind++) {
        if (!wanted[kind] && kind != FORWARD) continue;
        dnnl_primitive_desc_t pd;
        shapes d;
        status = describe(conv, (pass_kind)kind, &d);
        if (status == dnnl_success)
            status = describe_pass(conv, &d, (pass_kind)kind, attributes, forward, &pd);
        if (status != dnnl_success) break;
        if (wanted[kind]) status = plan_pass(conv, &d, (pass_kind)kind, attributes, pd);
        if (kind == FORWARD)
            forward = pd;
        else
            dnnl_primitive_desc_destroy(pd);
    }
    if (forward) dnnl_primitive_desc_destroy(forward);
    return status;
}

static dnnl_status_t plan_with_attributes(pwf_conv *conv)
{
    pthread_once(&engine_once, make_engine);
    TRY(engine_status);
    dnnl_primitive_attr_t attributes;
    TRY(dnnl_primitive_attr_create(&attributes));
    dnnl_status_t status =
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) status = plan_passes(conv, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

static void release(pwf_conv *conv)
{
    plans *own = conv->own;
    for (int i = 0; i < PASSES; i++) {
        const pass *p = &own->at[i];
        if (p->primitive) dnnl_primitive_destroy(p->primitive);
        if (p->reorder) dnnl_primitive_destroy(p->reorder);
        const dnnl_memory_t all[] = {p->images, p->result,  p->weights,        p->bias,
                                     p->plain,  p->scratch, p->reorder_scratch};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            if (all[j]) dnnl_memory_destroy(all[j]);
    }
    if (own->stream) dnnl_stream_destroy(own->stream);
    free(own);
    conv->own = NULL;
}

/* Plans with primitives for fp32 or bf16 operands. */
static dnnl_status_t plan_with_operands(pwf_conv *conv, dnnl_data_type_t operands)
{
    /* A second attempt starts from nothing. */
    plans *own = conv->own = calloc(1, sizeof(plans));
    if (!own) return dnnl_out_of_memory;
    conv->workspace = conv->packed_bytes = 0;
    own->operands = operands;
    const dnnl_status_t status = plan_with_attributes(conv);
    if (status != dnnl_success) release(conv);
    return status;
}

/* bf16 primitives only where instructions exist: the library's emulation would be slower than fp32
 * primitives on rounded numbers. */
static pwf_status plan(pwf_conv *conv)
{
    dnnl_status_t status = dnnl_unimplemented;
    if (conv->use.precision == PWF_BF16 && has_bf16()) status = plan_with_operands(conv, dnnl_bf16);
    if (status == dnnl_unimplemented) status = plan_with_operands(conv, dnnl_f32);
    if (status == dnnl_success) return pwf_ok();
    const pwf_conv_shape *s = &conv->shape;
    PWF_FAIL_IF(status == dnnl_out_of_memory, PWF_RESOURCE,
                "oneDNN: no memory to plan a convolution");
    return PWF_FAIL(PWF_CONFIG,
                    "oneDNN (status %d) does not support a convolution of %lldx%lldx%lld with %lld "
                    "filters of %lldx%lld, stride %lld, padding %lld, %lld, %lld, %lld, %lld "
                    "groups; set parallel.backend to openblas",
                    (int)status, (long long)s->height, (long long)s->width, (long long)s->channels,
                    (long long)s->filters, (long long)s->kernel_height, (long long)s->kernel_width,
                    (long long)s->stride, (long long)s->padding.top, (long long)s->padding.left,
                    (long long)s->padding.bottom, (long long)s->padding.right,
                    (long long)s->groups);
}

static dnnl_status_t set(dnnl_memory_t memory_object, const void *address)
{
    /* The library takes void * even for arrays that it only reads. */
    return dnnl_memory_set_data_handle(memory_object, (void *)(uintptr_t)address);
}

/* Runs the primitive of a pass on the arrays that are set. */
static dnnl_status_t execute(const plans *own, const pass *p, pass_kind kind, const float *bias)
{
    /* The names under which the library knows the arrays of each pass. */
    static const int images[PASSES] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_SRC, DNNL_ARG_SRC};
    static const int weights[PASSES] = {DNNL_ARG_WEIGHTS, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_WEIGHTS};
    static const int result[PASSES] = {DNNL_ARG_DST, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_DST};
    dnnl_exec_arg_t args[] = {{images[kind], p->images},
                              {weights[kind], p->weights},
                              {result[kind], p->result},
                              {DNNL_ARG_SCRATCHPAD, p->scratch},
                              {DNNL_ARG_BIAS, p->bias}};
    return dnnl_primitive_execute(p->primitive, own->stream, bias ? 5 : 4, args);
}

static dnnl_status_t reorder(const plans *own, const pass *p, pass_kind kind)
{
    const bool back = kind == BACKWARD_WEIGHTS;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, back ? p->weights : p->plain},
                              {DNNL_ARG_TO, back ? p->plain : p->weights},
                              {DNNL_ARG_SCRATCHPAD, p->reorder_scratch}};
    return dnnl_primitive_execute(p->reorder, own->stream, 3, args);
}

/* An operand of `count` numbers: x itself, or its rounded copy in `room` if that has bytes. */
static const void *operand(const pwf_conv *conv, void *room, size_t bytes, const float *x,
                           int64_t count)
{
    const pwf_conv_kernels *k = pwf_conv_kernels_now();
    if (bytes == 0) return x;
    if (operand_type(conv) == dnnl_bf16)
        k->to_bf16(room, x, count);
    else
        k->round_bf16(room, x, count);
    return room;
}

/* Offset of the weights of a pass among the prepacked ones. */
static size_t packed_offset(const plans *own, pass_kind kind)
{
    return kind == FORWARD ? 0 : own->at[FORWARD].weight_bytes;
}

/* Rounds if needed and reorders the weights for a pass. */
static dnnl_status_t pack_pass(const pwf_conv *conv, pass_kind kind, void *packed,
                               const float *weight, void *workspace)
{
    const plans *own = conv->own;
    const pass *p = &own->at[kind];
    char *scratch = workspace, *flat = scratch + p->scratch_bytes + p->weight_bytes;
    TRY(set(p->plain, operand(conv, flat, p->plain_bytes, weight, pwf_conv_weights(&conv->shape))));
    TRY(set(p->reorder_scratch, scratch));
    TRY(set(p->weights, packed));
    return reorder(own, p, kind);
}

static dnnl_status_t pack_passes(const pwf_conv *conv, void *packed, const float *weight,
                                 void *workspace)
{
    const plans *own = conv->own;
    for (int kind = FORWARD; kind < BACKWARD_WEIGHTS; kind++)
        if (own->at[kind].weight_bytes > 0)
            TRY(pack_pass(conv, (pass_kind)kind,
                          (char *)packed + packed_offset(own, (pass_kind)kind), weight, workspace));
    return dnnl_stream_wait(own->stream);
}

/* Sets the weights array of a pass. Forward and backward data read the weights as they are,
 * prepacked, or packed now into `blocked`. Backward weights writes the gradient there, which run()
 * reorders into `flat`. */
static dnnl_status_t set_weights(const pwf_conv *conv, pass_kind kind, const float *weight,
                                 char *blocked, char *flat, void *scratch)
{
    const plans *own = conv->own;
    const pass *p = &own->at[kind];
    if (kind == BACKWARD_WEIGHTS) {
        if (p->reorder) TRY(set(p->plain, flat));
        if (p->reorder) TRY(set(p->reorder_scratch, scratch));
        return set(p->weights, p->reorder ? blocked : flat);
    }
    if (!p->reorder)
        return set(p->weights,
                   operand(conv, flat, p->plain_bytes, weight, pwf_conv_weights(&conv->shape)));
    if (conv->packed) return set(p->weights, (const char *)conv->packed + packed_offset(own, kind));
    return pack_pass(conv, kind, blocked, weight, scratch);
}

/* Runs one pass. `weight` is read; BACKWARD_WEIGHTS leaves the gradient in *plain instead. */
static dnnl_status_t run(const pwf_conv *conv, pass_kind kind, const float *images,
                         const float *result, const float *weight, const float *bias,
                         void *workspace, const float **plain)
{
    const plans *own = conv->own;
    const pass *p = &own->at[kind];
    char *scratch = workspace, *blocked = scratch + p->scratch_bytes;
    char *flat = blocked + p->weight_bytes, *images_room = flat + p->plain_bytes;
    char *result_room = images_room + p->image_bytes;
    TRY(set(p->images,
            operand(conv, images_room, p->image_bytes, images, pwf_conv_images(&conv->shape))));
    TRY(set(p->result,
            operand(conv, result_room, p->result_bytes, result, pwf_conv_results(conv))));
    TRY(set(p->scratch, scratch));
    /* Without a bias the argument is left out, see execute. */
    if (bias) TRY(set(p->bias, bias));
    TRY(set_weights(conv, kind, weight, blocked, flat, scratch));
    TRY(execute(own, p, kind, bias));
    if (p->reorder && kind == BACKWARD_WEIGHTS) TRY(reorder(own, p, kind));
    if (plain) *plain = (const float *)flat;
    return dnnl_stream_wait(own->stream);
}

/* A library failure at run time is a bug: the plan has checked the shape. */
static pwf_status report(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success) return pwf_ok();
    return PWF_FAIL(PWF_BUG, "oneDNN: %s failed with status %d", what, (int)status);
}

static pwf_status forward(pwf_conv *conv, float *y, const float *x, const float *weight,
                          const float *bias, void *workspace)
{
    return report(run(conv, FORWARD, x, y, weight, bias, workspace, NULL), "a convolution");
}

static pwf_status backward_data(pwf_conv *conv, float *dx, const float *dy, const float *weight,
                                void *workspace)
{
    return report(run(conv, BACKWARD_DATA, dx, dy, weight, NULL, workspace, NULL),
                  "the data gradient of a convolution");
}

static pwf_status backward_weights(pwf_conv *conv, float *dweight, const float *dy, const float *x,
                                   void *workspace)
{
    const float *plain = NULL;
    PWF_TRY(report(run(conv, BACKWARD_WEIGHTS, x, dy, NULL, NULL, workspace, &plain),
                   "the weight gradient of a convolution"));
    pwf_kernels_now()->accumulate(dweight, plain, pwf_conv_weights(&conv->shape));
    return pwf_ok();
}

static pwf_status pack(pwf_conv *conv, void *packed, const float *weight, void *workspace)
{
    return report(pack_passes(conv, packed, weight, workspace), "prepacking weights");
}

const pwf_conv_backend pwf_conv_onednn = {"onednn",         plan, release, forward, backward_data,
                                          backward_weights, pack};
