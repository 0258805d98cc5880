/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading what torch.save makes of a state dict. PyTorch 1.6 and later: a zip archive with
 * <prefix>/data.pkl, a pickle, and one stored member <prefix>/data/<key> for each storage. Before:
 * pickles of a magic number, a version, the system, the state dict and the storages' keys, then for
 * each key the number of elements (int64) and these. */
#include "file.h"
#include "pickle.h"
#include "weights_parts.h"
#include "zip.h"

#include "pwf/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where training scripts keep the state dict, best first: timm prefers averaged weights too. */
static const char *const nests[] = {"state_dict_ema", "model_ema", "state_dict", "model"};

/* A storage of the older form. */
typedef struct old_storage {
    const pwf_pickle_node *node;
    uint64_t offset; /* of its first element; 0: the file has none of this key yet */
} old_storage;

typedef struct reading {
    pwf_weights_file *file;
    pwf_zip zip;
    char prefix[256];
    pwf_pickle pickle;
    uint8_t *checked; /* [members]: the checksum has been compared */
    bool old;         /* no archive */
    old_storage *storage;
    int storages; /* rising keys */
} reading;

static bool holds_tensors(const pwf_pickle *p, int32_t dict)
{
    if (p->node[dict].kind != PWF_PICKLE_DICT) return false;
    for (int32_t cell = p->node[dict].first; cell >= 0; cell = p->cell[cell].next)
        if (p->node[p->cell[cell].node].kind == PWF_PICKLE_TENSOR) return true;
    return false;
}

static pwf_status choose(reading *r, int32_t top, int32_t *dict)
{
    const pwf_pickle *p = &r->pickle;
    *dict = top;
    if (holds_tensors(p, top)) return pwf_ok();
    for (size_t i = 0; i < sizeof nests / sizeof *nests; i++) {
        *dict = pwf_pickle_find(p, top, nests[i]);
        if (*dict < 0 || !holds_tensors(p, *dict)) continue;
        snprintf(r->file->inside, sizeof r->file->inside, "%s", nests[i]);
        return pwf_ok();
    }
    return PWF_FAIL(PWF_DATA,
                    "%s holds no state dict, neither at the top nor under model, state_dict or "
                    "model_ema; save model.state_dict()",
                    r->file->path);
}

static int64_t number_of(const pwf_pickle *p, int32_t list, int64_t *out)
{
    int64_t n = 0;
    for (int32_t cell = p->node[list].first; cell >= 0; cell = p->cell[cell].next)
        out[n++] = p->node[p->cell[cell].node].number;
    return n;
}

static int by_key(const void *a, const void *b)
{
    const pwf_pickle_node *x = ((const old_storage *)a)->node, *y = ((const old_storage *)b)->node;
    const size_t least = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->text, y->text, least);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static old_storage *find_old(const reading *r, const pwf_pickle_node *key)
{
    const old_storage like = {.node = key};
    if (r->storages == 0) return NULL;
    return bsearch(&like, r->storage, (size_t)r->storages, sizeof like, by_key);
}

/* Where the values of a storage begin; it has the length that the pickle says. */
static pwf_status find_storage(reading *r, const pwf_pickle_node *storage, const char *name,
                               uint64_t *offset)
{
    if (r->old) {
        const old_storage *s = find_old(r, storage);
        *offset = s ? s->offset : 0;
        if (*offset > 0 && s->node->number == storage->number && s->node->dtype == storage->dtype)
            return pwf_ok();
        return PWF_FAIL(PWF_DATA, "%s: the storage of '%s' is missing or of another length",
                        r->file->path, name);
    }
    char member[512];
    snprintf(member, sizeof member, "%sdata/%.*s", r->prefix, (int)storage->length, storage->text);
    const pwf_zip_member *m = storage->length < 200 && !memchr(storage->text, '\0', storage->length)
                                  ? pwf_zip_find(&r->zip, member)
                                  : NULL;
    int64_t need = 0;
    if (!m || __builtin_mul_overflow(storage->number, pwf_dtype_size(storage->dtype), &need) ||
        (uint64_t)need != m->bytes)
        return PWF_FAIL(PWF_DATA, "%s: the storage of '%s' is missing or of another length",
                        r->file->path, name);
    uint8_t *checked = &r->checked[m - r->zip.member];
    if (!*checked) PWF_TRY(pwf_zip_check(&r->zip, m));
    *checked = 1;
    *offset = m->offset;
    return pwf_ok();
}

/* Whether the strides are those of a row-major tensor; dimensions of one element do not count. */
static bool is_plain(const pwf_named_tensor *t, const int64_t *stride)
{
    int64_t want = 1;
    for (int d = t->dims - 1; d >= 0; d--) {
        if (t->shape[d] > 1 && stride[d] != want) return false;
        if (__builtin_mul_overflow(want, t->shape[d], &want)) return false;
    }
    return true;
}

