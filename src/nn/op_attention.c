/* SPDX-License-Identifier: BSD-3-Clause */
/* Softmax attention among the tokens of an image; Vaswani et al. 2017. The input holds queries,
 * keys and values of all heads side by side, [B, T, 3 H D], as timm packs them; the result is
 * [B, T, H D]. Per image and head, with scale 1 / sqrt D:
 *     P = softmax(scale Q K'), y = P V */
#include "operators.h"
#include "pwf/tensor/matmul.h"

#include <math.h>
#include <stdlib.h>

static pwf_status infer(pwf_node *n)
{
    PWF_ASSERT(n->heads >= 1);
    if (n->in[0].channels % (3 * n->heads) != 0)
        return PWF_FAIL(PWF_CONFIG, "%lld channels do not divide into 3 parts for %lld heads each",
                        (long long)n->in[0].channels, (long long)n->heads);
    n->out = (pwf_shape){n->in[0].height, n->in[0].width, n->in[0].channels / 3};
    return pwf_ok();
}

/* The products of one head. Rows of qkv are 3 C apart, rows of y are C apart. */
typedef struct plan_data {
    pwf_tensor_backend backend;
    int64_t tokens, channels, depth; /* depth: channels of a head */
    float scale;
    pwf_matmul scores; /* scale Q K', and dP = dy V' with other strides */
    pwf_matmul dprobability;
    pwf_matmul mix;    /* y = P V */
    pwf_matmul dvalue; /* P' dy */
    pwf_matmul dquery; /* dS K */
    pwf_matmul dkey;   /* dS' Q */
    size_t product;    /* bytes of workspace of any of them */
} plan_data;

static void set_products(plan_data *p, pwf_precision precision)
{
    const int64_t t = p->tokens, d = p->depth, c = p->channels, c3 = 3 * c;
    p->scores = (pwf_matmul){t, t, d, false, true, t, c3, c3, precision};
    p->dprobability = (pwf_matmul){t, t, d, false, true, t, c, c3, precision};
    p->mix = (pwf_matmul){t, d, t, false, false, c, t, c3, precision};
    p->dvalue = (pwf_matmul){t, d, t, true, false, c3, t, c, precision};
    p->dquery = (pwf_matmul){t, d, t, false, false, c3, t, c3, precision};
    p->dkey = (pwf_matmul){t, d, t, true, false, c3, t, c3, precision};
    const pwf_matmul *const all[] = {&p->scores, &p->dprobability, &p->mix,
                                     &p->dvalue, &p->dquery,       &p->dkey};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const size_t bytes = pwf_matmul_workspace(p->backend, all[i]);
        if (bytes > p->product) p->product = bytes;
    }
}

static size_t square(const plan_data *p)
{
    return pwf_lines((size_t)(p->tokens * p->tokens) * sizeof(float));
}

/* Saved: P of every head. Workspace: the scores of one head, or its P and dP; then that of a
 * product. */
static pwf_status plan(const pwf_plan_task *task, void **own, pwf_need *need)
{
    const pwf_node *n = task->node;
    plan_data *p = calloc(1, sizeof *p);
    if (!p) return PWF_FAIL(PWF_RESOURCE, "no memory for the plan of an attention");
    p->backend = task->backend;
    p->tokens = pwf_pixels(n->in[0]);
    p->channels = n->out.channels;
    p->depth = p->channels / n->heads;
    p->scale = (float)(1.0 / sqrt((double)p->depth));
    set_products(p, task->precision);
    const pwf_status status = pwf_matmul_check(p->backend, &p->scores);
    if (status.code != PWF_OK) {
        free(p);
        return status;
    }
    need->saved = task->training ? (size_t)n->heads * square(p) : 0;
    need->workspace = 2 * square(p) + p->product;
    *own = p;
    return pwf_ok();
}

/* Where an image's head begins. */
typedef struct head {
    const float *q, *k, *v;
    int64_t qkv, y; /* offsets of Q and of the result */
    float *probability;
} head;

static head head_of(const pwf_call *c, int64_t image, int64_t number)
{
    const plan_data *p = c->plan;
    head h = {.qkv = 3 * image * p->tokens * p->channels + number * p->depth,
              .y = image * p->tokens * p->channels + number * p->depth};
    h.q = c->x[0] + h.qkv;
    h.k = h.q + p->channels;
    h.v = h.k + p->channels;
    char *saved = c->training
                      ? (char *)c->saved + (size_t)(image * c->node->heads + number) * square(p)
                      : (char *)c->workspace + square(p);
    h.probability = (float *)(void *)saved;
    return h;
}

static pwf_status multiply(const pwf_call *c, const pwf_matmul *shape, float *y, bool add,
                           float factor, const float *a, const float *b)
{
    const plan_data *p = c->plan;
    return pwf_matmul_run(p->backend, shape, y, add, factor, a, b,
                          (char *)c->workspace + 2 * square(p));
}

static pwf_status head_forward(const pwf_call *c, const head *h)
{
    const plan_data *p = c->plan;
    float *scores = c->workspace;
    PWF_TRY(multiply(c, &p->scores, scores, false, p->scale, h->q, h->k));
    pwf_kernels_now()->softmax(h->probability, NULL, scores, p->tokens, p->tokens);
    return multiply(c, &p->mix, c->y + h->y, false, 1.0f, h->probability, h->v);
}

static pwf_status forward(const pwf_call *c)
{
    for (int64_t image = 0; image < c->images; image++)
        for (int64_t number = 0; number < c->node->heads; number++) {
            const head h = head_of(c, image, number);
            PWF_TRY(head_forward(c, &h));
        }
    return pwf_ok();
}

static pwf_status head_backward(const pwf_call *c, const head *h)
{
    const plan_data *p = c->plan;
    const float *dy = c->dy + h->y;
    const bool add = c->add[0];
    float *dq = c->dx[0] + h->qkv, *dk = dq + p->channels, *dv = dk + p->channels;
    float *dprobability = c->workspace;
    float *dscores = (float *)(void *)((char *)c->workspace + square(p));
    PWF_TRY(multiply(c, &p->dvalue, dv, add, 1.0f, h->probability, dy));
    PWF_TRY(multiply(c, &p->dprobability, dprobability, false, 1.0f, dy, h->v));
    pwf_kernels_now()->softmax_backward(dscores, dprobability, h->probability, p->scale, p->tokens,
                                        p->tokens);
    PWF_TRY(multiply(c, &p->dquery, dq, add, 1.0f, dscores, h->k));
    return multiply(c, &p->dkey, dk, add, 1.0f, dscores, h->q);
}

static pwf_status backward(const pwf_call *c)
{
    if (!c->dx[0]) return pwf_ok();
    for (int64_t image = 0; image < c->images; image++)
        for (int64_t number = 0; number < c->node->heads; number++) {
            const head h = head_of(c, image, number);
            PWF_TRY(head_backward(c, &h));
        }
    return pwf_ok();
}

const pwf_operator pwf_op_attention = {.name = "attention",
                                       .needs_input = true,
                                       .saves = true,
                                       .infer = infer,
                                       .plan = plan,
                                       .release = free,
                                       .forward = forward,
                                       .backward = backward};
