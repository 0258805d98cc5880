/* SPDX-License-Identifier: BSD-3-Clause */
/* What makes tokens out of an image and a vector out of tokens. Tokens [B, T, C] are the pixels of
 * a value in row order, whatever its height and width. */
#include "operators.h"

#include <string.h>

static const char *name_of(const pwf_node *n)
{
    return n->weight->name ? n->weight->name : "?";
}

static pwf_status no_plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    (void)task;
    (void)own;
    (void)need;
    return pwf_ok();
}

/* dx = or += dy */
static void pass(float *dx, bool add, const float *dy, int64_t count)
{
    if (add)
        pwf_kernels_now()->accumulate(dx, dy, count);
    else
        memcpy(dx, dy, (size_t)count * sizeof *dx);
}

static pwf_status infer_prepend(pwf_node *n)
{
    if (n->weight->count != n->in[0].channels)
        return PWF_FAIL(PWF_CONFIG, "%s has %lld values, but a token has %lld channels", name_of(n),
                        (long long)n->weight->count, (long long)n->in[0].channels);
    n->out = (pwf_shape){1, pwf_pixels(n->in[0]) + 1, n->in[0].channels};
    return pwf_ok();
}

static pwf_status prepend_forward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, rest = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++) {
        float *y = c->y + i * (rest + n);
        memcpy(y, c->weight, (size_t)n * sizeof *y);
        memcpy(y + n, c->x[0] + i * rest, (size_t)rest * sizeof *y);
    }
    return pwf_ok();
}

static pwf_status prepend_backward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, rest = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++) {
        const float *dy = c->dy + i * (rest + n);
        pwf_kernels_now()->accumulate(c->dweight, dy, n);
        if (c->dx[0]) pass(c->dx[0] + i * rest, c->add[0], dy + n, rest);
    }
    return pwf_ok();
}

static pwf_status infer_embedding(pwf_node *n)
{
    if (n->weight->count != pwf_elements(n->in[0]))
        return PWF_FAIL(PWF_CONFIG, "%s has %lld values for %lld tokens of %lld channels",
                        name_of(n), (long long)n->weight->count, (long long)pwf_pixels(n->in[0]),
                        (long long)n->in[0].channels);
    n->out = n->in[0];
    return pwf_ok();
}

static pwf_status embedding_forward(const pwf_call *c)
{
    const int64_t n = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++)
        pwf_kernels_now()->add(c->y + i * n, c->x[0] + i * n, c->weight, n);
    return pwf_ok();
}

static pwf_status embedding_backward(const pwf_call *c)
{
    const int64_t n = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++)
        pwf_kernels_now()->accumulate(c->dweight, c->dy + i * n, n);
    if (c->dx[0] && c->dx[0] != c->dy) pass(c->dx[0], c->add[0], c->dy, c->images * n);
    return pwf_ok();
}

static pwf_status infer_select(pwf_node *n)
{
    PWF_ASSERT(n->token >= 0);
    if (n->token >= pwf_pixels(n->in[0]))
        return PWF_FAIL(PWF_CONFIG, "token %lld of %lld is wanted", (long long)n->token + 1,
                        (long long)pwf_pixels(n->in[0]));
    n->out = (pwf_shape){1, 1, n->in[0].channels};
    return pwf_ok();
}

static pwf_status select_forward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, all = pwf_elements(c->node->in[0]);
    for (int64_t i = 0; i < c->images; i++)
        memcpy(c->y + i * n, c->x[0] + i * all + c->node->token * n, (size_t)n * sizeof *c->y);
    return pwf_ok();
}

static pwf_status select_backward(const pwf_call *c)
{
    const int64_t n = c->node->out.channels, all = pwf_elements(c->node->in[0]);
    if (!c->dx[0]) return pwf_ok();
    if (!c->add[0]) memset(c->dx[0], 0, (size_t)(c->images * all) * sizeof *c->dx[0]);
    for (int64_t i = 0; i < c->images; i++)
        pass(c->dx[0] + i * all + c->node->token * n, c->add[0], c->dy + i * n, n);
    return pwf_ok();
}

static pwf_status infer_concat(pwf_node *n)
{
    const pwf_shape a = n->in[0], b = n->in[1];
    if (a.height != b.height || a.width != b.width)
        return PWF_FAIL(PWF_CONFIG, "%lldx%lld and %lldx%lld pixels cannot stand side by side",
                        (long long)a.height, (long long)a.width, (long long)b.height,
                        (long long)b.width);
    n->out = (pwf_shape){a.height, a.width, a.channels + b.channels};
    return pwf_ok();
}

static pwf_status concat_forward(const pwf_call *c)
{
    const int64_t pixels = c->images * pwf_pixels(c->node->out), n = c->node->out.channels;
    int64_t at = 0;
    for (int j = 0; j < 2; j++) {
        const int64_t own = c->node->in[j].channels;
        for (int64_t i = 0; i < pixels; i++)
            memcpy(c->y + i * n + at, c->x[j] + i * own, (size_t)own * sizeof *c->y);
        at += own;
    }
    return pwf_ok();
}

static pwf_status concat_backward(const pwf_call *c)
{
    const int64_t pixels = c->images * pwf_pixels(c->node->out), n = c->node->out.channels;
    int64_t at = 0;
    for (int j = 0; j < 2; j++) {
        const int64_t own = c->node->in[j].channels;
        for (int64_t i = 0; c->dx[j] && i < pixels; i++)
            pass(c->dx[j] + i * own, c->add[j], c->dy + i * n + at, own);
        at += own;
    }
    return pwf_ok();
}

const pwf_operator pwf_op_prepend_token = {.name = "prepend_token",
                                           .infer = infer_prepend,
                                           .plan = no_plan,
                                           .forward = prepend_forward,
                                           .backward = prepend_backward};

const pwf_operator pwf_op_add_embedding = {.name = "add_embedding",
                                           .in_place = true,
                                           .infer = infer_embedding,
                                           .plan = no_plan,
                                           .forward = embedding_forward,
                                           .backward = embedding_backward};

const pwf_operator pwf_op_select_token = {.name = "select_token",
                                          .infer = infer_select,
                                          .plan = no_plan,
                                          .forward = select_forward,
                                          .backward = select_backward};

const pwf_operator pwf_op_concat = {.name = "concat",
                                    .infer = infer_concat,
                                    .plan = no_plan,
                                    .forward = concat_forward,
                                    .backward = concat_backward};