static pwf_status add_tensor(reading *r, const pwf_pickle_node *key, const pwf_pickle_node *value)
{
    pwf_weights_file *file = r->file;
    const pwf_pickle *p = &r->pickle;
    const pwf_pickle_node *storage = &p->node[value->first];
    uint64_t offset = 0;
    pwf_named_tensor t = {.dtype = storage->dtype};
    pwf_tensor_place place = {0};
    t.dims = (int)number_of(p, value->shape, t.shape);
    number_of(p, value->stride, place.stride);
    PWF_TRY(pwf_weights_add(file, key->text, key->length, &t, &place));
    const int i = file->count - 1;
    t = file->tensor[i];
    PWF_TRY(find_storage(r, storage, t.name, &offset));
    int64_t last = value->number; /* the storage's element that the tensor's last one is */
    bool good = value->number >= 0;
    for (int d = 0; good && t.count > 0 && d < t.dims; d++) {
        int64_t reach = 0;
        good = place.stride[d] >= 0 &&
               !__builtin_mul_overflow(t.shape[d] - 1, place.stride[d], &reach) &&
               !__builtin_add_overflow(last, reach, &last);
    }
    if (!good || (t.count > 0 ? last >= storage->number : value->number > storage->number))
        return PWF_FAIL(PWF_DATA, "%s: '%s' reaches outside its storage", file->path, t.name);
    place.offset = offset + (uint64_t)value->number * (uint64_t)pwf_dtype_size(storage->dtype);
    place.strided = !is_plain(&t, place.stride);
    place.span = last - value->number + 1;
    file->place[i] = place;
    return pwf_ok();
}

static pwf_status add_tensors(reading *r, int32_t dict)
{
    const pwf_pickle *p = &r->pickle;
    for (int32_t cell = p->node[dict].first; cell >= 0;) {
        const int32_t next = p->cell[cell].next;
        if (next < 0) break;
        const pwf_pickle_node *key = &p->node[p->cell[cell].node];
        const pwf_pickle_node *value = &p->node[p->cell[next].node];
        if (key->kind == PWF_PICKLE_TEXT && value->kind == PWF_PICKLE_TENSOR)
            PWF_TRY(add_tensor(r, key, value));
        cell = p->cell[next].next;
    }
    return pwf_ok();
}

static pwf_status read_pickle(reading *r, const pwf_zip_member *member)
{
    unsigned char *in = NULL;
    int32_t top = 0, dict = 0;
    if (member->bytes > PWF_WEIGHTS_HEADER_MAX)
        return PWF_FAIL(PWF_DATA, "%s: its pickle of %llu bytes is too large for a state dict",
                        r->file->path, (unsigned long long)member->bytes);
    PWF_TRY(pwf_zip_check(&r->zip, member));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)member->bytes, 1, &in));
    pwf_status s =
        pwf_file_pread(r->file->fd, r->file->path, in, (size_t)member->bytes, member->offset);
    if (s.code == PWF_OK) {
        s = pwf_pickle_read(&r->pickle, in, (size_t)member->bytes, &top);
        if (s.code == PWF_DATA) s = PWF_FAIL(PWF_DATA, "%s: %s", r->file->path, s.text);
    }
    if (s.code == PWF_OK) s = choose(r, top, &dict);
    if (s.code == PWF_OK) s = add_tensors(r, dict);
    pwf_pickle_free(&r->pickle);
    pwf_mem_free(in);
    return s;
}

static pwf_status read_archive(reading *r)
{
    PWF_TRY(pwf_zip_list(&r->zip));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->zip.count, sizeof *r->checked, &r->checked));
    for (int i = 0; i < r->zip.count; i++) {
        const char *name = r->zip.member[i].name;
        const size_t length = strlen(name), word = strlen("data.pkl");
        if (length < word || length - word >= sizeof r->prefix ||
            strcmp(name + length - word, "data.pkl") != 0 ||
            (length > word && name[length - word - 1] != '/'))
            continue;
        memcpy(r->prefix, name, length - word);
        r->prefix[length - word] = '\0';
        return read_pickle(r, &r->zip.member[i]);
    }
    return PWF_FAIL(PWF_DATA,
                    "%s is a zip archive, but none that torch.save made: it has no "
                    "data.pkl",
                    r->file->path);
}

/* ---- before PyTorch 1.6 ---- */

/* The bytes that the pickles may fill. */
typedef struct old_head {
    unsigned char *in;
    size_t at, bytes;
} old_head;

static const unsigned char old_magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                          0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.',  0x80,
                                          0x02, 'M',  0xe9, 0x03, '.'}; /* and version 1001 */

static pwf_status next_pickle(reading *r, old_head *head, pwf_pickle *pickle, int32_t *top)
{
    const pwf_status s = pwf_pickle_read(pickle, head->in + head->at, head->bytes - head->at, top);
    if (s.code == PWF_DATA) return PWF_FAIL(PWF_DATA, "%s: %s", r->file->path, s.text);
    head->at += pickle->length;
    return s;
}

