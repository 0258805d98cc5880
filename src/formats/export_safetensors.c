/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes safetensors files from a loaded checkpoint or model, and the metadata that both exports
 * share. Called by pwf export and by the trainer after a round. The file gets its name only when it
 * is complete (rundir/output.h). */
#include "export.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"
#include "pwf/rundir/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds a number as a string: safetensors allows only strings in its metadata. */
static void set_number(pwf_json *j, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    pwf_json_set_text(j, key, text);
}

/* Both forms carry the same facts about their source. */
pwf_json *pwf_export_metadata(const pwf_loaded *from)
{
    const pwf_loaded_info *info = &from->info;
    char text[33];
    pwf_json *j = pwf_json_new();
    pwf_json_set_text(j, "model", info->facts.model);
    pwf_json_set_text(j, "program", "pwf " PWF_VERSION);
    set_number(j, "round", info->facts.position.round);
    set_number(j, "step", info->facts.position.step);
    set_number(j, "posterior", info->posterior);
    set_number(j, "fixed", info->fixed);
    set_number(j, "unique", info->unique);
    set_number(j, "min_power", from->codebook.min_power);
    snprintf(text, sizeof text, "%.6f", info->entropy);
    pwf_json_set_text(j, "entropy", text);
    pwf_hash_text(info->fingerprint, text);
    pwf_json_set_text(j, "fingerprint", text);
    return j;
}

/* ---- num_batches_tracked, which PyTorch stores with the statistics of BatchNorm ---- */

static const char variance[] = ".running_var";

/* Whether a part is the last statistic of a layer, whose name has *stem bytes. */
static bool ends_layer(const pwf_loaded_part *part, int *stem)
{
    const size_t n = strlen(part->name), k = strlen(variance);
    *stem = n > k ? (int)(n - k) : 0;
    return part->buffer && n > k && strcmp(part->name + n - k, variance) == 0;
}

/* Number of BatchNorm layers. */
static int count_layers(const pwf_loaded *from)
{
    int layers = 0, stem = 0;
    for (int i = 0; i < from->count; i++)
        layers += ends_layer(&from->part[i], &stem);
    return layers;
}

/* ---- the file ---- */

/* Adds one tensor to the header and moves *at after its values. */
static void add_entry(pwf_json *header, const char *name, const char *dtype, const int64_t *shape,
                      int dims, int64_t *at, int64_t bytes)
{
    const int64_t place[] = {*at, *at + bytes};
    pwf_json *entry = pwf_json_new();
    pwf_json_set_text(entry, "dtype", dtype);
    pwf_json_set_ints(entry, "shape", shape, dims);
    pwf_json_set_ints(entry, "data_offsets", place, 2);
    pwf_json_set_object(header, name, entry);
    *at += bytes;
}

/* Counters come first, since 8-byte values should lie at multiples of 8; then the parts in their
 * order. */
static pwf_status make_header(const pwf_loaded *from, char **text)
{
    pwf_json *header = pwf_json_new(), *about = pwf_export_metadata(from);
    pwf_json_set_text(about, "format", "pt"); /* what PyTorch's loaders look for */
    /* with it an exported file identifies its model */
    pwf_json_set_text(about, "config", from->config);
    pwf_json_set_object(header, "__metadata__", about);
    int64_t at = 0;
    int stem = 0;
    for (int i = 0; i < from->count; i++) {
        char name[PWF_NAME + 32];
        if (!ends_layer(&from->part[i], &stem)) continue;
        snprintf(name, sizeof name, "%.*s.num_batches_tracked", stem, from->part[i].name);
        add_entry(header, name, "I64", NULL, 0, &at, (int64_t)sizeof(int64_t));
    }
    for (int i = 0; i < from->count; i++) {
        const pwf_loaded_part *part = &from->part[i];
        add_entry(header, part->name, "F32", part->shape, part->dims, &at,
                  part->count * (int64_t)sizeof *part->values);
    }
    const pwf_status s = pwf_json_text(header, 0, text);
    pwf_json_free(header);
    return s;
}

/* Writes the length, the header padded to 8 bytes, the counters and the values. */
static pwf_status write_all(const pwf_loaded *from, const char *header, pwf_output *output)
{
    static const char spaces[8] = "        ";
    const size_t length = strlen(header), fill = (8 - length % 8) % 8;
    const uint64_t whole = length + fill;
    PWF_TRY(pwf_output_add(output, &whole, sizeof whole));
    PWF_TRY(pwf_output_add(output, header, length));
    PWF_TRY(pwf_output_add(output, spaces, fill));
    for (int left = count_layers(from); left > 0; left--)
        PWF_TRY(pwf_output_add(output, &from->info.facts.position.step, sizeof(int64_t)));
    for (int i = 0; i < from->count; i++)
        PWF_TRY(pwf_output_add(output, from->part[i].values,
                               (size_t)from->part[i].count * sizeof(float)));
    return pwf_output_end(output);
}

/* The header comes first in the file and has the offsets of all values. */
pwf_status pwf_export_safetensors(const pwf_loaded *from, const char *path, int64_t *bytes)
{
    pwf_output output;
    char *header = NULL;
    PWF_TRY(make_header(from, &header));
    pwf_status s = pwf_output_begin(&output, path);
    if (s.code == PWF_OK) s = write_all(from, header, &output);
    *bytes = output.bytes;
    pwf_output_drop(&output);
    free(header);
    return s;
}
