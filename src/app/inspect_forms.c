/* SPDX-License-Identifier: BSD-3-Clause */
/* pwf inspect for files that are not checkpoints: the compact form .pwf, and the weight files of
 * other programs (safetensors, PyTorch, NumPy), each as text and as JSON. Called by inspect.c in a
 * single process. Reads one file and prints to the standard output. */
#include "app.h"
#include "inspect.h"

#include "pwf/formats/unpacked.h"
#include "pwf/formats/weights_file.h"

#include <stdio.h>
#include <string.h>

/* Prints a metadata entry that fits on a line; longer ones, such as the settings, are left to
 * --json. `context` counts the entries, or is NULL. */
static pwf_status print_note(void *context, const char *key, const pwf_json *value)
{
    const char *text = "";
    if (context) *(int *)context += 1;
    if (pwf_json_text_of(value, &text) && strlen(text) <= 60 && !strpbrk(text, "\n\r\033"))
        printf("  %-16.40s %s\n", key, text);
    return pwf_ok();
}

/* Copies a metadata entry into a JSON object. */
static pwf_status copy_note(void *context, const char *key, const pwf_json *value)
{
    const char *text = "";
    if (pwf_json_text_of(value, &text)) pwf_json_set_text(context, key, text);
    return pwf_ok();
}

/* The compact form as text. The sizes add up to the file size minus its headers. */
static pwf_status print_packed(const char *path, const pwf_unpacked *u, const pwf_json *about,
                               const pwf_inspect_view *view)
{
    const pwf_packed *p = &u->packed;
    printf("%s: compact model; every byte verified and decoded\n\n", path);
    PWF_TRY(pwf_json_each(about, print_note, NULL));
    printf("  tensors          %u, %llu values in total\n", p->tensors,
           (unsigned long long)p->elements);
    printf("  codebook         %u values\n", p->codes);
    printf("  size             %lld bytes: %llu of indices for %llu weights, %llu of codebook and "
           "frequencies, %llu of fp32 values\n",
           (long long)u->size, (unsigned long long)p->stream_bytes, (unsigned long long)p->coded,
           (unsigned long long)p->table_bytes, (unsigned long long)(4 * p->rest));
    return pwf_inspect_print_layers(view);
}

/* The compact form as JSON; as for checkpoints, the names of the members are a public interface. */
static pwf_status json_packed(const char *path, const pwf_unpacked *u, const pwf_json *about,
                              const pwf_inspect_view *view)
{
    const pwf_packed *p = &u->packed;
    pwf_json *j = pwf_json_new(), *notes = pwf_json_new();
    pwf_json_set_text(j, "file", path);
    pwf_json_set_text(j, "kind", "pwf");
    pwf_status s = pwf_json_each(about, copy_note, notes);
    pwf_json_set_object(j, "metadata", notes);
    pwf_json_set_int(j, "tensors", p->tensors);
    pwf_json_set_int(j, "elements", (int64_t)p->elements);
    pwf_json_set_int(j, "coded", (int64_t)p->coded);
    pwf_json_set_int(j, "codebook", p->codes);
    pwf_json_set_int(j, "bytes", u->size);
    pwf_json_set_int(j, "index_bytes", (int64_t)p->stream_bytes);
    pwf_json_set_int(j, "table_bytes", (int64_t)p->table_bytes);
    pwf_json_set_int(j, "fp32_bytes", (int64_t)(4 * p->rest));
    if (s.code == PWF_OK) s = pwf_inspect_json_layers(view, j);
    if (s.code == PWF_OK) return pwf_app_print_json(j);
    pwf_json_free(j);
    return s;
}

/* Decodes the whole file, which checks it; shares and layers are counted from the decoded codes. */
pwf_status pwf_inspect_packed(const char *path, bool json)
{
    pwf_unpacked u;
    pwf_json *about = NULL;
    PWF_TRY(pwf_unpack(path, &u));
    const pwf_inspect_view view = {u.part, (int)u.packed.tensors, u.packed.entry,
                                   (int)u.packed.codes, u.packed.min_power};
    pwf_status s = pwf_json_parse(u.packed.metadata, strlen(u.packed.metadata), &about);
    if (s.code == PWF_OK)
        s = json ? json_packed(path, &u, about, &view) : print_packed(path, &u, about, &view);
    pwf_json_free(about);
    pwf_unpack_free(&u);
    return s;
}

/* A weights file as text: metadata, then a line per tensor in the order of the file. The values are
 * not printed. */
static pwf_status print_weights(const char *path, const pwf_weights_file *file)
{
    const char *inside = file->inside;
    int64_t total = 0;
    int width = 6, notes = 0;
    for (int t = 0; t < file->count; t++) {
        const pwf_named_tensor *tensor = &file->tensor[t];
        total += tensor->count;
        if ((int)strlen(tensor->name) > width) width = (int)strlen(tensor->name);
    }
    printf("%s: %s%s%s, %d tensors, %lld values in total\n\n", path, file->format,
           *inside ? ", under " : "", inside, file->count, (long long)total);
    PWF_TRY(pwf_weights_metadata(file, print_note, &notes));
    if (notes > 0) printf("\n");
    for (int t = 0; t < file->count; t++) {
        const pwf_named_tensor *tensor = &file->tensor[t];
        char shape[PWF_SHAPE_TEXT];
        pwf_shape_text(tensor->dims, tensor->shape, shape);
        printf("  %-*s  %-7s  %s\n", width, tensor->name, pwf_dtype_name(tensor->dtype), shape);
    }
    return pwf_ok();
}

/* A weights file as JSON. */
static pwf_status json_weights(const char *path, const pwf_weights_file *file)
{
    pwf_json *j = pwf_json_new(), *notes = pwf_json_new();
    pwf_json_set_text(j, "file", path);
    pwf_json_set_text(j, "kind", file->format);
    pwf_json_set_text(j, "inside", file->inside);
    const pwf_status s = pwf_weights_metadata(file, copy_note, notes);
    pwf_json_set_object(j, "metadata", notes);
    for (int t = 0; t < file->count; t++) {
        const pwf_named_tensor *tensor = &file->tensor[t];
        pwf_json *entry = pwf_json_new();
        pwf_json_set_text(entry, "name", tensor->name);
        pwf_json_set_text(entry, "dtype", pwf_dtype_name(tensor->dtype));
        pwf_json_set_ints(entry, "shape", tensor->shape, tensor->dims);
        pwf_json_append(j, "tensors", entry);
    }
    if (s.code == PWF_OK) return pwf_app_print_json(j);
    pwf_json_free(j);
    return s;
}

pwf_status pwf_inspect_weights(const char *path, bool json)
{
    pwf_weights_file *file = NULL;
    PWF_TRY(pwf_weights_open(path, &file));
    const pwf_status s = json ? json_weights(path, file) : print_weights(path, file);
    pwf_weights_close(file);
    return s;
}
