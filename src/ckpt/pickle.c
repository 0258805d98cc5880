/* SPDX-License-Identifier: BSD-3-Clause */
/* A stack machine after Python's pickletools: each opcode makes at most one value, so memory is
 * bounded by the length of the text. */
#include "pickle_machine.h"

#include <stdlib.h>
#include <string.h>

enum { MEMO_MAX = 1 << 22, NODES_MAX = 1 << 22 };

void pwf_machine_fail(pwf_machine *m, const char *what)
{
    if (!m->wrong) m->wrong = what;
}

/* Makes room for one more element; false without memory. */
static bool room_for(pwf_machine *m, void *array, int32_t used, int32_t *room, size_t size)
{
    if (used < *room) return true;
    const int32_t more = *room > 0 ? 2 * *room : 256;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = used < NODES_MAX ? realloc(old, (size_t)more * size) : NULL;
    if (!grown) {
        m->memory = true;
        pwf_machine_fail(m, "no memory");
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

/* ---- values ---- */

int32_t pwf_machine_new(pwf_machine *m, pwf_pickle_kind kind)
{
    pwf_pickle *p = m->p;
    if (!room_for(m, &p->node, p->nodes, &p->node_room, sizeof *p->node)) return 0;
    p->node[p->nodes] = (pwf_pickle_node){.kind = kind, .first = -1, .last = -1};
    return p->nodes++;
}

void pwf_machine_push(pwf_machine *m, int32_t value)
{
    pwf_pickle *p = m->p;
    if (room_for(m, &p->stack, p->depth, &p->stack_room, sizeof *p->stack))
        p->stack[p->depth++] = value;
}

void pwf_machine_push_new(pwf_machine *m, pwf_pickle_kind kind)
{
    pwf_machine_push(m, pwf_machine_new(m, kind));
}

int32_t pwf_machine_pop(pwf_machine *m)
{
    if (m->p->depth > 0) return m->p->stack[--m->p->depth];
    pwf_machine_fail(m, "the stack is empty");
    return pwf_machine_new(m, PWF_PICKLE_NONE);
}

static pwf_pickle_node *at_node(const pwf_machine *m, int32_t i)
{
    return &m->p->node[i];
}

/* Adds a value to a list or dict. */
void pwf_machine_append(pwf_machine *m, int32_t list, int32_t value)
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
static int32_t behind_mark(pwf_machine *m)
{
    int32_t i = m->p->depth;
    while (i > 0 && at_node(m, m->p->stack[i - 1])->kind != PWF_PICKLE_MARK)
        i--;
    if (i == 0) pwf_machine_fail(m, "there is no mark");
    return i;
}

/* Takes all values above the mark, and the mark, into the list or dict below or a new tuple. */
static void take_marked(pwf_machine *m, pwf_pickle_kind kind, bool into_new)
{
    const int32_t lo = behind_mark(m);
    if (m->wrong) return;
    int32_t to = 0;
    if (into_new) {
        to = pwf_machine_new(m, kind);
    } else {
        if (lo < 2) return pwf_machine_fail(m, "nothing to add to");
        to = m->p->stack[lo - 2];
    }
    const pwf_pickle_kind found = at_node(m, to)->kind;
    if (found == kind) {
        if (kind == PWF_PICKLE_DICT && (m->p->depth - lo) % 2 != 0)
            return pwf_machine_fail(m, "an odd dict");
        for (int32_t i = lo; i < m->p->depth; i++)
            pwf_machine_append(m, to, m->p->stack[i]);
    } else if (found != PWF_PICKLE_OPAQUE) {
        return pwf_machine_fail(m, "values are added to what is no list or dict");
    }
    m->p->depth = lo - 1;
    if (into_new) pwf_machine_push(m, to);
}

static void take_top(pwf_machine *m, int32_t count)
{
    if (m->p->depth < count) return pwf_machine_fail(m, "the stack is empty");
    const int32_t tuple = pwf_machine_new(m, PWF_PICKLE_LIST);
    for (int32_t i = m->p->depth - count; i < m->p->depth; i++)
        pwf_machine_append(m, tuple, m->p->stack[i]);
    m->p->depth -= count;
    pwf_machine_push(m, tuple);
}

/* Adds the `count` values on top to the list or dict below them. */
static void add_top(pwf_machine *m, pwf_pickle_kind kind, int32_t count)
{
    if (m->p->depth < count + 1) return pwf_machine_fail(m, "the stack is empty");
    const int32_t to = m->p->stack[m->p->depth - count - 1];
    const pwf_pickle_kind found = at_node(m, to)->kind;
    if (found != kind && found != PWF_PICKLE_OPAQUE)
        return pwf_machine_fail(m, "values are added to what is no list or dict");
    for (int32_t i = m->p->depth - count; found == kind && i < m->p->depth; i++)
        pwf_machine_append(m, to, m->p->stack[i]);
    m->p->depth -= count;
}

/* ---- the text ---- */

static void cut_off(pwf_machine *m)
{
    m->at = m->end;
    pwf_machine_fail(m, "it is cut off");
}

/* The bytes up to the next end of a line. */
static size_t line(pwf_machine *m)
{
    const unsigned char *stop = memchr(m->at, '\n', (size_t)(m->end - m->at));
    const size_t length = stop ? (size_t)(stop - m->at) : 0;
    if (stop)
        m->at = stop + 1;
    else
        cut_off(m);
    return length;
}

/* A name as two lines of text. */
static void read_name(pwf_machine *m)
{
    const char *module = (const char *)m->at;
    const size_t module_length = line(m);
    const char *word = (const char *)m->at;
    const size_t length = line(m);
    if (!m->wrong) pwf_machine_name(m, module, module_length, word, length);
}

static uint64_t take(pwf_machine *m, int bytes)
{
    uint64_t x = 0;
    if (m->end - m->at < bytes) {
        cut_off(m);
        return 0;
    }
    for (int i = bytes - 1; i >= 0; i--)
        x = x << 8 | m->at[i];
    m->at += bytes;
    return x;
}

static void skip(pwf_machine *m, uint64_t bytes)
{
    if (bytes > (uint64_t)(m->end - m->at)) return cut_off(m);
    m->at += bytes;
}

static void text(pwf_machine *m, uint64_t length)
{
    const char *from = (const char *)m->at;
    skip(m, length);
    if (m->wrong) return; /* also beyond UINT32_MAX: no file has as many bytes here */
    const int32_t i = pwf_machine_new(m, PWF_PICKLE_TEXT);
    at_node(m, i)->text = from;
    at_node(m, i)->length = (uint32_t)length;
    pwf_machine_push(m, i);
}

static void integer(pwf_machine *m, int64_t value)
{
    const int32_t i = pwf_machine_new(m, PWF_PICKLE_INT);
    at_node(m, i)->number = value;
    pwf_machine_push(m, i);
}

static void truth(pwf_machine *m)
{
    const int32_t i = pwf_machine_new(m, PWF_PICKLE_NONE);
    at_node(m, i)->number = 1;
    pwf_machine_push(m, i);
}

/* An integer of any length; one that does not fit is nothing a tensor has, and keeps its bytes. */
static void long_integer(pwf_machine *m, uint64_t length)
{
    if (length > 8) {
        text(m, length);
        if (!m->wrong) at_node(m, m->p->stack[m->p->depth - 1])->kind = PWF_PICKLE_OPAQUE;
        return;
    }
    uint64_t x = take(m, (int)length);
    if (length > 0 && length < 8 && (x >> (8 * length - 1) & 1) != 0)
        x |= ~UINT64_C(0) << (8 * length);
    integer(m, (int64_t)x);
}

static void remember(pwf_machine *m, uint64_t slot)
{
    pwf_pickle *p = m->p;
    /* Slots are given in turn: none is beyond the length of the pickle, whatever it says. */
    if (slot >= MEMO_MAX || slot > (uint64_t)(m->end - m->in) || p->depth == 0)
        return pwf_machine_fail(m, "nothing to remember");
    while ((int32_t)slot >= p->memo_room) {
        const int32_t before = p->memo_room;
        if (!room_for(m, &p->memo, before, &p->memo_room, sizeof *p->memo)) return;
        memset(p->memo + before, 0xff, (size_t)(p->memo_room - before) * sizeof *p->memo);
    }
    p->memo[slot] = p->stack[p->depth - 1];
}

static void recall(pwf_machine *m, uint64_t slot)
{
    if (slot >= (uint64_t)m->p->memo_room || m->p->memo[slot] < 0)
        return pwf_machine_fail(m, "it recalls what was not remembered");
    pwf_machine_push(m, m->p->memo[slot]);
}

/* clang-format off: a table, one opcode a line */

/* Opcodes that make or move values; false for one that is not known. */
static bool plain_opcode(pwf_machine *m, unsigned char op, uint64_t *memoized)
{
    switch (op) {
    case '(':
        pwf_machine_push_new(m, PWF_PICKLE_MARK);
        return true;
    case ')':
        pwf_machine_push_new(m, PWF_PICKLE_LIST);
        return true;
    case ']':
        pwf_machine_push_new(m, PWF_PICKLE_LIST);
        return true;
    case '}':
        pwf_machine_push_new(m, PWF_PICKLE_DICT);
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
    case 'I': /* Python 2 writes an int of more than 32 bits like this */
        (void)line(m);
        pwf_machine_push_new(m, PWF_PICKLE_NONE);
        return true;
    case 0x88:
        truth(m);
        return true;
    case 'N':
    case 0x89:
        pwf_machine_push_new(m, PWF_PICKLE_NONE);
        return true;
    case 'G':
        skip(m, 8);
        pwf_machine_push_new(m, PWF_PICKLE_NONE);
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
static bool object_opcode(pwf_machine *m, unsigned char op)
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
        pwf_machine_stack_name(m);
        return true;
    case 'Q':
        pwf_machine_persistent(m);
        return true;
    case 'R':
        pwf_machine_reduce(m);
        return true;
    case 0x81:
        pwf_machine_new_object(m);
        return true;
    case 'b':
        pwf_machine_build(m);
        return true;
    default:
        return false;
    }
}

/* clang-format on */

pwf_status pwf_pickle_read(pwf_pickle *p, const unsigned char *in, size_t bytes, size_t *at,
                           int32_t *top)
{
    pwf_machine m = {p, in + *at, in + *at, in + bytes, NULL, false};
    *p = (pwf_pickle){0};
    uint64_t memoized = 0;
    bool stopped = false;
    const unsigned char *opcode = m.at;
    pwf_machine_new(&m, PWF_PICKLE_NONE); /* what a failure leaves behind */
    while (!m.wrong && !stopped) {
        opcode = m.at;
        const unsigned char op = (unsigned char)take(&m, 1);
        stopped = op == '.';
        if (!m.wrong && !stopped && !plain_opcode(&m, op, &memoized) && !object_opcode(&m, op))
            pwf_machine_fail(&m, "it has an opcode that no state dict has");
    }
    if (!m.wrong) *top = pwf_machine_pop(&m);
    *at = (size_t)(m.at - in);
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
        if (k->kind == PWF_PICKLE_TEXT && k->length == strlen(key) &&
            memcmp(k->text, key, k->length) == 0)
            return p->cell[value].node;
        cell = p->cell[value].next;
    }
    return -1;
}
