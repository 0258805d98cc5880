/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a checkpoint to resume from it, and the helpers that all readers share. Called on all
 * ranks by the trainer and, for the settings, by pwf_dist: rank 0 reads what is replicated, each
 * rank the blocks of its shard. Reads files; communicates by MPI. */
#include "layout.h"

#include "fields.h"
#include "pwf/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All blocks of all arrays, which reads the whole file. */
pwf_status pwf_read_check_arrays(const pwf_file *file)
{
    for (int i = 0; i < (int)file->header.arrays; i++)
        PWF_TRY(pwf_file_check(file, i, 0, file->header.array[i].blocks, NULL));
    return pwf_ok();
}

/* Does not use libhdf5, so it is safe for any file. */
pwf_status pwf_ckpt_verify(const char *path)
{
    pwf_file file;
    PWF_TRY(pwf_file_open(path, &file));
    const pwf_status s = pwf_read_check_arrays(&file);
    pwf_file_close(&file);
    return s;
}

/* ---- the small part, read by one rank ---- */

/* The number of entries is bounded before memory is allocated. */
pwf_status pwf_read_codebook(hid_t h5, pwf_codebook *out)
{
    int64_t count = 0;
    PWF_TRY(pwf_h5_read(h5, "/codebook", "min_power", H5T_NATIVE_INT64, 1, &out->min_power));
    PWF_TRY(pwf_h5_count(h5, "/codebook", &count));
    PWF_FAIL_IF(count > PWF_CODES_MAX, PWF_DATA,
                "the codebook has %lld entries, at most %d are allowed", (long long)count,
                PWF_CODES_MAX);
    out->count = (int)count;
    if (!out->entry)
        PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *out->entry, &out->entry));
    return pwf_h5_read(h5, "/codebook", NULL, H5T_NATIVE_INT32, count, out->entry);
}

/* The first pass counts, the second one reads. */
pwf_status pwf_read_buffers(hid_t h5, const pwf_file *file, float **out, int64_t *count)
{
    const pwf_header *h = &file->header;
    char path[PWF_NAME + 16];
    *count = 0;
    for (int64_t pass = 0; pass < 2; pass++) {
        if (pass == 1) PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, *count, sizeof **out, out));
        int64_t at = 0;
        for (int64_t i = 0; i < h->buffers; i++) {
            int64_t n = 0;
            snprintf(path, sizeof path, "/buffers/%s", file->name[h->params + i]);
            PWF_TRY(pwf_h5_count(h5, path, &n));
            PWF_FAIL_IF(n > (int64_t)(h->bytes / sizeof(float)) - at, PWF_DATA,
                        "the dataset %s is larger than the file", path);
            if (pass == 1) PWF_TRY(pwf_h5_read(h5, path, NULL, H5T_NATIVE_FLOAT, n, *out + at));
            at += n;
        }
        *count = at;
    }
    return pwf_ok();
}

/* ---- read ---- */

/* Reads all that is replicated, on rank 0, and compares it with the run. */
static pwf_status read_open(hid_t h5, const pwf_file *file, const pwf_snapshot *s, pwf_facts *facts)
{
    pwf_state *state = s->state;
    const int64_t min_power = state->codebook.min_power;
    float *buffers = NULL;
    int64_t count = 0;
    PWF_TRY(pwf_fields_read(h5, file, facts));
    PWF_TRY(pwf_fields_compare(file->path, facts, &s->facts));
    PWF_TRY(pwf_read_codebook(h5, &state->codebook));
    const int64_t stored = state->codebook.min_power;
    state->codebook.min_power = min_power;
    PWF_FAIL_IF(stored != min_power, PWF_DATA,
                "%s: fixing.min_power is %lld, this run has %lld: both must be "
                "equal to resume",
                file->path, (long long)stored, (long long)min_power);
    pwf_status status = pwf_read_buffers(h5, file, &buffers, &count);
    if (status.code == PWF_OK && count != pwf_registry_buffer_count(state->registry))
        status = PWF_FAIL(PWF_DATA, "the buffers of %s differ in length from those of this run",
                          file->path);
    if (status.code == PWF_OK && count > 0)
        memcpy(state->buffers, buffers, (size_t)count * sizeof *buffers);
    pwf_mem_free(buffers);
    return status;
}

/* Rank 0: opens the file with libhdf5 and reads what is small. */
static pwf_status read_replicated(const pwf_file *file, const pwf_snapshot *s, pwf_facts *facts)
{
    hid_t h5 = -1;
    PWF_FAIL_IF(file->header.kind != PWF_KIND_CHECKPOINT, PWF_DATA,
                "%s is a final model, not a checkpoint: it cannot be resumed", file->path);
    PWF_TRY(pwf_layout_open(file, s->state->registry, &h5));
    const pwf_status status = read_open(h5, file, s, facts);
    H5Fclose(h5);
    return status;
}

/* Broadcasts it to all ranks. */
static void share_replicated(const pwf_mesh *mesh, pwf_snapshot *s, pwf_facts *facts)
{
    pwf_codebook *book = &s->state->codebook;
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, facts, sizeof *facts);
    pwf_fields_take(facts, &s->facts);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, &book->count, sizeof book->count);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, book->entry, (size_t)book->count * sizeof *book->entry);
    pwf_mesh_broadcast(mesh, PWF_WORLD, 0, s->state->buffers,
                       (size_t)pwf_registry_buffer_count(s->state->registry) * sizeof(float));
}

