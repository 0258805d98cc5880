/* SPDX-License-Identifier: BSD-3-Clause */
/* A finished network from a file of any form: checkpoint, model, .pwf or weights of other programs;
 * and start values (model.init) from a checkpoint or model. Called by eval, predict, the commands
 * that need the settings of a file, and the trainer before the first phase. Rank 0 reads the file
 * and shares it by MPI. */
#include "pwf/ckpt/network.h"

#include "pwf/core/mem.h"
#include "pwf/formats/import.h"
#include "pwf/formats/unpacked.h"

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

/* ---- the order of the registry ---- */

/* Where the values of a file go. */
typedef struct arranged {
    float *mu, *buffers; /* [total], [buffers] */
    float *sigma;        /* [posterior] or NULL; 0 where the file has none */
    int16_t *code;       /* the same; PWF_FREE */
} arranged;

/* The parts of a file. */
typedef struct source {
    const char *path, *model;
    const pwf_loaded_part *part;
    int count;
} source;

/* Finds a part by name; its kind and shape must match. */
static pwf_status find(const source *from, const char *name, bool buffer, int dims,
                       const int64_t *shape, const pwf_loaded_part **out)
{
    const pwf_loaded_part *part = NULL;
    for (int i = 0; i < from->count && !part; i++)
        if (from->part[i].buffer == buffer && strcmp(from->part[i].name, name) == 0)
            part = &from->part[i];
    PWF_FAIL_IF(!part, PWF_DATA,
                "%s (model %s) has no %s: the settings (model.*) describe another "
                "model",
                from->path, from->model, name);
    PWF_FAIL_IF(part->dims != dims || memcmp(part->shape, shape, (size_t)dims * sizeof *shape) != 0,
                PWF_DATA,
                "%s: the shape of %s differs from that in the model of the settings: pass the "
                "model.* settings of the file, or import it again with this model, number of "
                "classes and image size",
                from->path, name);
    *out = part;
    return pwf_ok();
}

/* Copies one parameter: mean, sigma and codes where both sides have them. */
static pwf_status take(const source *from, const pwf_param *p, const arranged *to)
{
    const pwf_loaded_part *part = NULL;
    const size_t count = (size_t)p->count;
    PWF_TRY(find(from, p->name, false, p->dims, p->shape, &part));
    memcpy(to->mu + p->offset, part->values, count * sizeof *to->mu);
    if (!p->posterior) return pwf_ok();
    if (to->sigma && part->sigma)
        memcpy(to->sigma + p->offset, part->sigma, count * sizeof *to->sigma);
    for (int64_t i = 0; to->code && i < p->count; i++)
        to->code[p->offset + i] = part->code ? part->code[i] : PWF_FREE;
    return pwf_ok();
}

/* The registry decides the order; the number of parts shows whether the file has others. */
static pwf_status arrange(const char *path, const char *model, const pwf_loaded_part *part,
                          int count, const pwf_registry *registry, const arranged *to)
{
    const source from = {path, model, part, count};
    const int params = pwf_registry_params(registry), buffers = pwf_registry_buffers(registry);
    for (int i = 0; i < params; i++)
        PWF_TRY(take(&from, pwf_registry_param(registry, i), to));
    for (int i = 0; i < buffers; i++) {
        const pwf_buffer *b = pwf_registry_buffer(registry, i);
        const pwf_loaded_part *found = NULL;
        PWF_TRY(find(&from, b->name, true, 1, &b->count, &found));
        memcpy(to->buffers + b->offset, found->values, (size_t)b->count * sizeof(float));
    }
    if (count == params + buffers) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s (model %s) has %d parameters and buffers, the model of the settings has "
                    "%d: it is a checkpoint of another model",
                    path, model, count, params + buffers);
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
                                  const arranged *to, pwf_network *out)
{
    pwf_loaded from;
    PWF_TRY(pwf_ckpt_load(path, &from));
    *out = (pwf_network){from.info.facts, true, has_sigma(&from), from.info.root};
    out->facts.config = NULL;
    const pwf_status s = arrange(path, from.info.facts.model, from.part, from.count, registry, to);
    pwf_ckpt_unload(&from);
    return s;
}

