/* SPDX-License-Identifier: BSD-3-Clause */
#include "pwf/train/train.h"
#include "trainer.h"

#include "pwf/core/clock.h"
#include "pwf/core/isa.h"
#include "pwf/core/mem.h"
#include "pwf/tensor/tensor.h"

#include <stdlib.h>

static pwf_status build_model(pwf_trainer *t)
{
    PWF_TRY(pwf_model_build(pwf_config_model(t->config), &t->registry, &t->graph));
    pwf_graph_shape(t->graph, &t->height, &t->width, &t->channels, &t->classes);
    return pwf_ok();
}

static pwf_status open_data(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    PWF_TRY(pwf_dataset_open(pwf_config_dataset(c), PWF_TRAIN, &t->train_data));
    PWF_TRY(pwf_dataset_open(pwf_config_dataset(c), PWF_TEST, &t->test_data));
    return pwf_order_new(pwf_dataset_count(t->train_data), c->train.batch, (uint32_t)c->train.seed,
                         &t->order);
}

/* Ranks on other hosts may find another file under the same name. */
static pwf_status compare_data(const pwf_trainer *t)
{
    const pwf_hash hashes[2] = {pwf_dataset_hash(t->train_data), pwf_dataset_hash(t->test_data)};
    pwf_status status = pwf_mesh_same(t->mesh, hashes, sizeof hashes, "set of images in data.path");
    if (status.code != PWF_OK) status.code = PWF_DATA;
    return status;
}

static pwf_status allocate(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    const int64_t own = pwf_range_length(t->state->own);
    const int64_t fuzzy = pwf_range_length(t->state->own_posterior);
    const int64_t total = t->state->total, slots = c->parallel.slots;
    const int64_t slot = c->train.batch / slots;
    const int64_t labels = slot > c->eval.batch ? slot : c->eval.batch;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_WEIGHTS, total, sizeof *t->weights, &t->weights));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, total, sizeof *t->sum, &t->sum));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, own, sizeof *t->dmu, &t->dmu));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_GRADIENTS, fuzzy, sizeof *t->dsigma, &t->dsigma));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, pwf_block_count(total), sizeof *t->norm, &t->norm));
    const int64_t hashes = PWF_STATE_ARRAYS_MAX * pwf_block_count(own);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, hashes, sizeof *t->rest, &t->rest));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, hashes, sizeof *t->found, &t->found));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, slots, sizeof *t->slot_loss, &t->slot_loss));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, slots * pwf_registry_buffer_count(t->registry),
                          sizeof *t->slot_statistics, &t->slot_statistics));
    for (int w = 0; w < pwf_pool_threads(t->pool); w++) {
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, labels, sizeof *t->workers[w].labels,
                              &t->workers[w].labels));
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, slot, sizeof *t->workers[w].partners,
                              &t->workers[w].partners));
    }
    return pwf_ok();
}

static pwf_status make_workers(pwf_trainer *t)
{
    const int threads = (int)t->config->parallel.threads;
    t->workers = calloc((size_t)threads, sizeof *t->workers);
    if (!t->workers) return PWF_FAIL(PWF_RESOURCE, "no memory for %d workers", threads);
    PWF_TRY(pwf_pool_new(threads, pwf_tensor_thread_start, &t->pool));
    pwf_pool_pulse(t->pool, pwf_exchange_move, t->exchange);
    return pwf_ok();
}

pwf_status pwf_train_check_workers(const pwf_config *config, int64_t ranks)
{
    const int64_t threads = config->parallel.threads, slots = config->parallel.slots;
    if (ranks * threads > slots)
        return PWF_FAIL(PWF_LAUNCH,
                        "%lld ranks of %lld threads are more workers than the %lld slots of a "
                        "batch: start fewer ranks, or begin a new run with a larger "
                        "parallel.slots",
                        (long long)ranks, (long long)threads, (long long)slots);
    return pwf_ok();
}