static pwf_status check_system(reading *r, old_head *head)
{
    pwf_pickle system;
    int32_t top = 0;
    pwf_status s = next_pickle(r, head, &system, &top);
    const int32_t little = s.code == PWF_OK ? pwf_pickle_find(&system, top, "little_endian") : -1;
    if (s.code == PWF_OK && (little < 0 || system.node[little].number != 1))
        s = PWF_FAIL(PWF_DATA, "%s is not of a little-endian machine; save it again on one",
                     r->file->path);
    pwf_pickle_free(&system);
    return s;
}

/* The storages of the state dict, each key once. */
static pwf_status list_storages(reading *r)
{
    const pwf_pickle *p = &r->pickle;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, p->nodes, sizeof *r->storage, &r->storage));
    int count = 0;
    for (int32_t i = 0; i < p->nodes; i++)
        if (p->node[i].kind == PWF_PICKLE_STORAGE)
            r->storage[count++] = (old_storage){&p->node[i], 0};
    qsort(r->storage, (size_t)count, sizeof *r->storage, by_key);
    for (int i = 0; i < count; i++)
        if (r->storages == 0 || by_key(&r->storage[r->storages - 1], &r->storage[i]) != 0)
            r->storage[r->storages++] = r->storage[i];
    return pwf_ok();
}

/* Finds the values of the storages behind the head, in the order of the keys. */
static pwf_status place_storages(reading *r, const pwf_pickle *keys, int32_t list, uint64_t at)
{
    const pwf_weights_file *file = r->file;
    int32_t cell = keys->node[list].kind == PWF_PICKLE_LIST ? keys->node[list].first : -1;
    for (; cell >= 0; cell = keys->cell[cell].next) {
        const pwf_pickle_node *key = &keys->node[keys->cell[cell].node];
        old_storage *to = key->kind == PWF_PICKLE_TEXT ? find_old(r, key) : NULL;
        int64_t count = 0, bytes = 0;
        if (!to || to->offset > 0 || file->bytes - at < sizeof count) break;
        PWF_TRY(pwf_file_pread(file->fd, file->path, &count, sizeof count, at));
        at += sizeof count;
        if (count != to->node->number ||
            __builtin_mul_overflow(count, pwf_dtype_size(to->node->dtype), &bytes) ||
            (uint64_t)bytes > file->bytes - at)
            break;
        to->offset = at;
        at += (uint64_t)bytes;
    }
    if (at == file->bytes) return pwf_ok();
    return PWF_FAIL(PWF_DATA, "%s: the storages do not fill the file; it is damaged or cut off",
                    file->path);
}

static pwf_status read_keys(reading *r, old_head *head)
{
    pwf_pickle keys;
    int32_t list = 0;
    pwf_status s = next_pickle(r, head, &keys, &list);
    if (s.code == PWF_OK) s = list_storages(r);
    if (s.code == PWF_OK) s = place_storages(r, &keys, list, head->at);
    pwf_pickle_free(&keys);
    return s;
}

static pwf_status read_old(reading *r)
{
    pwf_weights_file *file = r->file;
    old_head head = {NULL, sizeof old_magic, PWF_WEIGHTS_HEADER_MAX};
    int32_t top = 0, dict = 0;
    if (file->bytes < head.bytes) head.bytes = (size_t)file->bytes;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)head.bytes, 1, &head.in));
    pwf_status s = pwf_file_pread(file->fd, file->path, head.in, head.bytes, 0);
    if (s.code == PWF_OK &&
        (head.bytes < sizeof old_magic || memcmp(head.in, old_magic, sizeof old_magic) != 0))
        s = PWF_FAIL(PWF_DATA, "%s is a pickle, but none that torch.save made", file->path);
    if (s.code == PWF_OK) s = check_system(r, &head);
    if (s.code == PWF_OK) s = next_pickle(r, &head, &r->pickle, &top);
    if (s.code == PWF_OK) s = read_keys(r, &head);
    if (s.code == PWF_OK) s = choose(r, top, &dict);
    if (s.code == PWF_OK) s = add_tensors(r, dict);
    pwf_pickle_free(&r->pickle);
    pwf_mem_free(r->storage);
    pwf_mem_free(head.in);
    return s;
}

pwf_status pwf_pytorch_list(pwf_weights_file *file, bool archive)
{
    reading *r = NULL;
    file->format = "PyTorch";
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *r, &r));
    r->file = file;
    r->old = !archive;
    r->zip = (pwf_zip){.fd = file->fd, .path = file->path, .bytes = file->bytes};
    const pwf_status s = archive ? read_archive(r) : read_old(r);
    pwf_zip_free(&r->zip);
    pwf_mem_free(r->checked);
    pwf_mem_free(r);
    return s;
}
