/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a checkpoint or model file for the commands: what it holds, or all of it. Called by one
 * process (pwf inspect, verify, export) or on rank 0 (other commands, the trainer). Reads the file;
 * libhdf5 may be contained in a child process. */
#include "fields.h"
#include "hashes.h"
#include "layout.h"

#include "pwf/core/mem.h"
#include "pwf/h5/contain.h"
#include "pwf/posterior/posterior.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- inspect ---- */

/* Index of an array of the file, or -1. */
static int find_array(const pwf_file *file, const char *name)
{
    for (int i = 0; i < (int)file->header.arrays; i++)
        if (strcmp(file->header.array[i].name, name) == 0) return i;
    return -1;
}

/* The arrays that the commands read must have the types that their names imply; those of a crafted
 * file may not. */
static pwf_status check_arrays(const pwf_file *file)
{
    const int mu = find_array(file, "mu"), code = find_array(file, "code");
    const int sigma = find_array(file, "sigma");
    const pwf_file_array *array = file->header.array;
    PWF_FAIL_IF(mu < 0 || array[mu].size != sizeof(float) || array[mu].posterior || code < 0 ||
                    array[code].size != sizeof(int16_t) || !array[code].posterior ||
                    (sigma >= 0 && (array[sigma].size != sizeof(float) || !array[sigma].posterior)),
                PWF_DATA, "%s has no arrays mu and code of the expected types", file->path);
    return pwf_ok();
}

/* Unique values, entropy and fixed parameters; needs 4 bytes per posterior parameter. */
static pwf_status measure(const pwf_file *file, pwf_loaded_info *info)
{
    const int64_t n = file->header.posterior;
    const int mu = find_array(file, "mu"), code = find_array(file, "code");
    float *values = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, n, sizeof *values, &values));
    pwf_status s = pwf_file_read(file, mu, 0, n, values);
    pwf_measures measures = {0};
    if (s.code == PWF_OK) s = pwf_posterior_measures(values, n, &measures);
    info->unique = measures.unique;
    info->entropy = measures.entropy;
    info->entropy_nonzero = measures.entropy_nonzero;
    /* the memory is used again: codes are smaller */
    int16_t *codes = (int16_t *)values;
    if (s.code == PWF_OK) s = pwf_file_read(file, code, 0, n, codes);
    for (int64_t i = 0; s.code == PWF_OK && i < n; i++)
        info->fixed += codes[i] != PWF_FREE;
    pwf_mem_free(values);
    return s;
}

/* The stored hashes of all blocks, in order. */
static pwf_status all_hashes(const pwf_file *file, pwf_hash **out, int64_t *count)
{
    const pwf_header *h = &file->header;
    *count = 0;
    for (int64_t i = 0; i < h->arrays; i++)
        *count += h->array[i].blocks;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, *count, sizeof **out, out));
    int64_t at = 0;
    for (int i = 0; i < (int)h->arrays; i++) {
        PWF_TRY(pwf_file_hashes(file, i, 0, h->array[i].blocks, *out + at));
        at += h->array[i].blocks;
    }
    return pwf_ok();
}

/* The fingerprint from stored hashes and the replicated rest. */
static pwf_status fingerprint(const pwf_file *file, hid_t h5, const pwf_codebook *book,
                              const pwf_facts *facts, pwf_hash *out)
{
    float *buffers = NULL;
    pwf_hash *hash = NULL;
    int64_t buffer_count = 0, count = 0;
    pwf_status s = pwf_read_buffers(h5, file, &buffers, &buffer_count);
    if (s.code == PWF_OK) s = all_hashes(file, &hash, &count);
    const pwf_replicated rest = {.posterior = file->header.posterior,
                                 .total = file->header.total,
                                 .buffer_count = buffer_count,
                                 .buffers = buffers,
                                 .codebook = book,
                                 .facts = facts};
    if (s.code == PWF_OK) *out = pwf_hashes_fingerprint(hash, count, &rest);
    pwf_mem_free(hash);
    pwf_mem_free(buffers);
    return s;
}

