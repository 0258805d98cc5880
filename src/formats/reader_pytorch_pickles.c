/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of what torch.save made of a state dict before PyTorch 1.6, and still makes with
 * _use_new_zipfile_serialization=False (_legacy_save in torch/serialization.py): pickles of a magic
 * number, a version, the machine, the object and the keys of the storages; then for each key the
 * number of elements (8 bytes) and the elements. There are no checksums, so all redundant facts are
 * compared. Called through the list in weights_file.c; reads the open file. */
#include "pickle.h"
#include "pytorch.h"
#include "reader.h"

#include "pwf/core/file.h"
#include "pwf/core/mem.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1001 };
static const char magic[] =
    "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"; /* the last byte is the most significant */

typedef struct storage {
    const char *key;
    uint32_t length;
    pwf_dtype dtype;
    int64_t elements;
    uint64_t offset; /* 0: not listed */
} storage;

typedef struct reading {
    pwf_weights_file *file;
    unsigned char *in; /* the first bytes of the file, all pickles among them */
    size_t bytes, at;
    pwf_pickle pickle; /* the object */
    storage *storage;  /* by key */
    int storages;
} reading;

/* Reads the next pickle of the file. */
static pwf_status next_pickle(reading *r, pwf_pickle *p, int32_t *top)
{
    const pwf_status s = pwf_pickle_read(p, r->in, r->bytes, &r->at, top);
    if (s.code != PWF_DATA) return s;
    PWF_FAIL_IF(r->at == r->bytes && r->bytes < r->file->bytes, PWF_DATA,
                "%s: its pickles of more than %d bytes are too large for a state "
                "dict",
                r->file->path, PWF_WEIGHTS_HEADER_MAX);
    return PWF_FAIL(PWF_DATA, "%s: %s", r->file->path, s.text);
}

/* ---- magic number, version, machine ---- */

/* The first pickle is a large integer, which the reader keeps as bytes. */
static pwf_status check_magic(const reading *r, const pwf_pickle_node *n)
{
    const size_t length = sizeof magic - 1;
    if (n->kind == PWF_PICKLE_OPAQUE && n->length == length && memcmp(n->text, magic, length) == 0)
        return pwf_ok();
    return PWF_FAIL(PWF_DATA, "%s is a pickle, but not one of torch.save", r->file->path);
}

/* There is only one version. */
static pwf_status check_version(const reading *r, const pwf_pickle_node *n)
{
    if (n->kind == PWF_PICKLE_INT && n->number == VERSION) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s does not have version %d of PyTorch's old format; load it in PyTorch and "
                    "save its state dict again",
                    r->file->path, VERSION);
}

/* Refuses files of big-endian machines. */
static pwf_status check_machine(const reading *r, const pwf_pickle *p, int32_t top)
{
    const int32_t little = pwf_pickle_find(p, top, "little_endian");
    PWF_FAIL_IF(little < 0 || p->node[little].kind != PWF_PICKLE_NONE, PWF_DATA,
                "%s does not say whether its numbers are little-endian", r->file->path);
    if (p->node[little].number == 1) return pwf_ok();
    return PWF_FAIL(PWF_DATA,
                    "%s was saved on a big-endian machine; load it there in PyTorch and save its "
                    "state dict as safetensors",
                    r->file->path);
}

/* The three pickles before the object. */
static pwf_status read_front(reading *r)
{
    for (int i = 0; i < 3; i++) {
        pwf_pickle p = {0};
        int32_t top = 0;
        pwf_status s = next_pickle(r, &p, &top);
        if (s.code == PWF_OK && i == 0) s = check_magic(r, &p.node[top]);
        if (s.code == PWF_OK && i == 1) s = check_version(r, &p.node[top]);
        if (s.code == PWF_OK && i == 2) s = check_machine(r, &p, top);
        pwf_pickle_free(&p);
        PWF_TRY(s);
    }
    return pwf_ok();
}

/* ---- storages ---- */

/* Order of storages by key. */
static int by_key(const void *a, const void *b)
{
    const storage *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? -1 : 1;
    return memcmp(x->key, y->key, x->length);
}

/* Finds a storage by key; NULL if there is none. */
static storage *look_up(const reading *r, const pwf_pickle_node *n)
{
    const storage key = {.key = n->text, .length = n->length};
    return r->storages == 0 ? NULL
                            : bsearch(&key, r->storage, (size_t)r->storages, sizeof key, by_key);
}

/* Lists the storages that the object names, each once; a storage that several tensors share is
 * named several times. */
static pwf_status gather_storages(reading *r)
{
    const pwf_pickle *p = &r->pickle;
    int count = 0;
    for (int32_t i = 0; i < p->nodes; i++)
        count += p->node[i].kind == PWF_PICKLE_STORAGE;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *r->storage, &r->storage));
    count = 0;
    for (int32_t i = 0; i < p->nodes; i++) {
        const pwf_pickle_node *n = &p->node[i];
        if (n->kind == PWF_PICKLE_STORAGE)
            r->storage[count++] = (storage){n->text, n->length, n->dtype, n->number, 0};
    }
    if (count > 0) qsort(r->storage, (size_t)count, sizeof *r->storage, by_key);
    for (int i = 0; i < count; i++) {
        const storage *s = &r->storage[i];
        storage *last = r->storages > 0 ? &r->storage[r->storages - 1] : NULL;
        if (!last || by_key(last, s) != 0)
            r->storage[r->storages++] = *s;
        else if (last->elements != s->elements || last->dtype != s->dtype)
            return PWF_FAIL(PWF_DATA, "%s: a storage has two types or lengths", r->file->path);
    }
    return pwf_ok();
}

