/* SPDX-License-Identifier: BSD-3-Clause */
/* The names in a pickle and what is built from them: tensors, storages, parameters, dicts. Called
 * by the opcodes in pickle.c. Every unknown name becomes an opaque value; nothing is imported or
 * called. */
#include "pickle_machine.h"

#include <string.h>

/* `number` of a NAME node: what it names; of an OPAQUE one: what it was made from. */
enum {
    NAME_OTHER,
    NAME_ORDERED_DICT,
    NAME_REBUILD_TENSOR,
    NAME_REBUILD_PARAMETER,
    NAME_PARAMETER, /* the class, as before PyTorch 0.4 */
    NAME_STORAGE
};

/* Copies at most `room` items of a list; returns the length of the list, or -1 if the value is not
 * a list. */
static int64_t items(pwf_pickle_machine *m, int32_t list, int32_t *out, int room)
{
    const pwf_pickle_node *n = pwf_pickle_at(m, list);
    if (n->kind != PWF_PICKLE_LIST) return -1;
    int32_t cell = n->first;
    for (int i = 0; i < room && cell >= 0; i++) {
        out[i] = m->p->cell[cell].node;
        cell = m->p->cell[cell].next;
    }
    return n->number;
}

/* ---- names ---- */

/* Whether a string of `length` bytes is `word`. */
static bool is(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static const struct {
    const char *name;
    pwf_dtype dtype;
} storages[] = {{"FloatStorage", PWF_DTYPE_F32},     {"HalfStorage", PWF_DTYPE_F16},
                {"BFloat16Storage", PWF_DTYPE_BF16}, {"DoubleStorage", PWF_DTYPE_F64},
                {"LongStorage", PWF_DTYPE_I64},      {"IntStorage", PWF_DTYPE_I32},
                {"ShortStorage", PWF_DTYPE_I16},     {"CharStorage", PWF_DTYPE_I8},
                {"ByteStorage", PWF_DTYPE_U8},       {"BoolStorage", PWF_DTYPE_BOOL}};

void pwf_pickle_name(pwf_pickle_machine *m, const char *module, size_t module_length,
                     const char *word, size_t length)
{
    const int32_t i = pwf_pickle_new(m, PWF_PICKLE_NAME);
    pwf_pickle_node *n = pwf_pickle_at(m, i);
    const bool torch = is(module, module_length, "torch");
    const bool utils = is(module, module_length, "torch._utils");
    if (is(module, module_length, "collections") && is(word, length, "OrderedDict"))
        n->number = NAME_ORDERED_DICT;
    else if (utils &&
             (is(word, length, "_rebuild_tensor_v2") || is(word, length, "_rebuild_tensor")))
        n->number = NAME_REBUILD_TENSOR;
    else if (utils && is(word, length, "_rebuild_parameter"))
        n->number = NAME_REBUILD_PARAMETER;
    else if (is(module, module_length, "torch.nn.parameter") && is(word, length, "Parameter"))
        n->number = NAME_PARAMETER;
    for (size_t k = 0; torch && k < sizeof storages / sizeof *storages; k++)
        if (is(word, length, storages[k].name)) {
            n->number = NAME_STORAGE;
            n->dtype = storages[k].dtype;
        }
    pwf_pickle_push(m, i);
}

/* Whether a value is the string `word`. */
static bool is_text(const pwf_pickle_machine *m, int32_t i, const char *word)
{
    const pwf_pickle_node *n = pwf_pickle_at(m, i);
    return n->kind == PWF_PICKLE_TEXT && is(n->text, n->length, word);
}

void pwf_pickle_stack_name(pwf_pickle_machine *m)
{
    const pwf_pickle_node *word = pwf_pickle_at(m, pwf_pickle_pop(m)),
                          *module = pwf_pickle_at(m, pwf_pickle_pop(m));
    if (m->wrong) return;
    if (word->kind != PWF_PICKLE_TEXT || module->kind != PWF_PICKLE_TEXT)
        return pwf_pickle_fail(m, "a name is not a string");
    pwf_pickle_name(m, module->text, module->length, word->text, word->length);
}

/* ---- what is built from names ---- */

/* Whether a list holds at most PWF_TENSOR_DIMS integers. */
static bool is_ints(pwf_pickle_machine *m, int32_t list)
{
    int32_t item[PWF_TENSOR_DIMS];
    const int64_t count = items(m, list, item, PWF_TENSOR_DIMS);
    if (count < 0 || count > PWF_TENSOR_DIMS) return false;
    for (int64_t i = 0; i < count; i++)
        if (pwf_pickle_at(m, item[i])->kind != PWF_PICKLE_INT) return false;
    return true;
}

/* Builds a tensor from (storage, offset, shape, strides, ...). */
static void rebuild_tensor(pwf_pickle_machine *m, int32_t arguments)
{
    int32_t a[4];
    if (items(m, arguments, a, 4) < 4) return pwf_pickle_fail(m, "a tensor has too few arguments");
    if (pwf_pickle_at(m, a[0])->kind == PWF_PICKLE_OPAQUE)
        return pwf_pickle_push_new(m, PWF_PICKLE_OPAQUE);
    if (pwf_pickle_at(m, a[0])->kind != PWF_PICKLE_STORAGE ||
        pwf_pickle_at(m, a[1])->kind != PWF_PICKLE_INT || !is_ints(m, a[2]) || !is_ints(m, a[3]) ||
        pwf_pickle_at(m, a[2])->number != pwf_pickle_at(m, a[3])->number)
        return pwf_pickle_fail(m, "a tensor has arguments of the wrong types");
    const int32_t i = pwf_pickle_new(m, PWF_PICKLE_TENSOR);
    pwf_pickle_node *n = pwf_pickle_at(m, i);
    n->first = a[0];
    n->number = pwf_pickle_at(m, a[1])->number;
    n->shape = a[2];
    n->stride = a[3];
    pwf_pickle_push(m, i);
}

/* Python 2 passes an OrderedDict a list of [key, value]. Anything else fails at once: a pickle can
 * recall one list a million times. */
static void ordered_dict(pwf_pickle_machine *m, int32_t arguments)
{
    int32_t list = 0, pair[2];
    const int64_t count = items(m, arguments, &list, 1);
    if (count < 0 || count > 1 || (count == 1 && pwf_pickle_at(m, list)->kind != PWF_PICKLE_LIST))
        return pwf_pickle_push_new(m, PWF_PICKLE_OPAQUE);
    const int32_t dict = pwf_pickle_new(m, PWF_PICKLE_DICT);
    int32_t cell = count == 1 ? pwf_pickle_at(m, list)->first : -1;
    for (; cell >= 0 && !m->wrong; cell = m->p->cell[cell].next) {
        if (items(m, m->p->cell[cell].node, pair, 2) != 2)
            return pwf_pickle_fail(m, "a dict is made of items that are not pairs");
        pwf_pickle_append(m, dict, pair[0]);
        pwf_pickle_append(m, dict, pair[1]);
    }
    pwf_pickle_push(m, dict);
}

/* A Parameter is replaced by its tensor; without one, the tensor comes with the state. */
static void parameter(pwf_pickle_machine *m, int32_t arguments)
{
    int32_t first = 0;
    if (items(m, arguments, &first, 1) >= 1) return pwf_pickle_push(m, first);
    const int32_t i = pwf_pickle_new(m, PWF_PICKLE_OPAQUE);
    pwf_pickle_at(m, i)->number = NAME_PARAMETER;
    pwf_pickle_push(m, i);
}

/* Calls a known function or class; any other one gives an opaque value. */
static void call(pwf_pickle_machine *m, int64_t which, int32_t arguments)
{
    int32_t first = 0;
    if (which == NAME_ORDERED_DICT)
        ordered_dict(m, arguments);
    else if (which == NAME_PARAMETER)
        parameter(m, arguments);
    else if (which == NAME_REBUILD_TENSOR)
        rebuild_tensor(m, arguments);
    else if (which == NAME_REBUILD_PARAMETER && items(m, arguments, &first, 1) >= 1)
        pwf_pickle_push(m, first);
    else
        pwf_pickle_push_new(m, PWF_PICKLE_OPAQUE);
}

void pwf_pickle_reduce(pwf_pickle_machine *m)
{
    const int32_t arguments = pwf_pickle_pop(m), function = pwf_pickle_pop(m);
    if (m->wrong) return;
    const pwf_pickle_node *f = pwf_pickle_at(m, function);
    call(m, f->kind == PWF_PICKLE_NAME ? f->number : NAME_OTHER, arguments);
}

void pwf_pickle_new_object(pwf_pickle_machine *m)
{
    const int32_t arguments = pwf_pickle_pop(m), class = pwf_pickle_pop(m);
    if (m->wrong) return;
    const pwf_pickle_node *c = pwf_pickle_at(m, class);
    const bool known = c->kind == PWF_PICKLE_NAME && c->number == NAME_PARAMETER;
    call(m, known ? NAME_PARAMETER : NAME_OTHER, arguments);
}

/* The state of known objects (hooks, _metadata of a dict) is not needed. The oldest Parameters hold
 * their tensor in it: (data, gradient, hooks, requires_grad, volatile). */
void pwf_pickle_build(pwf_pickle_machine *m)
{
    int32_t first = 0;
    const int32_t state = pwf_pickle_pop(m);
    if (m->wrong || m->p->depth == 0) return;
    pwf_pickle_node *object = pwf_pickle_at(m, m->p->stack[m->p->depth - 1]);
    if (object->kind == PWF_PICKLE_OPAQUE && object->number == NAME_PARAMETER &&
        items(m, state, &first, 1) == 5 && pwf_pickle_at(m, first)->kind == PWF_PICKLE_TENSOR)
        *object = *pwf_pickle_at(m, first);
}

/* A reference to a storage: ('storage', type, key, device, elements), before PyTorch 1.6 followed
 * by a view or None; or to a pickled module: ('module', class, file, source). */
void pwf_pickle_persistent(pwf_pickle_machine *m)
{
    int32_t a[6];
    const int32_t id = pwf_pickle_pop(m);
    const int64_t parts = m->wrong ? 0 : items(m, id, a, 6);
    if (parts >= 1 && is_text(m, a[0], "module")) return pwf_pickle_push_new(m, PWF_PICKLE_OPAQUE);
    if (parts < 5) return pwf_pickle_fail(m, "a reference that is not to a storage");
    const pwf_pickle_node *type = pwf_pickle_at(m, a[1]), *key = pwf_pickle_at(m, a[2]);
    const pwf_pickle_node *count = pwf_pickle_at(m, a[4]);
    if (type->kind != PWF_PICKLE_NAME || type->number != NAME_STORAGE)
        return pwf_pickle_push_new(m, PWF_PICKLE_OPAQUE);
    if (key->kind != PWF_PICKLE_TEXT || count->kind != PWF_PICKLE_INT || count->number < 0)
        return pwf_pickle_fail(m, "a storage has arguments of the wrong types");
    /* views are refused: their elements lie elsewhere */
    if (parts > 5 && pwf_pickle_at(m, a[5])->kind != PWF_PICKLE_NONE)
        return pwf_pickle_fail(m, "a storage is a view of another one");
    const pwf_pickle_node storage = {.kind = PWF_PICKLE_STORAGE,
                                     .first = -1,
                                     .last = -1,
                                     .number = count->number,
                                     .text = key->text,
                                     .length = key->length,
                                     .dtype = type->dtype};
    const int32_t i = pwf_pickle_new(m, PWF_PICKLE_STORAGE);
    *pwf_pickle_at(m, i) = storage;
    pwf_pickle_push(m, i);
}