/* *book gets the codebook, also after a failure; the caller frees its entries. */
static pwf_status inspect_open(const pwf_file *file, hid_t h5, pwf_loaded_info *info,
                               pwf_codebook *book)
{
    const pwf_header *h = &file->header;
    *book = (pwf_codebook){.entry = NULL};
    PWF_TRY(check_arrays(file));
    PWF_TRY(pwf_fields_read(h5, file, &info->facts));
    PWF_TRY(pwf_read_codebook(h5, book));
    PWF_TRY(fingerprint(file, h5, book, &info->facts, &info->fingerprint));
    info->is_model = h->kind == PWF_KIND_MODEL;
    info->posterior = h->posterior;
    info->total = h->total;
    info->bytes = (int64_t)h->bytes;
    info->codebook = book->count;
    info->root = h->root;
    return pwf_ok();
}

/* Makes every libhdf5 call that inspecting or loading the file makes, as a trial in a child
 * process. */
static pwf_status touch(const pwf_file *file, hid_t h5)
{
    const pwf_header *h = &file->header;
    pwf_loaded_info info;
    pwf_codebook book;
    char *config = NULL, path[PWF_NAME + 16];
    int dims = 0;
    int64_t shape[PWF_DIMS];
    const pwf_status s = inspect_open(file, h5, &info, &book);
    pwf_mem_free(book.entry);
    PWF_TRY(s);
    PWF_TRY(pwf_h5_read_text(h5, "/run/config", &config));
    free(config);
    for (int64_t i = 0; i < h->params; i++) {
        snprintf(path, sizeof path, "/mu/%s", file->name[i]);
        PWF_TRY(pwf_h5_shape(h5, path, &dims, shape));
    }
    return pwf_ok();
}

/* The trial, in the child process. */
static void touch_file(void *context)
{
    hid_t h5 = -1;
    const pwf_file *file = context;
    if (pwf_layout_open(file, NULL, &h5).code == PWF_OK) {
        touch(file, h5);
        H5Fclose(h5);
    }
    H5close(); /* some damage shows only when libhdf5 closes */
}

/* Opens a file that has verified. */
static pwf_status open_contained(pwf_file *file, hid_t *h5)
{
    PWF_TRY(pwf_h5_in_child(file->path, touch_file, file));
    return pwf_layout_open(file, NULL, h5);
}

pwf_status pwf_ckpt_inspect(const char *path, bool measured, pwf_loaded_info *info)
{
    *info = (pwf_loaded_info){.is_model = false};
    pwf_codebook book = {.entry = NULL};
    pwf_file file;
    hid_t h5 = -1;
    PWF_TRY(pwf_file_open(path, &file));
    pwf_status s = pwf_read_check_arrays(&file);
    if (s.code == PWF_OK) s = open_contained(&file, &h5);
    if (s.code == PWF_OK) s = inspect_open(&file, h5, info, &book);
    if (s.code == PWF_OK && measured) s = measure(&file, info);
    pwf_mem_free(book.entry);
    if (h5 >= 0) H5Fclose(h5);
    pwf_file_close(&file);
    return s;
}

/* ---- the whole file ---- */

/* Means, codes and, in a checkpoint, sigma. */
static pwf_status load_arrays(const pwf_file *file, pwf_loaded *out)
{
    const pwf_header *h = &file->header;
    const int mu = find_array(file, "mu"), code = find_array(file, "code");
    const int sigma = find_array(file, "sigma");
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->total, sizeof *out->mu, &out->mu));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->posterior, sizeof *out->code, &out->code));
    PWF_TRY(pwf_file_read(file, mu, 0, h->total, out->mu));
    PWF_TRY(pwf_file_read(file, code, 0, h->posterior, out->code));
    for (int64_t i = 0; i < h->posterior; i++)
        PWF_FAIL_IF(out->code[i] < PWF_FREE || out->code[i] >= out->info.codebook, PWF_DATA,
                    "%s has the code %d; its codebook has %d entries", file->path, out->code[i],
                    out->info.codebook);
    /* a final model has no sigma */
    if (sigma < 0) return pwf_ok();
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->posterior, sizeof *out->sigma, &out->sigma));
    return pwf_file_read(file, sigma, 0, h->posterior, out->sigma);
}

