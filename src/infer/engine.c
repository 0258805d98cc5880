/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets a network up on a mesh and fills in its weights. Called by evaluation and prediction of a
 * finished network, and by the trainer, which adds what a run needs. Opens the data set, allocates
 * the state, starts threads; communicates to agree on failures, to compare the images and to gather
 * weights from the shards. */
#include "pwf/infer/engine.h"

#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/models/model.h"

#include <stdlib.h>

/* Opens model and images, first because these fail most often. Local. */
static pwf_status open_inputs(pwf_engine *e, pwf_purpose purpose)
{
    PWF_TRY(pwf_model_build(pwf_config_model(e->config), &e->registry, &e->graph));
    pwf_graph_shape(e->graph, &e->height, &e->width, &e->channels, &e->classes);
    return purpose == PWF_TO_PREDICT ? pwf_ok() : pwf_feed_open(&e->feed, purpose == PWF_TO_TRAIN);
}

/* Most images in one executor call; sizes each worker's labels and partners (labels mixed in by
 * mixup or CutMix). One worker trains a whole slot of a batch. */
static int64_t largest_run(const pwf_config *c, pwf_purpose purpose)
{
    const int64_t slot = c->train.batch / c->parallel.slots;
    return purpose == PWF_TO_TRAIN && slot > c->eval.batch ? slot : c->eval.batch;
}

/* Allocates the state and starts the threads. Local. */
static pwf_status start(pwf_engine *e, pwf_purpose purpose)
{
    const pwf_config *c = e->config;
    PWF_TRY(pwf_state_new(e->registry, pwf_exchange_own(e->exchange), (uint32_t)c->train.seed,
                          c->fixing.min_power, &e->state));
    PWF_TRY(pwf_workers_start(e->graph, (int)c->parallel.threads, e->state->total,
                              largest_run(c, purpose), &e->workers));
    pwf_pool_pulse(e->workers.pool, pwf_exchange_move, e->exchange);
    return purpose == PWF_TO_TRAIN ? pwf_feed_start_loader(&e->feed) : pwf_ok();
}

/* The exchange comes before the state, because it determines the range of the state. Failures of
 * Local work are agreed on before the next collective call, so no rank waits for one that has
 * failed. Collective. */
static pwf_status set_up(pwf_engine *e, pwf_purpose purpose)
{
    const int ranks = pwf_mesh_size(e->mesh, PWF_WORLD);
    const bool halves = purpose == PWF_TO_TRAIN && e->config->parallel.precision == PWF_BF16;
    PWF_FAIL_IF(ranks > PWF_SLOTS_MAX, PWF_LAUNCH,
                "%d ranks: at most %d are supported; start fewer", ranks, PWF_SLOTS_MAX);
    PWF_TRY(pwf_mesh_agree(e->mesh, open_inputs(e, purpose)));
    if (purpose != PWF_TO_PREDICT) PWF_TRY(pwf_feed_compare(&e->feed));
    PWF_TRY(pwf_exchange_new(e->mesh, pwf_registry_total_count(e->registry),
                             halves ? pwf_registry_posterior_count(e->registry) : 0, &e->exchange));
    return pwf_mesh_agree(e->mesh, start(e, purpose));
}

pwf_status pwf_engine_new(const pwf_mesh *mesh, const pwf_config *config, pwf_purpose purpose,
                          pwf_engine **out)
{
    PWF_ASSERT(config->parallel.precision != PWF_PRECISION_AUTO);
    pwf_engine *e = calloc(1, sizeof *e);
    *out = NULL;
    pwf_status status =
        pwf_mesh_agree(mesh, e ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for a network"));
    if (status.code == PWF_OK) {
        e->mesh = mesh;
        e->config = config;
        e->feed = (pwf_feed){.mesh = mesh, .config = config};
        status = set_up(e, purpose);
    }
    if (status.code == PWF_OK)
        *out = e;
    else
        pwf_engine_free(e);
    return status;
}

/* The workers stop first: their threads use everything else. */
void pwf_engine_free(pwf_engine *engine)
{
    if (!engine) return;
    pwf_workers_stop(&engine->workers);
    pwf_feed_close(&engine->feed);
    pwf_state_free(engine->state);
    pwf_exchange_free(engine->exchange);
    pwf_graph_free(engine->graph);
    pwf_registry_free(engine->registry);
    free(engine);
}

/* Each rank fills its own range of the flat vector; the gather then completes it in place, and the
 * caller may do other work until it ends. */
void pwf_engine_begin_draw(pwf_engine *engine, const pwf_stream *noise, pwf_precision precision)
{
    const bool rounded = precision == PWF_BF16;
    pwf_pool *pool = engine->workers.pool;
    float *weights = engine->workers.weights, *own = weights + engine->state->own.lo;
    pwf_span span = pwf_trace_begin("sample");
    if (noise)
        pwf_posterior_sample(engine->state, pool, *noise, rounded, own);
    else
        pwf_posterior_means(engine->state, pool, rounded, own);
    pwf_trace_end(span);
    span = pwf_trace_begin("gather");
    pwf_exchange_gather_begin(engine->exchange, pool, weights, rounded);
    pwf_trace_end(span);
}

void pwf_engine_end_draw(pwf_engine *engine)
{
    const pwf_span span = pwf_trace_begin("gather");
    pwf_exchange_gather_end(engine->exchange, engine->workers.pool);
    pwf_trace_end(span);
}

void pwf_engine_draw(pwf_engine *engine, const pwf_stream *noise, pwf_precision precision)
{
    pwf_engine_begin_draw(engine, noise, precision);
    pwf_engine_end_draw(engine);
}