/* Finds the elements of a storage at *at and moves *at after them. */
static pwf_status place_storage(const reading *r, const pwf_pickle_node *key, uint64_t *at)
{
    const pwf_weights_file *file = r->file;
    storage *s = key->kind == PWF_PICKLE_TEXT ? look_up(r, key) : NULL;
    int64_t elements = 0, bytes = 0;
    PWF_FAIL_IF(!s, PWF_DATA,
                "%s lists a storage that no tensor of a known type uses; load it in "
                "PyTorch and save its state dict again",
                file->path);
    PWF_FAIL_IF(s->offset != 0, PWF_DATA, "%s lists a storage twice", file->path);
    PWF_FAIL_IF(file->bytes - *at < sizeof elements, PWF_DATA,
                "%s is truncated before its last storage", file->path);
    PWF_TRY(pwf_file_pread(file->fd, file->path, &elements, sizeof elements, *at));
    PWF_FAIL_IF(elements != s->elements ||
                    __builtin_mul_overflow(elements, pwf_dtype_size(s->dtype), &bytes),
                PWF_DATA, "%s: a storage of %lld elements has %lld in the file", file->path,
                (long long)s->elements, (long long)elements);
    s->offset = *at + sizeof elements;
    PWF_FAIL_IF((uint64_t)bytes > file->bytes - s->offset, PWF_DATA, "%s is truncated in a storage",
                file->path);
    *at = s->offset + (uint64_t)bytes;
    return pwf_ok();
}

/* Finds all storages in the rest of the file, which they must fill. */
static pwf_status place_storages(reading *r, const pwf_pickle *keys, int32_t list)
{
    uint64_t at = r->at;
    PWF_FAIL_IF(keys->node[list].kind != PWF_PICKLE_LIST, PWF_DATA,
                "%s has no list of its storages", r->file->path);
    for (int32_t cell = keys->node[list].first; cell >= 0; cell = keys->cell[cell].next)
        PWF_TRY(place_storage(r, &keys->node[keys->cell[cell].node], &at));
    PWF_FAIL_IF(at != r->file->bytes, PWF_DATA, "%s has %llu bytes after its last storage",
                r->file->path, (unsigned long long)(r->file->bytes - at));
    return pwf_ok();
}

/* Finds the offset of a storage for pwf_pytorch_take. */
static pwf_status find_storage(void *context, const pwf_pickle_node *n, const char *name,
                               uint64_t *offset)
{
    const reading *r = context;
    const storage *s = look_up(r, n);
    PWF_FAIL_IF(!s || s->offset == 0, PWF_DATA, "%s: the storage of '%s' is missing", r->file->path,
                name);
    *offset = s->offset;
    return pwf_ok();
}

/* ---- the file ---- */

/* Reads all pickles, then the tensors. */
static pwf_status read_row(reading *r)
{
    pwf_pickle keys = {0};
    int32_t top = 0, list = 0;
    PWF_TRY(pwf_file_pread(r->file->fd, r->file->path, r->in, r->bytes, 0));
    PWF_TRY(read_front(r));
    PWF_TRY(next_pickle(r, &r->pickle, &top));
    PWF_TRY(gather_storages(r));
    pwf_status s = next_pickle(r, &keys, &list);
    if (s.code == PWF_OK) s = place_storages(r, &keys, list);
    pwf_pickle_free(&keys);
    PWF_TRY(s);
    const pwf_storages storages = {find_storage, r};
    return pwf_pytorch_take(r->file, &r->pickle, top, &storages);
}

/* All pickles must lie in the first PWF_WEIGHTS_HEADER_MAX bytes. */
static pwf_status list_tensors(pwf_weights_file *file)
{
    const uint64_t most = PWF_WEIGHTS_HEADER_MAX;
    reading r = {.file = file, .bytes = (size_t)(file->bytes < most ? file->bytes : most)};
    pwf_status s = pwf_mem_alloc(PWF_MEM_BUFFERS, (int64_t)r.bytes, 1, &r.in);
    if (s.code == PWF_OK) s = read_row(&r);
    pwf_pickle_free(&r.pickle);
    pwf_mem_free(r.storage);
    pwf_mem_free(r.in);
    return s;
}

/* 0x80 begins a pickle; the length of a safetensors header may begin with it too. */
static bool recognise(const unsigned char *first, size_t bytes)
{
    return bytes > 8 && first[0] == 0x80 && first[8] != '{';
}

const pwf_reader pwf_reader_pytorch_pickles = {
    .name = "PyTorch", .recognise = recognise, .list = list_tensors};
