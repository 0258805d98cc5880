/* SPDX-License-Identifier: BSD-3-Clause */
/* One operator outside a graph: plans it, allocates all arrays, and runs forward and backward. */
#include "op_case.h"

#include "pwf/core/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect(pwf_status status)
{
    assert_string_equal(status.text, "");
}

static void *room(int64_t count, size_t size)
{
    void *memory;
    expect(pwf_mem_alloc(PWF_MEM_BUFFERS, count, size, &memory));
    return memory;
}

static int64_t count_of(pwf_shape s, int64_t images)
{
    return images * s.height * s.width * s.channels;
}

static void set_parameters(op_case *c)
{
    pwf_param *const both[] = {&c->weight, &c->bias};
    int64_t offset = 0;
    for (int i = 0; i < 2; i++) {
        pwf_param *p = both[i];
        p->name = i ? "bias" : "weight";
        p->offset = offset;
        p->count = p->dims ? 1 : 0;
        for (int j = 0; j < p->dims; j++)
            p->count *= p->shape[j];
        offset += p->count;
    }
    c->node.weight = c->weight.dims ? &c->weight : NULL;
    c->node.bias = c->bias.dims ? &c->bias : NULL;
    c->weights = room(offset, sizeof(float));
    c->dweights = room(offset, sizeof(float));
    c->mean = (pwf_buffer){.name = "mean", .count = c->bias.count};
    c->variance = (pwf_buffer){.name = "variance", .count = c->bias.count, .offset = c->bias.count};
    c->node.mean = &c->mean;
    c->node.variance = &c->variance;
    c->statistics = room(2 * c->bias.count, sizeof(float));
}

void op_case_start(op_case *c, pwf_tensor_backend backend)
{
    set_parameters(c);
    expect(pwf_node_infer(&c->node));
    pwf_plan_task task = {.node = &c->node,
                          .backend = backend,
                          .precision = c->precision,
                          .images = c->images,
                          .slot_images = c->images,
                          .training = true};
    pwf_need need = {0}, back = {0};
    for (int i = 0; i < c->node.inputs; i++) {
        task.gradient[i] = true;
        c->counts[i] = count_of(c->node.in[i], c->images);
        c->x[i] = room(c->counts[i], sizeof(float));
        c->dx[i] = room(c->counts[i], sizeof(float));
    }
    c->out_count = count_of(c->node.out, c->images);
    c->y = room(c->out_count, sizeof(float));
    c->dy = room(c->out_count, sizeof(float));
    c->labels = room(c->images, sizeof(int32_t));
    if (c->share > 0.0f) c->partners = room(c->images, sizeof(int32_t));
    c->targets = (pwf_targets){c->labels, c->partners, c->share};
    expect(pwf_node_plan(&task, &c->plan[0], &need));
    task.backward = true;
    expect(pwf_node_plan(&task, &c->plan[1], &back));
    if (back.workspace > need.workspace) need.workspace = back.workspace;
    c->saved = room(c->images * (int64_t)need.saved, 1);
    c->kept = room((int64_t)need.kept, 1);
    c->kept_bytes = need.kept;
    c->workspace = room((int64_t)need.workspace, 1);
    /* The contents of the workspace before a call must not matter. */
    for (size_t i = 0; i < need.workspace / sizeof(float); i++)
        ((float *)c->workspace)[i] = NAN;
}

void op_case_end(op_case *c)
{
    for (int i = 0; i < 2; i++)
        if (c->plan[i]) c->node.op->release(c->plan[i]);
    for (int i = 0; i < c->node.inputs; i++) {
        pwf_mem_free(c->x[i]);
        pwf_mem_free(c->dx[i]);
    }
    void *const all[] = {c->y,      c->dy,       c->weights, c->dweights, c->statistics,
                         c->labels, c->partners, c->saved,   c->kept,     c->workspace};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pwf_mem_free(all[i]);
}

static pwf_call call_of(op_case *c, int pass)
{
    pwf_call call = {.node = &c->node,
                     .plan = c->plan[pass],
                     .images = c->images,
                     .training = true,
                     .y = c->y,
                     .dy = c->dy,
                     .mean = c->statistics,
                     .variance = c->statistics + c->bias.count,
                     .targets = c->targets,
                     .scale = c->scale,
                     .loss = &c->loss,
                     .saved = c->saved,
                     .kept = c->kept,
                     .workspace = c->workspace};
    for (int i = 0; i < c->node.inputs; i++) {
        call.x[i] = c->x[i];
        call.dx[i] = c->dx[i];
        call.add[i] = c->add;
    }
    if (c->node.weight) {
        call.weight = c->weights;
        call.dweight = c->dweights;
    }
    if (c->node.bias) {
        call.bias = c->weights + c->bias.offset;
        call.dbias = c->dweights + c->bias.offset;
    }
    return call;
}

void op_case_forward(op_case *c)
{
    const pwf_operator *op = c->node.op;
    const pwf_call call = call_of(c, 0);
    c->loss = 0.0;
    if (c->kept_bytes) memset(c->kept, 0, c->kept_bytes);
    if (op->sums) {
        op->sums(&call);
        op->settle(&call);
    }
    expect(op->forward(&call));
}

void op_case_backward(op_case *c)
{
    const pwf_operator *op = c->node.op;
    const pwf_call call = call_of(c, 1);
    if (op->sums) {
        op->sums_back(&call);
        op->settle_back(&call);
    }
    expect(op->backward(&call));
}