/* Means and codes. */
static pwf_status read_packed(const char *path, const pwf_registry *registry, const arranged *to,
                              pwf_network *out)
{
    pwf_unpacked from;
    PWF_TRY(pwf_unpack(path, &from));
    *out = (pwf_network){.has_codes = true};
    const pwf_status s =
        arrange(path, "not named", from.part, (int)from.packed.tensors, registry, to);
    pwf_unpack_free(&from);
    return s;
}

/* Matches the tensors with the registry; problems become one message. */
static pwf_status import(const char *path, pwf_weights_file *file, const pwf_foreign_names *names,
                         pwf_state *whole)
{
    pwf_import import = {.names = names};
    const pwf_status s = pwf_import_weights(file, whole, &import);
    PWF_FAIL_IF(s.code == PWF_DATA && import.problems > 0, PWF_DATA,
                "%s: %s; pwf import with the same model lists each of them, with "
                "suggestions",
                path, s.text);
    return s;
}

/* Matching names needs a state of the whole network. */
static pwf_status read_weights(const char *path, const pwf_registry *registry,
                               const pwf_foreign_names *names, const arranged *to, pwf_network *out)
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
                             const pwf_foreign_names *names, const arranged *to, pwf_network *out)
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

/* Broadcasts an array of rank 0, [count] elements of `size` bytes; each rank keeps its own range.
 */
static void share(const pwf_mesh *mesh, void *all, int64_t count, size_t size, pwf_range own,
                  void *kept)
{
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, all, (size_t)count * size);
    if (own.hi > own.lo)
        memcpy(kept, (const char *)all + own.lo * (int64_t)size,
               (size_t)pwf_range_length(own) * size);
}

/* Broadcasts what rank 0 has read. */
static void share_all(const pwf_mesh *mesh, const arranged *all, pwf_network *network, pwf_state *s)
{
    const int64_t buffers = pwf_registry_buffer_count(s->registry);
    /* plain memory, with config NULL */
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, network, sizeof *network);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, s->buffers, (size_t)buffers * sizeof *s->buffers);
    share(mesh, all->mu, s->total, sizeof *s->mu, s->own, s->mu);
    if (network->has_sigma)
        share(mesh, all->sigma, s->posterior, sizeof *s->sigma, s->own_posterior, s->sigma);
    if (network->has_codes)
        share(mesh, all->code, s->posterior, sizeof *s->code, s->own_posterior, s->code);
}

/* With `means` reads only the means and buffers of a checkpoint or model, otherwise all that a file
 * of any form has. Collective. */
static pwf_status read_all(const pwf_mesh *mesh, const char *path, const pwf_foreign_names *names,
                           bool means, pwf_state *state, pwf_network *out)
{
    arranged all = {.buffers = state->buffers};
    *out = (pwf_network){.has_codes = false};
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->total, sizeof *all.mu, &all.mu);
    if (s.code == PWF_OK && !means)
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->posterior, sizeof *all.sigma, &all.sigma);
    if (s.code == PWF_OK && !means)
        s = pwf_mem_alloc(PWF_MEM_BUFFERS, state->posterior, sizeof *all.code, &all.code);
    if (s.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0)
        s = means ? read_checkpoint(path, state->registry, &all, out)
                  : read_first(path, state->registry, names, &all, out);
    out->has_codes = out->has_codes && !means;
    out->has_sigma = out->has_sigma && !means;
    s = pwf_mesh_agree(mesh, s);
    if (s.code == PWF_OK) share_all(mesh, &all, out, state);
    pwf_mem_free(all.mu);
    pwf_mem_free(all.sigma);
    pwf_mem_free(all.code);
    return s;
}

pwf_status pwf_network_read(const pwf_mesh *mesh, const char *path, const pwf_foreign_names *names,
                            pwf_state *state, pwf_network *out)
{
    return read_all(mesh, path, names, false, state, out);
}

pwf_status pwf_ckpt_read_start(const pwf_mesh *mesh, const char *path, pwf_state *state,
                               pwf_hash *hash)
{
    pwf_network file;
    PWF_TRY(read_all(mesh, path, NULL, true, state, &file));
    *hash = file.root;
    return pwf_ok();
}