/* Reads this rank's range of one array and verifies that memory holds what the hashes describe. */
static pwf_status read_array(const pwf_file *file, int i, const pwf_state_array *array,
                             pwf_range own)
{
    const int64_t lo = own.lo / PWF_BLOCK, blocks = pwf_block_count(pwf_range_length(own));
    if (blocks == 0) return pwf_ok();
    PWF_TRY(pwf_file_read(file, i, own.lo, own.hi, array->data));
    pwf_hash *hash = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, blocks, sizeof *hash, &hash));
    pwf_status s = pwf_file_hashes(file, i, lo, lo + blocks, hash);
    for (int64_t b = 0; s.code == PWF_OK && b < blocks; b++) {
        const pwf_hash now = pwf_block_hash(array->data, pwf_range_length(own), array->size, b);
        if (memcmp(&now, &hash[b], sizeof now) != 0)
            /* reports the parameter, or finds the block good on a second read */
            s = pwf_file_check(file, i, lo + b, lo + b + 1, NULL);
        if (s.code == PWF_OK && memcmp(&now, &hash[b], sizeof now) != 0)
            s = PWF_FAIL(PWF_IO, "%s reads differently each time: the storage is faulty",
                         file->path);
    }
    pwf_mem_free(hash);
    return s;
}

/* Every code must be in the codebook. */
static pwf_status check_codes(const pwf_file *file, const pwf_state *state)
{
    for (int64_t i = 0; i < pwf_range_length(state->own_posterior); i++)
        PWF_FAIL_IF(state->code[i] < PWF_FREE || state->code[i] >= state->codebook.count, PWF_DATA,
                    "%s has the code %d; its codebook has %d entries", file->path, state->code[i],
                    state->codebook.count);
    return pwf_ok();
}

/* Reads this rank's range of every array. */
static pwf_status read_shard(const pwf_file *file, pwf_state *state)
{
    pwf_state_array arrays[PWF_STATE_ARRAYS_MAX];
    const int count = pwf_state_arrays(state, arrays);
    const pwf_header *h = &file->header;
    /* arrays are compared by position: their order is fixed */
    PWF_FAIL_IF(h->arrays != count, PWF_DATA, "%s has %lld arrays instead of %d", file->path,
                (long long)h->arrays, count);
    for (int i = 0; i < count; i++) {
        PWF_FAIL_IF(
            strcmp(h->array[i].name, arrays[i].name) != 0 || h->array[i].size != arrays[i].size ||
                (h->array[i].posterior == 1) != arrays[i].posterior ||
                h->array[i].elements != (arrays[i].posterior ? state->posterior : state->total),
            PWF_DATA, "the array %s of %s does not match the array %s of this program",
            h->array[i].name, file->path, arrays[i].name);
        PWF_TRY(read_array(file, i, &arrays[i],
                           arrays[i].posterior ? state->own_posterior : state->own));
    }
    return check_codes(file, state);
}

/* All ranks open the file and agree on a status before rank 0 reads on, so that none waits for a
 * rank that failed. */
pwf_status pwf_ckpt_read(const pwf_mesh *mesh, const char *path, pwf_snapshot *snapshot)
{
    pwf_file file;
    pwf_facts facts = {.config = NULL};
    pwf_status s = pwf_mesh_agree(mesh, pwf_file_open(path, &file));
    if (s.code == PWF_OK && pwf_mesh_rank(mesh, PWF_WORLD) == 0)
        s = read_replicated(&file, snapshot, &facts);
    s = pwf_mesh_agree(mesh, s);
    if (s.code == PWF_OK) {
        /* the codebook must be known before codes are checked */
        share_replicated(mesh, snapshot, &facts);
        s = pwf_mesh_agree(mesh, read_shard(&file, snapshot->state));
    }
    pwf_file_close(&file);
    return s;
}

/* Rank 0: verifies the file and reads its configuration. */
static pwf_status read_config(const char *path, char **config)
{
    pwf_file file;
    hid_t h5 = -1;
    PWF_TRY(pwf_file_open(path, &file));
    pwf_status s = pwf_read_check_arrays(&file);
    if (s.code == PWF_OK) s = pwf_layout_open(&file, NULL, &h5);
    if (s.code == PWF_OK) s = pwf_h5_read_text(h5, "/run/config", config);
    if (h5 >= 0) H5Fclose(h5);
    pwf_file_close(&file);
    return s;
}

/* The length is shared first, so that the other ranks can allocate. */
pwf_status pwf_ckpt_read_config(const pwf_mesh *mesh, const char *path, char **config)
{
    *config = NULL;
    int64_t bytes = 0;
    pwf_status s = pwf_ok();
    const bool first = pwf_mesh_rank(mesh, PWF_WORLD) == 0;
    if (first) s = read_config(path, config);
    /* only rank 0 has the configuration; the others get its length */
    if (*config) bytes = (int64_t)strlen(*config) + 1;
    pwf_mesh_max_i64(mesh, PWF_WORLD, &bytes, 1);
    if (!first && bytes > 0 && !(*config = malloc((size_t)bytes)))
        s = PWF_FAIL(PWF_RESOURCE, "no memory for the configuration in %s", path);
    s = pwf_mesh_agree(mesh, s);
    if (s.code == PWF_OK)
        pwf_mesh_broadcast(mesh, PWF_WORLD, 0, *config, (size_t)bytes);
    else {
        free(*config);
        *config = NULL;
    }
    return s;
}