void pwf_train_settle_precision(const pwf_mesh *mesh, pwf_config *config)
{
    const int64_t backend = config->parallel.backend;
    const bool uses = backend == PWF_TENSOR_AUTO || backend == PWF_TENSOR_ONEDNN;
    int64_t lacking = !pwf_isa_bf16();
    if (config->parallel.precision != PWF_PRECISION_AUTO) return;
    pwf_mesh_max_i64(mesh, PWF_WORLD, &lacking, 1);
    config->parallel.precision = uses && !lacking ? PWF_BF16 : PWF_FP32;
}

static pwf_status set_up(pwf_trainer *t)
{
    const pwf_config *c = t->config;
    PWF_TRY(pwf_train_check_workers(c, pwf_mesh_size(t->mesh, PWF_WORLD)));
    pwf_status status = build_model(t);
    if (status.code == PWF_OK) status = open_data(t);
    PWF_TRY(pwf_mesh_agree(t->mesh, status));
    PWF_TRY(compare_data(t));
    PWF_TRY(pwf_exchange_new(
        t->mesh, pwf_registry_total_count(t->registry),
        t->training == PWF_BF16 ? pwf_registry_posterior_count(t->registry) : 0, &t->exchange));
    status = pwf_state_new(t->registry, pwf_exchange_own(t->exchange), (uint32_t)c->train.seed,
                           c->fixing.min_power, &t->state);
    if (status.code == PWF_OK)
        status = pwf_state_add_moments(t->state, pwf_optimiser_get(c->optim.name));
    if (status.code == PWF_OK) status = make_workers(t);
    if (status.code == PWF_OK) status = allocate(t);
    if (status.code == PWF_OK) status = pwf_slots_loader(t);
    return pwf_mesh_agree(t->mesh, status);
}

/* As compare_data, for an evaluation. */
static pwf_status compare_test_data(const pwf_trainer *t)
{
    if (!t->test_data) return pwf_ok();
    const pwf_hash hash = pwf_dataset_hash(t->test_data);
    pwf_status status = pwf_mesh_same(t->mesh, &hash, sizeof hash, "set of images in data.path");
    if (status.code != PWF_OK) status.code = PWF_DATA;
    return status;
}

/* Workers, and what the measures need of memory. */
static pwf_status set_up_network(pwf_trainer *t, bool test_data)
{
    const pwf_config *c = t->config;
    if (pwf_mesh_size(t->mesh, PWF_WORLD) > PWF_SLOTS_MAX)
        return PWF_FAIL(PWF_LAUNCH, "%d ranks are more than %d: start fewer",
                        pwf_mesh_size(t->mesh, PWF_WORLD), PWF_SLOTS_MAX);
    pwf_status status = build_model(t);
    if (status.code == PWF_OK && test_data)
        status = pwf_dataset_open(pwf_config_dataset(c), PWF_TEST, &t->test_data);
    PWF_TRY(pwf_mesh_agree(t->mesh, status));
    PWF_TRY(compare_test_data(t));
    PWF_TRY(pwf_exchange_new(t->mesh, pwf_registry_total_count(t->registry), 0, &t->exchange));
    status = pwf_state_new(t->registry, pwf_exchange_own(t->exchange), (uint32_t)c->train.seed,
                           c->fixing.min_power, &t->state);
    if (status.code == PWF_OK) status = make_workers(t);
    if (status.code == PWF_OK)
        status = pwf_mem_alloc(PWF_MEM_WEIGHTS, t->state->total, sizeof *t->weights, &t->weights);
    for (int w = 0; status.code == PWF_OK && w < pwf_pool_threads(t->pool); w++)
        status = pwf_mem_alloc(PWF_MEM_BUFFERS, c->eval.batch, sizeof *t->workers[w].labels,
                               &t->workers[w].labels);
    return pwf_mesh_agree(t->mesh, status);
}

