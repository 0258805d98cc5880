/* SPDX-License-Identifier: BSD-3-Clause */
/* A finished network from a file of any form: checkpoint, model, .pwf or weights of other programs.
 * Called by eval, predict and the commands that need the settings of a file. Rank 0 reads the file
 * and shares it by MPI. */
#include "pwf/ckpt/network.h"

#include "pwf/core/mem.h"
#include "pwf/formats/import.h"
#include "pwf/formats/unpacked.h"
#include "read.h"
#include "registry_order.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pwf_form pwf_network_form(const char *path)
{
    unsigned char first[PWF_WEIGHTS_FIRST];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t bytes = fd >= 0 ? pread(fd, first, sizeof first, 0) : -1;
    if (fd >= 0) close(fd);
    /* too short for any format */
    if (bytes < 9) return PWF_FORM_CHECKPOINT;
    if (memcmp(first, "pwfpack\n", 8) == 0) return PWF_FORM_PACKED;
    return pwf_weights_recognise(first, (size_t)bytes) ? PWF_FORM_WEIGHTS : PWF_FORM_CHECKPOINT;
}

/* ---- settings ---- */

/* The configuration stored in a checkpoint or model. */
static pwf_status checkpoint_settings(const char *path, char **text)
{
    pwf_loaded from;
    PWF_TRY(pwf_ckpt_load(path, &from));
    /* takes the text over */
    *text = from.config;
    from.config = NULL;
    pwf_ckpt_unload(&from);
    return pwf_ok();
}

