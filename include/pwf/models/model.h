/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_MODELS_MODEL_H
#define PWF_MODELS_MODEL_H

#include "pwf/models/config.h"
#include "pwf/nn/graph.h"
#include "pwf/registry/registry.h"

/** Builds the network that model.name names: fills a registry in timm's names and order, closes it
 * with fixing.exclude, and builds the graph for parallel.backend.
 * Local. The caller owns both; the registry must outlive the graph. Fails with PWF_CONFIG (unknown
 * model, with a suggestion; dimensions that do not fit) or PWF_RESOURCE; both are then NULL. */
pwf_status pwf_model_build(pwf_model_request request, pwf_registry **registry, pwf_graph **graph);

#endif
