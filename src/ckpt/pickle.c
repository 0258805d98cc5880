/* SPDX-License-Identifier: BSD-3-Clause */
/* A stack machine after Python's pickletools: each opcode makes at most one value, so memory is
 * bounded by the length of the text. */
#include "pickle.h"

#include <stdlib.h>
#include <string.h>

enum { MEMO_MAX = 1 << 22, NODES_MAX = 1 << 22 };

/* What a NAME node stands for, in `number`. */
enum { NAME_OTHER, NAME_ORDERED_DICT, NAME_REBUILD_TENSOR, NAME_REBUILD_PARAMETER, NAME_STORAGE };

typedef struct machine {
    pwf_pickle *p;
    const unsigned char *in, *at, *end;
    const char *wrong; /* the first thing that was wrong */
    bool memory;       /* there was none */
} machine;

static void fail(machine *m, const char *what)
{
    if (!m->wrong) m->wrong = what;
}

/* Makes room for one more element; false without memory. */
static bool room_for(machine *m, void *array, int32_t used, int32_t *room, size_t size)
{
    if (used < *room) return true;
    const int32_t more = *room > 0 ? 2 * *room : 256;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = used < NODES_MAX ? realloc(old, (size_t)more * size) : NULL;
    if (!grown) {
        m->memory = true;
        fail(m, "no memory");
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

/* ---- values ---- */

static int32_t node(machine *m, pwf_pickle_kind kind)
{
    pwf_pickle *p = m->p;
    if (!room_for(m, &p->node, p->nodes, &p->node_room, sizeof *p->node)) return 0;
    p->node[p->nodes] = (pwf_pickle_node){.kind = kind, .first = -1, .last = -1};
    return p->nodes++;
}

static void push(machine *m, int32_t value)
{
    pwf_pickle *p = m->p;
    if (room_for(m, &p->stack, p->depth, &p->stack_room, sizeof *p->stack))
        p->stack[p->depth++] = value;
}

static void push_new(machine *m, pwf_pickle_kind kind)
{
    push(m, node(m, kind));
}

static int32_t pop(machine *m)
{
    if (m->p->depth > 0) return m->p->stack[--m->p->depth];
    fail(m, "the stack is empty");
    return node(m, PWF_PICKLE_NONE);
}

static pwf_pickle_node *at_node(machine *m, int32_t i)
{
    return &m->p->node[i];
}

/* Adds a value to a list or dict. */
static void append(machine *m, int32_t list, int32_t value)
{
    pwf_pickle *p = m->p;
    if (!room_for(m, &p->cell, p->cells, &p->cell_room, sizeof *p->cell)) return;
    p->cell[p->cells] = (pwf_pickle_cell){value, -1};
    pwf_pickle_node *n = at_node(m, list);
    if (n->last >= 0)
        p->cell[n->last].next = p->cells;
    else
        n->first = p->cells;
    n->last = p->cells++;
    n->number++;
}

/* The place on the stack behind the last mark. */
static int32_t behind_mark(machine *m)
{
    int32_t i = m->p->depth;
    while (i > 0 && at_node(m, m->p->stack[i - 1])->kind != PWF_PICKLE_MARK)
        i--;
    if (i == 0) fail(m, "there is no mark");
    return i;
}

/* Takes all values above the mark, and the mark, into the list or dict below or a new tuple. */
static void take_marked(machine *m, pwf_pickle_kind kind, bool into_new)
{
    const int32_t lo = behind_mark(m);
    if (m->wrong) return;
    int32_t to = 0;
    if (into_new) {
        to = node(m, kind);
    } else {
        if (lo < 2) return fail(m, "nothing to add to");
        to = m->p->stack[lo - 2];
    }
    const pwf_pickle_kind found = at_node(m, to)->kind;
    if (found == kind) {
        if (kind == PWF_PICKLE_DICT && (m->p->depth - lo) % 2 != 0) return fail(m, "an odd dict");
        for (int32_t i = lo; i < m->p->depth; i++)
            append(m, to, m->p->stack[i]);
    } else if (found != PWF_PICKLE_OPAQUE) {
        return fail(m, "values are added to what is no list or dict");
    }
    m->p->depth = lo - 1;
    if (into_new) push(m, to);
}

static void take_top(machine *m, int32_t count)
{
    if (m->p->depth < count) return fail(m, "the stack is empty");
    const int32_t tuple = node(m, PWF_PICKLE_LIST);
    for (int32_t i = m->p->depth - count; i < m->p->depth; i++)
        append(m, tuple, m->p->stack[i]);
    m->p->depth -= count;
    push(m, tuple);
}

/* Adds the `count` values on top to the list or dict below them. */
static void add_top(machine *m, pwf_pickle_kind kind, int32_t count)
{
    if (m->p->depth < count + 1) return fail(m, "the stack is empty");
    const int32_t to = m->p->stack[m->p->depth - count - 1];
    const pwf_pickle_kind found = at_node(m, to)->kind;
    if (found != kind && found != PWF_PICKLE_OPAQUE)
        return fail(m, "values are added to what is no list or dict");
    for (int32_t i = m->p->depth - count; found == kind && i < m->p->depth; i++)
        append(m, to, m->p->stack[i]);
    m->p->depth -= count;
}

/* The items of a list, at most `room`; returns how many there are. */
static int64_t items(machine *m, int32_t list, int32_t *out, int room)
{
    const pwf_pickle_node *n = at_node(m, list);
    if (n->kind != PWF_PICKLE_LIST) return -1;
    int32_t cell = n->first;
    for (int i = 0; i < room && cell >= 0; i++) {
        out[i] = m->p->cell[cell].node;
        cell = m->p->cell[cell].next;
    }
    return n->number;
}

/* ---- names ---- */

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

static void name(machine *m, const char *module, size_t module_length, const char *word,
                 size_t length)
{
    const int32_t i = node(m, PWF_PICKLE_NAME);
    pwf_pickle_node *n = at_node(m, i);
    const bool torch = is(module, module_length, "torch");
    const bool utils = is(module, module_length, "torch._utils");
    if (is(module, module_length, "collections") && is(word, length, "OrderedDict"))
        n->number = NAME_ORDERED_DICT;
    else if (utils &&
             (is(word, length, "_rebuild_tensor_v2") || is(word, length, "_rebuild_tensor")))
        n->number = NAME_REBUILD_TENSOR;
    else if (utils && is(word, length, "_rebuild_parameter"))
        n->number = NAME_REBUILD_PARAMETER;
    for (size_t k = 0; torch && k < sizeof storages / sizeof *storages; k++)
        if (is(word, length, storages[k].name)) {
            n->number = NAME_STORAGE;
            n->dtype = storages[k].dtype;
        }
    push(m, i);
}

/* A name as two lines of text. */
static void read_name(machine *m)
{
    const unsigned char *line[2] = {NULL, NULL};
    size_t length[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const unsigned char *stop = memchr(m->at, '\n', (size_t)(m->end - m->at));
        if (!stop) return fail(m, "a name is cut off");
        line[i] = m->at;
        length[i] = (size_t)(stop - m->at);
        m->at = stop + 1;
    }
    name(m, (const char *)line[0], length[0], (const char *)line[1], length[1]);
}

static void stack_name(machine *m)
{
    const pwf_pickle_node *word = at_node(m, pop(m)), *module = at_node(m, pop(m));
    if (m->wrong) return;
    if (word->kind != PWF_PICKLE_TEXT || module->kind != PWF_PICKLE_TEXT)
        return fail(m, "a name is no text");
    name(m, module->text, module->length, word->text, word->length);
}

/* ---- what is built from names ---- */

static bool is_ints(machine *m, int32_t list)
{
    int32_t item[PWF_TENSOR_DIMS];
    const int64_t count = items(m, list, item, PWF_TENSOR_DIMS);
    if (count < 0 || count > PWF_TENSOR_DIMS) return false;
    for (int64_t i = 0; i < count; i++)
        if (at_node(m, item[i])->kind != PWF_PICKLE_INT) return false;
    return true;
}

static void rebuild_tensor(machine *m, int32_t arguments)
{
    int32_t a[4];
    if (items(m, arguments, a, 4) < 4) return fail(m, "a tensor lacks arguments");
    if (at_node(m, a[0])->kind == PWF_PICKLE_OPAQUE) return push_new(m, PWF_PICKLE_OPAQUE);
    if (at_node(m, a[0])->kind != PWF_PICKLE_STORAGE || at_node(m, a[1])->kind != PWF_PICKLE_INT ||
        !is_ints(m, a[2]) || !is_ints(m, a[3]) ||
        at_node(m, a[2])->number != at_node(m, a[3])->number)
        return fail(m, "a tensor has arguments of other kinds");
    const int32_t i = node(m, PWF_PICKLE_TENSOR);
    pwf_pickle_node *n = at_node(m, i);
    n->first = a[0];
    n->number = at_node(m, a[1])->number;
    n->shape = a[2];
    n->stride = a[3];
    push(m, i);
}

/* OrderedDict(), or Python 2's OrderedDict([[key, value], ...]). */
static void ordered_dict(machine *m, int32_t arguments)
{
    const int32_t dict = node(m, PWF_PICKLE_DICT);
    int32_t pairs = 0, pair[2];
    if (items(m, arguments, &pairs, 1) == 1 && at_node(m, pairs)->kind == PWF_PICKLE_LIST)
        for (int32_t cell = at_node(m, pairs)->first; cell >= 0 && !m->wrong;) {
            if (items(m, m->p->cell[cell].node, pair, 2) != 2)
                return fail(m, "an ordered dict of other things than pairs");
            cell = m->p->cell[cell].next;
            append(m, dict, pair[0]);
            append(m, dict, pair[1]);
        }
    push(m, dict);
}

static void reduce(machine *m)
{
    const int32_t arguments = pop(m), function = pop(m);
    if (m->wrong) return;
    const pwf_pickle_node *f = at_node(m, function);
    const int64_t which = f->kind == PWF_PICKLE_NAME ? f->number : NAME_OTHER;
    int32_t first = 0;
    if (which == NAME_ORDERED_DICT)
        ordered_dict(m, arguments);
    else if (which == NAME_REBUILD_TENSOR)
        rebuild_tensor(m, arguments);
    else if (which == NAME_REBUILD_PARAMETER && items(m, arguments, &first, 1) >= 1)
        push(m, first);
    else
        push_new(m, PWF_PICKLE_OPAQUE);
}

/* ('storage', type, key, device, elements), before PyTorch 1.6 also None: no view of another one */
static void persistent(machine *m)
{
    int32_t a[6];
    const int32_t id = pop(m);
    const int64_t count = m->wrong ? -1 : items(m, id, a, 6);
    if (count < 5) return fail(m, "a reference to no storage");
    if (count > 5 && at_node(m, a[5])->kind != PWF_PICKLE_NONE)
        return fail(m, "a storage is a view of another one");
    const pwf_pickle_node *type = at_node(m, a[1]), *key = at_node(m, a[2]);
    const pwf_pickle_node *elements = at_node(m, a[4]);
    if (type->kind != PWF_PICKLE_NAME || type->number != NAME_STORAGE)
        return push_new(m, PWF_PICKLE_OPAQUE);
    if (key->kind != PWF_PICKLE_TEXT || elements->kind != PWF_PICKLE_INT || elements->number < 0)
        return fail(m, "a storage has arguments of other kinds");
    const pwf_pickle_node storage = {.kind = PWF_PICKLE_STORAGE,
                                     .first = -1,
                                     .last = -1,
                                     .number = elements->number,
                                     .text = key->text,
                                     .length = key->length,
                                     .dtype = type->dtype};
    const int32_t i = node(m, PWF_PICKLE_STORAGE);
    *at_node(m, i) = storage;
    push(m, i);
}

/* ---- the text ---- */

static uint64_t take(machine *m, int bytes)
{
    uint64_t x = 0;
    if (m->end - m->at < bytes) {
        fail(m, "it is cut off");
        return 0;
    }
    for (int i = bytes - 1; i >= 0; i--)
        x = x << 8 | m->at[i];
    m->at += bytes;
    return x;
}

static void skip(machine *m, uint64_t bytes)
{
    if (bytes > (uint64_t)(m->end - m->at)) return fail(m, "it is cut off");
    m->at += bytes;
}

static void text(machine *m, uint64_t length)
{
    const char *from = (const char *)m->at;
    skip(m, length);
    if (m->wrong || length > UINT32_MAX) return fail(m, "it is cut off");
    const int32_t i = node(m, PWF_PICKLE_TEXT);
    at_node(m, i)->text = from;
    at_node(m, i)->length = (uint32_t)length;
    push(m, i);
}

static void integer(machine *m, int64_t value)
{
    const int32_t i = node(m, PWF_PICKLE_INT);
    at_node(m, i)->number = value;
    push(m, i);
}

static void boolean(machine *m, bool value)
{
    push_new(m, PWF_PICKLE_NONE);
    if (!m->wrong) at_node(m, m->p->stack[m->p->depth - 1])->number = value;
}

/* An integer of any length; one that does not fit is nothing a tensor has. */
static void long_integer(machine *m, uint64_t length)
{
    if (length > 8) {
        skip(m, length);
        return push_new(m, PWF_PICKLE_OPAQUE);
    }
    uint64_t x = take(m, (int)length);
    if (length > 0 && length < 8 && (x >> (8 * length - 1) & 1) != 0)
        x |= ~UINT64_C(0) << (8 * length);
    integer(m, (int64_t)x);
}

static void remember(machine *m, uint64_t slot)
{
    pwf_pickle *p = m->p;
    /* Slots are given in turn: none is beyond the length of the pickle, whatever it says. */
    if (slot >= MEMO_MAX || slot > (uint64_t)(m->end - m->in) || p->depth == 0)
        return fail(m, "nothing to remember");
    while ((int32_t)slot >= p->memo_room) {
        const int32_t before = p->memo_room;
        if (!room_for(m, &p->memo, before, &p->memo_room, sizeof *p->memo)) return;
        memset(p->memo + before, 0xff, (size_t)(p->memo_room - before) * sizeof *p->memo);
    }
    p->memo[slot] = p->stack[p->depth - 1];
}

static void recall(machine *m, uint64_t slot)
{
    if (slot >= (uint64_t)m->p->memo_room || m->p->memo[slot] < 0)
        return fail(m, "it recalls what was not remembered");
    push(m, m->p->memo[slot]);
}

/* clang-format off: a table, one opcode a line */

/* Opcodes that make or move values; false for one that is not known. */
static bool plain_opcode(machine *m, unsigned char op, uint64_t *memoized)
{
    switch (op) {
    case '(':
        push_new(m, PWF_PICKLE_MARK);
        return true;
    case ')':
        push_new(m, PWF_PICKLE_LIST);
        return true;
    case ']':
        push_new(m, PWF_PICKLE_LIST);
        return true;
    case '}':
        push_new(m, PWF_PICKLE_DICT);
        return true;
    case 't':
        take_marked(m, PWF_PICKLE_LIST, true);
        return true;
    case 'l':
        take_marked(m, PWF_PICKLE_LIST, true);
        return true;
    case 'd':
        take_marked(m, PWF_PICKLE_DICT, true);
        return true;
    case 'e':
        take_marked(m, PWF_PICKLE_LIST, false);
        return true;
    case 'u':
        take_marked(m, PWF_PICKLE_DICT, false);
        return true;
    case 'a':
        add_top(m, PWF_PICKLE_LIST, 1);
        return true;
    case 's':
        add_top(m, PWF_PICKLE_DICT, 2);
        return true;
    case 0x85:
        take_top(m, 1);
        return true;
    case 0x86:
        take_top(m, 2);
        return true;
    case 0x87:
        take_top(m, 3);
        return true;
    case 'q':
        remember(m, take(m, 1));
        return true;
    case 'r':
        remember(m, take(m, 4));
        return true;
    case 0x94:
        remember(m, (*memoized)++);
        return true;
    case 'h':
        recall(m, take(m, 1));
        return true;
    case 'j':
        recall(m, take(m, 4));
        return true;
    case 'N':
    case 0x88:
    case 0x89:
        boolean(m, op == 0x88);
        return true;
    case 'G':
        skip(m, 8);
        push_new(m, PWF_PICKLE_NONE);
        return true;
    case 'K':
        integer(m, (int64_t)take(m, 1));
        return true;
    case 'M':
        integer(m, (int64_t)take(m, 2));
        return true;
    case 'J':
        integer(m, (int32_t)(uint32_t)take(m, 4));
        return true;
    case 0x8a:
        long_integer(m, take(m, 1));
        return true;
    case 0x8b:
        long_integer(m, take(m, 4));
        return true;
    case 'X':
    case 'T':
    case 'B':
        text(m, take(m, 4));
        return true;
    case 'U':
    case 'C':
    case 0x8c:
        text(m, take(m, 1));
        return true;
    case 0x8d:
    case 0x8e:
        text(m, take(m, 8));
        return true;
    default:
        return false;
    }
}

/* Opcodes that stand for objects. */
static bool object_opcode(machine *m, unsigned char op)
{
    switch (op) {
    case 0x80:
        skip(m, 1);
        return true; /* the protocol */
    case 0x95:
        skip(m, 8);
        return true; /* the length of a frame */
    case 'c':
        read_name(m);
        return true;
    case 0x93:
        stack_name(m);
        return true;
    case 'Q':
        persistent(m);
        return true;
    case 'R':
        reduce(m);
        return true;
    case 0x81:
        pop(m);
        pop(m);
        push_new(m, PWF_PICKLE_OPAQUE);
        return true; /* a new object */
    case 'b':
        pop(m);
        return true; /* its state */
    default:
        return false;
    }
}

/* clang-format on */

pwf_status pwf_pickle_read(pwf_pickle *p, const unsigned char *in, size_t bytes, int32_t *top)
{
    machine m = {p, in, in, in + bytes, NULL, false};
    *p = (pwf_pickle){0};
    uint64_t memoized = 0;
    bool stopped = false;
    const unsigned char *opcode = in;
    node(&m, PWF_PICKLE_NONE); /* what a failure leaves behind */
    while (!m.wrong && !stopped) {
        opcode = m.at;
        const unsigned char op = (unsigned char)take(&m, 1);
        stopped = op == '.';
        if (!m.wrong && !stopped && !plain_opcode(&m, op, &memoized) && !object_opcode(&m, op))
            fail(&m, "it has an opcode that no state dict has");
    }
    if (!m.wrong) *top = pop(&m);
    p->length = (size_t)(m.at - in);
    if (m.memory) return PWF_FAIL(PWF_RESOURCE, "no memory for a pickle of %zu bytes", bytes);
    if (m.wrong)
        return PWF_FAIL(PWF_DATA, "its pickle is none of a state dict at byte %lld: %s",
                        (long long)(opcode - in), m.wrong);
    return pwf_ok();
}

void pwf_pickle_free(pwf_pickle *p)
{
    free(p->node);
    free(p->cell);
    free(p->stack);
    free(p->memo);
    *p = (pwf_pickle){0};
}

int32_t pwf_pickle_find(const pwf_pickle *p, int32_t dict, const char *key)
{
    if (p->node[dict].kind != PWF_PICKLE_DICT) return -1;
    int32_t cell = p->node[dict].first;
    while (cell >= 0) {
        const pwf_pickle_node *k = &p->node[p->cell[cell].node];
        const int32_t value = p->cell[cell].next;
        if (value < 0) return -1;
        if (k->kind == PWF_PICKLE_TEXT && is(k->text, k->length, key)) return p->cell[value].node;
        cell = p->cell[value].next;
    }
    return -1;
}