/* A .pwf file holds only the name of its model. */
static pwf_status packed_model(const pwf_unpacked *u, char **text)
{
    pwf_json *about = NULL;
    const char *model = "";
    PWF_TRY(pwf_json_parse(u->packed.metadata, strlen(u->packed.metadata), &about));
    pwf_status s = pwf_ok();
    /* only a plain word: anything else could be YAML syntax */
    if (pwf_json_get_text(about, "model", &model) && *model &&
        strspn(model, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(model)) {
        const size_t room = strlen(model) + 32;
        *text = malloc(room);
        if (*text)
            snprintf(*text, room, "model:\n  name: %s\n", model);
        else
            s = PWF_FAIL(PWF_RESOURCE, "no memory for settings");
    }
    pwf_json_free(about);
    return s;
}

/* Settings of a .pwf file. */
static pwf_status packed_settings(const char *path, char **text)
{
    pwf_unpacked u;
    PWF_TRY(pwf_unpack(path, &u));
    const pwf_status s = packed_model(&u, text);
    pwf_unpack_free(&u);
    return s;
}

/* Copies the metadata `config`, which pwf export writes. */
static pwf_status find_config(void *context, const char *key, const pwf_json *value)
{
    char **text = context;
    const char *found = "";
    if (strcmp(key, "config") != 0 || !pwf_json_text_of(value, &found)) return pwf_ok();
    *text = strdup(found);
    return *text ? pwf_ok() : PWF_FAIL(PWF_RESOURCE, "no memory for settings");
}

/* Settings in the metadata of a safetensors file. */
static pwf_status weights_settings(const char *path, char **text)
{
    pwf_weights_file *file = NULL;
    PWF_TRY(pwf_weights_open(path, &file));
    const pwf_status s = pwf_weights_metadata(file, find_config, text);
    pwf_weights_close(file);
    return s;
}

pwf_status pwf_network_settings(const char *path, char **text)
{
    *text = NULL;
    switch (pwf_network_form(path)) {
    case PWF_FORM_PACKED:
        return packed_settings(path, text);
    case PWF_FORM_WEIGHTS:
        return weights_settings(path, text);
    default:
        return checkpoint_settings(path, text);
    }
}

/* ---- values ---- */

/* Before the first phase of Bayesian training all sigma are 0. */
static bool has_sigma(const pwf_loaded *from)
{
    for (int64_t i = 0; from->sigma && i < from->info.posterior; i++)
        if (from->sigma[i] > 0) return true;
    return false;
}

/* Means, codes and sigma. */
static pwf_status read_checkpoint(const char *path, const pwf_registry *registry,
                                  const pwf_arranged *to, pwf_network *out)
{
    pwf_loaded from;
    PWF_TRY(pwf_ckpt_load(path, &from));
    *out = (pwf_network){from.info.facts, true, has_sigma(&from)};
    out->facts.config = NULL;
    const pwf_status s =
        pwf_arrange(path, from.info.facts.model, from.part, from.count, registry, to);
    pwf_ckpt_unload(&from);
    return s;
}

/* Means and codes. */
static pwf_status read_packed(const char *path, const pwf_registry *registry,
                              const pwf_arranged *to, pwf_network *out)
{
    pwf_unpacked from;
    PWF_TRY(pwf_unpack(path, &from));
    *out = (pwf_network){.has_codes = true};
    const pwf_status s =
        pwf_arrange(path, "packed in it", from.part, (int)from.packed.tensors, registry, to);
    pwf_unpack_free(&from);
    return s;
}

/* Matches the tensors with the registry; problems become one message. */
static pwf_status import(const char *path, pwf_weights_file *file, const pwf_foreign_names *names,
                         pwf_state *whole)
{
    pwf_import import = {.names = names};
    const pwf_status s = pwf_import_weights(file, whole, &import);
    if (s.code == PWF_DATA && import.problems > 0)
        return PWF_FAIL(PWF_DATA,
                        "%s: %s; pwf import with the same model lists each, with what it may have "
                        "meant",
                        path, s.text);
    return s;
}

/* Matching names needs a state of the whole network. */
static pwf_status read_weights(const char *path, const pwf_registry *registry,
                               const pwf_foreign_names *names, const pwf_arranged *to,
                               pwf_network *out)
{
    pwf_weights_file *file = NULL;
    pwf_state *whole = NULL;
    *out = (pwf_network){.has_codes = false};
    PWF_TRY(pwf_weights_open(path, &file));
    pwf_status s =
        pwf_state_new(registry, (pwf_range){0, pwf_registry_total_count(registry)}, 0, 0, &whole);
    if (s.code == PWF_OK) s = import(path, file, names, whole);
    if (s.code == PWF_OK) {
        memcpy(to->mu, whole->mu, (size_t)whole->total * sizeof *to->mu);
        memcpy(to->buffers, whole->buffers,
               (size_t)pwf_registry_buffer_count(registry) * sizeof *to->buffers);
    }
    pwf_state_free(whole);
    pwf_weights_close(file);
    return s;
}

/* Rank 0: reads a file of any form. */
static pwf_status read_first(const char *path, const pwf_registry *registry,
                             const pwf_foreign_names *names, const pwf_arranged *to,
                             pwf_network *out)
{
    switch (pwf_network_form(path)) {
    case PWF_FORM_PACKED:
        return read_packed(path, registry, to, out);
    case PWF_FORM_WEIGHTS:
        return read_weights(path, registry, names, to, out);
    default:
        return read_checkpoint(path, registry, to, out);
    }
}

/* Broadcasts the values of rank 0; each rank keeps its own part. */
static void share(const pwf_mesh *mesh, const pwf_arranged *from, const pwf_network *network,
                  pwf_state *state)
{
    const size_t own = (size_t)pwf_range_length(state->own);
    const size_t posterior_count = (size_t)pwf_range_length(state->own_posterior);
    const int64_t lo = state->own_posterior.lo;
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, from->mu, (size_t)state->total * sizeof *from->mu);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, state->buffers,
                       (size_t)pwf_registry_buffer_count(state->registry) * sizeof(float));
    if (own > 0) memcpy(state->mu, from->mu + state->own.lo, own * sizeof *from->mu);
    if (network->has_sigma) {
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, from->sigma,
                           (size_t)state->posterior * sizeof *from->sigma);
        if (posterior_count > 0)
            memcpy(state->sigma, from->sigma + lo, posterior_count * sizeof *from->sigma);
    }
    if (network->has_codes) {
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, from->code,
                           (size_t)state->posterior * sizeof *from->code);
        if (posterior_count > 0)
            memcpy(state->code, from->code + lo, posterior_count * sizeof *from->code);
    }
}

pwf_status pwf_network_read(const pwf_mesh *mesh, const char *path, const pwf_foreign_names *names,
                            pwf_state *state, pwf_network *out)
{
    pwf_arranged all = {.buffers = state->buffers};
    *out = (pwf_network){.has_codes = false};
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->total, sizeof *all.mu, &all.mu);
    if (s.code == PWF_OK)
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->posterior, sizeof *all.sigma, &all.sigma);
    if (s.code == PWF_OK)
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->posterior, sizeof *all.code, &all.code);
    if (s.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0)
        s = read_first(path, state->registry, names, &all, out);
    s = pwf_mesh_agree(mesh, s);
    if (s.code == PWF_OK) {
        /* plain memory, with config NULL */
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, out, sizeof *out);
        share(mesh, &all, out, state);
    }
    pwf_mem_free(all.mu);
    pwf_mem_free(all.sigma);
    pwf_mem_free(all.code);
    return s;
}
