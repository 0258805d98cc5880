/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_INFER_ENGINE_H
#define PWF_INFER_ENGINE_H

#include "pwf/core/rng.h"
#include "pwf/infer/feed.h"
#include "pwf/infer/workers.h"
#include "pwf/posterior/posterior.h"
#include "pwf/registry/registry.h"
#include "pwf/shard/shard.h"

/** A network that can be run on a mesh: graph, state, workers and images. Evaluation and prediction
 * need no more; training adds gradients and everything else a run needs. */

/** What an engine is used for; decides which images it opens. */
typedef enum pwf_purpose {
    PWF_TO_PREDICT,  /* no images of the configuration */
    PWF_TO_EVALUATE, /* test images */
    PWF_TO_TRAIN     /* training and test images */
} pwf_purpose;

typedef struct pwf_engine {
    const pwf_mesh *mesh;
    const pwf_config *config;
    pwf_registry *registry;
    pwf_graph *graph;
    int64_t height, width, channels; /* of an input image */
    int64_t classes;                 /* logits per image */
    pwf_state *state;                /* this rank's shard and the replicated rest */
    pwf_exchange *exchange;
    pwf_workers workers;
    pwf_feed feed;
} pwf_engine;

/** Builds the network of the configuration with start values, opens the images and starts the
 * workers. In training with parallel.precision bf16 the exchange moves sampled weights as bf16.
 * Collective over the mesh; mesh and configuration must outlive the engine, and the precision must
 * not be `auto`. The caller owns it. Fails with PWF_LAUNCH (more than PWF_SLOTS_MAX ranks),
 * PWF_DATA (ranks see different images), PWF_RESOURCE, or as building the model and opening the
 * images do, the same everywhere. */
pwf_status pwf_engine_new(const pwf_mesh *mesh, const pwf_config *config, pwf_purpose purpose,
                          pwf_engine **out);

/** Frees an engine; NULL is allowed.
 * Local. */
void pwf_engine_free(pwf_engine *engine);

/** Fills workers.weights with a draw from the posterior, or with the means if `noise` is NULL. In
 * bf16, weights that have a posterior are rounded (draws stochastically, so that their expectation
 * is unchanged) and travel as two bytes. Between begin and end the caller must not access the
 * weights.
 * Collective over the shards. Exact: the same bits for any mesh. */
void pwf_engine_begin_draw(pwf_engine *engine, const pwf_stream *noise, pwf_precision precision);
void pwf_engine_end_draw(pwf_engine *engine);
void pwf_engine_draw(pwf_engine *engine, const pwf_stream *noise, pwf_precision precision);

#endif
