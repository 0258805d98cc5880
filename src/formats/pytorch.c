/* SPDX-License-Identifier: BSD-3-Clause */
/* Adds the tensors of a pickled state dict to the list of a weight file, whichever file format
 * it came in.
 * Called by the two PyTorch readers, which find the storages.
 * Touches only the list. */
#include "pytorch.h"

#include <stdio.h>

/* Keys under which training scripts store a state dict, best first: averaged weights before others,
 * as timm does. */
static const char *const nests[] = {"state_dict_ema", "model_ema", "state_dict", "model"};

/* Whether a dict has a tensor among its values. */
static bool holds_tensors(const pwf_pickle *p, int32_t dict)
{
    if (p->node[dict].kind != PWF_PICKLE_DICT) return false;
    for (int32_t cell = p->node[dict].first; cell >= 0; cell = p->cell[cell].next)
        if (p->node[p->cell[cell].node].kind == PWF_PICKLE_TENSOR) return true;
    return false;
}

/* Finds the state dict at the top or under one of the keys. */
static pwf_status choose(pwf_weights_file *file, const pwf_pickle *p, int32_t top, int32_t *dict)
{
    *dict = top;
    if (holds_tensors(p, top)) return pwf_ok();
    for (size_t i = 0; i < sizeof nests / sizeof *nests; i++) {
        *dict = pwf_pickle_find(p, top, nests[i]);
        if (*dict < 0 || !holds_tensors(p, *dict)) continue;
        snprintf(file->inside, sizeof file->inside, "%s", nests[i]);
        return pwf_ok();
    }
    return PWF_FAIL(PWF_DATA,
                    "%s contains no state dict, neither at the top level nor under model, "
                    "state_dict, model_ema or state_dict_ema; save model.state_dict()",
                    file->path);
}

/* Copies a list of integers; returns its length. */
static int64_t number_of(const pwf_pickle *p, int32_t list, int64_t *out)
{
    int64_t n = 0;
    for (int32_t cell = p->node[list].first; cell >= 0; cell = p->cell[cell].next)
        out[n++] = p->node[p->cell[cell].node].number;
    return n;
}

/* Whether the strides are row-major; strides of dimensions with one element do not matter. */
static bool is_plain(const pwf_named_tensor *t, const int64_t *stride)
{
    int64_t want = 1;
    for (int d = t->dims - 1; d >= 0; d--) {
        if (t->shape[d] > 1 && stride[d] != want) return false;
        if (__builtin_mul_overflow(want, t->shape[d], &want)) return false;
    }
    return true;
}

/* Adds one tensor; all its elements must lie inside its storage. */
static pwf_status add_tensor(pwf_weights_file *file, const pwf_pickle *p,
                             const pwf_pickle_node *key, const pwf_pickle_node *value,
                             const pwf_storages *storages)
{
    const pwf_pickle_node *storage = &p->node[value->first];
    uint64_t start = 0;
    pwf_named_tensor t = {.dtype = storage->dtype};
    pwf_weights_place place = {0};
    t.dims = (int)number_of(p, value->shape, t.shape);
    number_of(p, value->stride, place.stride);
    PWF_TRY(pwf_weights_add(file, key->text, key->length, &t, &place));
    const int i = file->count - 1;
    t = file->tensor[i];
    PWF_TRY(storages->find(storages->context, storage, t.name, &start));
    int64_t last = value->number; /* index in the storage of the tensor's last element */
    bool good = value->number >= 0;
    for (int d = 0; good && t.count > 0 && d < t.dims; d++) {
        int64_t reach = 0;
        good = place.stride[d] >= 0 &&
               !__builtin_mul_overflow(t.shape[d] - 1, place.stride[d], &reach) &&
               !__builtin_add_overflow(last, reach, &last);
    }
    PWF_FAIL_IF(!good || (t.count > 0 ? last >= storage->number : value->number > storage->number),
                PWF_DATA, "%s: '%s' reaches outside its storage", file->path, t.name);
    /* offsets in a pickle count elements */
    place.offset = start + (uint64_t)value->number * (uint64_t)pwf_dtype_size(storage->dtype);
    place.strided = !is_plain(&t, place.stride);
    place.span = last - value->number + 1;
    file->place[i] = place;
    return pwf_ok();
}

pwf_status pwf_pytorch_take(pwf_weights_file *file, const pwf_pickle *p, int32_t top,
                            const pwf_storages *storages)
{
    int32_t dict = 0;
    PWF_TRY(choose(file, p, top, &dict));
    for (int32_t cell = p->node[dict].first; cell >= 0;) {
        const int32_t next = p->cell[cell].next;
        if (next < 0) break;
        const pwf_pickle_node *key = &p->node[p->cell[cell].node];
        const pwf_pickle_node *value = &p->node[p->cell[next].node];
        if (key->kind == PWF_PICKLE_TEXT && value->kind == PWF_PICKLE_TENSOR)
            PWF_TRY(add_tensor(file, p, key, value, storages));
        cell = p->cell[next].next;
    }
    return pwf_ok();
}