/* Parameters in the flat order, then buffers; shapes as HDF5 has them. */
static pwf_status load_parts(hid_t h5, const pwf_file *file, pwf_loaded *out)
{
    const pwf_header *h = &file->header;
    char path[PWF_NAME + 16];
    int64_t at = 0, buffer_at = 0; /* first element of the parameter, of the buffer */
    for (int64_t i = 0; i < h->params + h->buffers; i++) {
        pwf_loaded_part *part = &out->part[i];
        *part = (pwf_loaded_part){.name = out->names + (file->name[i] - file->text),
                                  .buffer = i >= h->params};
        snprintf(path, sizeof path, "/%s/%s", part->buffer ? "buffers" : "mu", part->name);
        PWF_TRY(pwf_h5_shape(h5, path, &part->dims, part->shape));
        part->count = 1;
        for (int d = 0; d < part->dims; d++)
            part->count *= part->shape[d];
        if (part->buffer) {
            part->values = out->buffer + buffer_at;
            buffer_at += part->count;
            continue;
        }
        part->values = out->mu + at;
        if (i < h->posterior_params) part->code = out->code + at;
        if (i < h->posterior_params && out->sigma) part->sigma = out->sigma + at;
        at += part->count;
    }
    PWF_ASSERT(at == h->total); /* the counts have been compared with the extents */
    return pwf_ok();
}

/* Reads everything of an open file. */
static pwf_status load(const pwf_file *file, hid_t h5, pwf_loaded *out)
{
    const pwf_header *h = &file->header;
    int64_t buffers = 0;
    PWF_TRY(inspect_open(file, h5, &out->info, &out->codebook));
    PWF_TRY(measure(file, &out->info));
    PWF_TRY(pwf_h5_read_text(h5, "/run/config", &out->config));
    out->count = (int)(h->params + h->buffers);
    out->buffers = (int)h->buffers;
    out->info.facts.config = out->config;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, h->names_bytes + 1, 1, &out->names));
    /* the parts point into this copy after the file is closed */
    memcpy(out->names, file->text, (size_t)h->names_bytes);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, out->count, sizeof *out->part, &out->part));
    PWF_TRY(load_arrays(file, out));
    PWF_TRY(pwf_read_buffers(h5, file, &out->buffer, &buffers));
    return load_parts(h5, file, out);
}

pwf_status pwf_ckpt_load(const char *path, pwf_loaded *out)
{
    pwf_file file;
    hid_t h5 = -1;
    *out = (pwf_loaded){.config = NULL};
    PWF_TRY(pwf_file_open(path, &file));
    pwf_status s = pwf_read_check_arrays(&file);
    if (s.code == PWF_OK) s = open_contained(&file, &h5);
    if (s.code == PWF_OK) s = load(&file, h5, out);
    if (h5 >= 0) H5Fclose(h5);
    pwf_file_close(&file);
    if (s.code != PWF_OK) pwf_ckpt_unload(out);
    return s;
}

/* Also after a failed load: unset pointers are NULL. */
void pwf_ckpt_unload(pwf_loaded *loaded)
{
    free(loaded->config);
    pwf_mem_free(loaded->part);
    pwf_mem_free(loaded->codebook.entry);
    pwf_mem_free(loaded->mu);
    pwf_mem_free(loaded->sigma);
    pwf_mem_free(loaded->buffer);
    pwf_mem_free(loaded->code);
    pwf_mem_free(loaded->names);
    *loaded = (pwf_loaded){.config = NULL};
}