/* An empty one. */
static pwf_status begin(const pwf_mesh *mesh, const pwf_config *config, pwf_trainer **out)
{
    pwf_trainer *t = calloc(1, sizeof *t);
    const pwf_status status =
        pwf_mesh_agree(mesh, t ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for a run"));
    *out = NULL;
    if (status.code != PWF_OK) {
        free(t);
        return status;
    }
    t->mesh = mesh;
    t->config = config;
    t->started = pwf_clock_seconds();
    *out = t;
    return status;
}

/* Hands over what has been set up, or nothing. */
static pwf_status end(pwf_status status, pwf_trainer *t, pwf_trainer **out)
{
    *out = status.code == PWF_OK ? t : NULL;
    if (status.code != PWF_OK) pwf_trainer_free(t);
    return status;
}

pwf_status pwf_trainer_new(const pwf_mesh *mesh, const pwf_config *config, pwf_trainer **out)
{
    pwf_trainer *t = NULL;
    *out = NULL;
    PWF_ASSERT(config->parallel.precision != PWF_PRECISION_AUTO);
    PWF_TRY(begin(mesh, config, &t));
    t->position.phase = config->train.baseline_epochs > 0.0 ? PWF_PHASE_BASELINE : PWF_PHASE_START;
    t->training = config->parallel.precision;
    t->measuring = PWF_FP32; /* of record */
    return end(set_up(t), t, out);
}

pwf_status pwf_trainer_new_network(const pwf_mesh *mesh, const pwf_config *config, bool test_data,
                                   pwf_trainer **out)
{
    pwf_trainer *t = NULL;
    *out = NULL;
    PWF_ASSERT(config->parallel.precision != PWF_PRECISION_AUTO);
    PWF_TRY(begin(mesh, config, &t));
    t->measuring = config->parallel.precision;
    return end(set_up_network(t, test_data), t, out);
}

void pwf_trainer_free(pwf_trainer *t)
{
    if (!t) return;
    pwf_background_free(t->background);
    for (int w = 0; t->workers && w < (int)t->config->parallel.threads; w++) {
        pwf_executor_free(t->workers[w].train);
        pwf_executor_free(t->workers[w].predict);
        pwf_mem_free(t->workers[w].gradient);
        pwf_mem_free(t->workers[w].labels);
        pwf_mem_free(t->workers[w].partners);
    }
    free(t->workers);
    pwf_pool_free(t->pool);
    pwf_mem_free(t->weights);
    pwf_mem_free(t->packed);
    pwf_mem_free(t->sum);
    pwf_mem_free(t->dmu);
    pwf_mem_free(t->dsigma);
    pwf_mem_free(t->norm);
    pwf_mem_free(t->rest);
    pwf_mem_free(t->found);
    pwf_mem_free(t->slot_loss);
    pwf_mem_free(t->slot_statistics);
    pwf_state_free(t->state);
    pwf_exchange_free(t->exchange);
    pwf_loader_free(t->loader);
    pwf_order_free(t->order);
    pwf_dataset_free(t->train_data);
    pwf_dataset_free(t->test_data);
    pwf_graph_free(t->graph);
    pwf_registry_free(t->registry);
    free(t);
}

double pwf_trainer_seconds(const pwf_trainer *t)
{
    return t->seconds + pwf_clock_seconds() - t->started;
}

/* What a run that is taken up is held against: data.path may change, the images may not. */
static pwf_hash hash_of_data(const pwf_trainer *t)
{
    const pwf_hash parts[2] = {pwf_dataset_hash(t->train_data), pwf_dataset_hash(t->test_data)};
    return pwf_hash_bytes(parts, sizeof parts);
}

pwf_snapshot pwf_trainer_snapshot(pwf_trainer *t)
{
    pwf_snapshot s = {
        .state = t->state,
        .facts = {.position = t->position,
                  .losses = t->losses,
                  .seed = t->config->train.seed,
                  .slots = t->config->parallel.slots,
                  .data = hash_of_data(t),
                  .seconds = pwf_trainer_seconds(t)},
        .writer = t->config->checkpoint.writer,
    };
    snprintf(s.facts.model, sizeof s.facts.model, "%s", t->config->model.name);
    return s;
}

void pwf_trainer_progress(pwf_trainer *t, const char *phase, int64_t done, int64_t total,
                          bool log_now)
{
    if (!t->report) return;
    const pwf_report_progress p = {
        .phase = phase,
        .phase_done = done,
        .phase_total = total,
        .units_done = t->units_done,
        .units_total = t->units_total,
        .images_per_second =
            t->step_seconds > 0.0 ? (double)t->config->train.batch / t->step_seconds : 0.0,
        .loss = t->loss,
        .log_now = log_now,
    };
    pwf_report_show(t->report, &p);
}
