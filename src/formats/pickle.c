/* SPDX-License-Identifier: BSD-3-Clause */
/* The opcodes of a pickle, after Python's pickletools, as far as a state dict needs them. Called by
 * the readers of PyTorch files. Works on bytes in memory and touches only the values that it
 * builds; imports, calls and executes nothing. */
#include "pickle_machine.h"

#include <stdlib.h>
#include <string.h>

enum { MEMO_MAX = 1 << 22 };

/* Stack index just above the last mark. */
static int32_t behind_mark(pwf_pickle_machine *m)
{
    int32_t i = m->p->depth;
    while (i > 0 && pwf_pickle_at(m, m->p->stack[i - 1])->kind != PWF_PICKLE_MARK)
        i--;
    if (i == 0) pwf_pickle_fail(m, "there is no mark");
    return i;
}

/* Moves the values from index `lo` on into a new list or dict, which goes to index `to`. */
static void take_above(pwf_pickle_machine *m, pwf_pickle_kind kind, int32_t lo, int32_t to)
{
    if (kind == PWF_PICKLE_DICT && (m->p->depth - lo) % 2 != 0)
        return pwf_pickle_fail(m, "a dict with an odd number of items");
    const int32_t made = pwf_pickle_new(m, kind);
    for (int32_t i = lo; i < m->p->depth; i++)
        pwf_pickle_append(m, made, m->p->stack[i]);
    m->p->depth = to;
    pwf_pickle_push(m, made);
}

/* Adds the values from index `lo` on to the list or dict below index `to`. */
static void add_above(pwf_pickle_machine *m, pwf_pickle_kind kind, int32_t lo, int32_t to)
{
    const int32_t list = m->p->stack[to - 1];
    const pwf_pickle_kind found = pwf_pickle_at(m, list)->kind;
    if (found != kind && found != PWF_PICKLE_OPAQUE)
        return pwf_pickle_fail(m, "values are added to something that is not a list or dict");
    if (found == PWF_PICKLE_DICT && (m->p->depth - lo) % 2 != 0)
        return pwf_pickle_fail(m, "a dict with an odd number of items");
    for (int32_t i = lo; found == kind && i < m->p->depth; i++)
        pwf_pickle_append(m, list, m->p->stack[i]);
    m->p->depth = to;
}

/* Moves the values above the last mark into a new container and removes the mark. */
static void take_marked(pwf_pickle_machine *m, uint64_t kind)
{
    const int32_t lo = behind_mark(m);
    if (!m->wrong) take_above(m, (pwf_pickle_kind)kind, lo, lo - 1);
}

/* Adds the values above the last mark to the container below it. */
static void add_marked(pwf_pickle_machine *m, uint64_t kind)
{
    const int32_t lo = behind_mark(m);
    if (m->wrong) return;
    if (lo < 2) return pwf_pickle_fail(m, "nothing to add to");
    add_above(m, (pwf_pickle_kind)kind, lo, lo - 1);
}

/* Makes a list of the `count` values on top. */
static void take_top(pwf_pickle_machine *m, uint64_t count)
{
    const int32_t lo = m->p->depth - (int32_t)count;
    if (lo < 0) return pwf_pickle_fail(m, "the stack is empty");
    take_above(m, PWF_PICKLE_LIST, lo, lo);
}

/* Adds the `count` values on top to the container below them: one to a list, or key and value to a
 * dict. */
static void add_top(pwf_pickle_machine *m, uint64_t count)
{
    const int32_t lo = m->p->depth - (int32_t)count;
    if (lo < 1) return pwf_pickle_fail(m, "the stack is empty");
    add_above(m, count == 1 ? PWF_PICKLE_LIST : PWF_PICKLE_DICT, lo, lo);
}

/* ---- the input ---- */

/* The input ends too early. */
static void cut_off(pwf_pickle_machine *m)
{
    m->at = m->end;
    pwf_pickle_fail(m, "it is truncated");
}

/* Returns the length of the line at the current position and moves past it. */
static size_t line(pwf_pickle_machine *m)
{
    const unsigned char *stop = memchr(m->at, '\n', (size_t)(m->end - m->at));
    const size_t length = stop ? (size_t)(stop - m->at) : 0;
    if (stop)
        m->at = stop + 1;
    else
        cut_off(m);
    return length;
}

/* Reads a name as two lines of text: module and object. */
static void read_name(pwf_pickle_machine *m)
{
    const char *module = (const char *)m->at;
    const size_t module_length = line(m);
    const char *word = (const char *)m->at;
    const size_t length = line(m);
    if (!m->wrong) pwf_pickle_name(m, module, module_length, word, length);
}

/* Reads a little-endian number of `bytes` bytes. */
static uint64_t take(pwf_pickle_machine *m, int bytes)
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

/* Skips bytes of the input. */
static void skip(pwf_pickle_machine *m, uint64_t bytes)
{
    if (bytes > (uint64_t)(m->end - m->at)) return cut_off(m);
    m->at += bytes;
}

/* Pushes a string of `length` bytes, which stays in the input. */
static void text(pwf_pickle_machine *m, uint64_t length)
{
    const char *from = (const char *)m->at;
    skip(m, length);
    if (m->wrong) return; /* this includes lengths above UINT32_MAX: the input is shorter */
    const int32_t i = pwf_pickle_new(m, PWF_PICKLE_TEXT);
    pwf_pickle_at(m, i)->text = from;
    pwf_pickle_at(m, i)->length = (uint32_t)length;
    pwf_pickle_push(m, i);
}

/* Pushes a value with a number. */
static void push_number(pwf_pickle_machine *m, pwf_pickle_kind kind, int64_t number)
{
    const int32_t i = pwf_pickle_new(m, kind);
    pwf_pickle_at(m, i)->number = number;
    pwf_pickle_push(m, i);
}

/* Pushes an integer of any length; one of more than 64 bits becomes an opaque value with its bytes,
 * since no tensor has such a number. */
static void long_integer(pwf_pickle_machine *m, uint64_t length)
{
    if (length > 8) {
        text(m, length);
        if (!m->wrong) pwf_pickle_at(m, m->p->stack[m->p->depth - 1])->kind = PWF_PICKLE_OPAQUE;
        return;
    }
    uint64_t x = take(m, (int)length);
    if (length > 0 && length < 8 && (x >> (8 * length - 1) & 1) != 0)
        x |= ~UINT64_C(0) << (8 * length);
    push_number(m, PWF_PICKLE_INT, (int64_t)x);
}

/* Stores the value on top in a memo slot. */
static void remember(pwf_pickle_machine *m, uint64_t slot)
{
    pwf_pickle *p = m->p;
    /* Slots are numbered in order, so a valid number is below the length of the pickle. */
    if (slot >= MEMO_MAX || slot > (uint64_t)(m->end - m->in) || p->depth == 0)
        return pwf_pickle_fail(m, "nothing to store");
    while ((int32_t)slot >= p->memo_room) {
        const int32_t before = p->memo_room;
        if (!pwf_pickle_room(m, &p->memo, before, &p->memo_room, sizeof *p->memo)) return;
        memset(p->memo + before, 0xff, (size_t)(p->memo_room - before) * sizeof *p->memo);
    }
    p->memo[slot] = p->stack[p->depth - 1];
}

/* Pushes the value of a memo slot. */
static void recall(pwf_pickle_machine *m, uint64_t slot)
{
    if (slot >= (uint64_t)m->p->memo_room || m->p->memo[slot] < 0)
        return pwf_pickle_fail(m, "it recalls a value that was not stored");
    pwf_pickle_push(m, m->p->memo[slot]);
}

/* Stores the value on top in the next memo slot. */
static void memoize(pwf_pickle_machine *m)
{
    remember(m, m->memoized++);
}

static void push_kind(pwf_pickle_machine *m, uint64_t kind)
{
    pwf_pickle_push_new(m, (pwf_pickle_kind)kind);
}

static void push_true(pwf_pickle_machine *m)
{
    push_number(m, PWF_PICKLE_NONE, 1);
}

static void push_unsigned(pwf_pickle_machine *m, uint64_t value)
{
    push_number(m, PWF_PICKLE_INT, (int64_t)value);
}

static void push_signed(pwf_pickle_machine *m, uint64_t value)
{
    push_number(m, PWF_PICKLE_INT, (int32_t)(uint32_t)value);
}

/* Skips a number of eight bytes, whose value is not needed. */
static void pass_real(pwf_pickle_machine *m)
{
    skip(m, 8);
    pwf_pickle_push_new(m, PWF_PICKLE_NONE);
}

/* Skips a number on a line of its own, as Python 2 writes an int of more than 32 bits. */
static void pass_line(pwf_pickle_machine *m)
{
    (void)line(m);
    pwf_pickle_push_new(m, PWF_PICKLE_NONE);
}

/* All opcodes that state dicts use, apart from '.', which stops: values, containers, the memo,
 * objects, framing. */
static const struct {
    const char *ops;   /* opcodes that do the same */
    signed char bytes; /* of the operand in the pickle; 0: it is `operand` */
    int operand;
    void (*run)(pwf_pickle_machine *m, uint64_t operand);
    void (*plain)(pwf_pickle_machine *m); /* instead of `run`: takes no operand */
} opcodes[] = {
    {"N\x89", 0, PWF_PICKLE_NONE, push_kind, NULL},
    {"\x88", 0, 0, NULL, push_true},
    {"I", 0, 0, NULL, pass_line},
    {"G", 0, 0, NULL, pass_real},
    {"K", 1, 0, push_unsigned, NULL},
    {"M", 2, 0, push_unsigned, NULL},
    {"J", 4, 0, push_signed, NULL},
    {"\x8a", 1, 0, long_integer, NULL},
    {"\x8b", 4, 0, long_integer, NULL},
    {"UC\x8c", 1, 0, text, NULL},
    {"XTB", 4, 0, text, NULL},
    {"\x8d\x8e", 8, 0, text, NULL},
    {"(", 0, PWF_PICKLE_MARK, push_kind, NULL},
    {")]", 0, PWF_PICKLE_LIST, push_kind, NULL},
    {"}", 0, PWF_PICKLE_DICT, push_kind, NULL},
    {"tl", 0, PWF_PICKLE_LIST, take_marked, NULL},
    {"d", 0, PWF_PICKLE_DICT, take_marked, NULL},
    {"e", 0, PWF_PICKLE_LIST, add_marked, NULL},
    {"u", 0, PWF_PICKLE_DICT, add_marked, NULL},
    {"\x85", 0, 1, take_top, NULL},
    {"\x86", 0, 2, take_top, NULL},
    {"\x87", 0, 3, take_top, NULL},
    {"a", 0, 1, add_top, NULL},
    {"s", 0, 2, add_top, NULL},
    {"q", 1, 0, remember, NULL},
    {"r", 4, 0, remember, NULL},
    {"\x94", 0, 0, NULL, memoize},
    {"h", 1, 0, recall, NULL},
    {"j", 4, 0, recall, NULL},
    {"c", 0, 0, NULL, read_name},
    {"\x93", 0, 0, NULL, pwf_pickle_stack_name},
    {"Q", 0, 0, NULL, pwf_pickle_persistent},
    {"R", 0, 0, NULL, pwf_pickle_reduce},
    {"\x81", 0, 0, NULL, pwf_pickle_new_object},
    {"b", 0, 0, NULL, pwf_pickle_build},
    {"\x80", 0, 1, skip, NULL}, /* the protocol */
    {"\x95", 0, 8, skip, NULL}, /* the length of a frame */
};

enum { ROWS = sizeof opcodes / sizeof *opcodes };

/* Runs an opcode; `row_of` gives its row in the table, or ROWS. */
static void run(pwf_pickle_machine *m, unsigned char op, const uint8_t row_of[256])
{
    const int row = row_of[op];
    if (row == ROWS) return pwf_pickle_fail(m, "it has an opcode that state dicts do not use");
    if (opcodes[row].plain) return opcodes[row].plain(m);
    const int bytes = opcodes[row].bytes;
    opcodes[row].run(m, bytes ? take(m, bytes) : (uint64_t)opcodes[row].operand);
}

/* Stops at the first failure and reports the offset of its opcode. */
pwf_status pwf_pickle_read(pwf_pickle *p, const unsigned char *in, size_t bytes, size_t *at,
                           int32_t *top)
{
    pwf_pickle_machine m = {.p = p, .in = in + *at, .at = in + *at, .end = in + bytes};
    *p = (pwf_pickle){0};
    uint8_t row_of[256];
    memset(row_of, ROWS, sizeof row_of);
    for (uint8_t i = 0; i < ROWS; i++)
        for (const char *op = opcodes[i].ops; *op; op++)
            row_of[(unsigned char)*op] = i;
    bool stopped = false;
    const unsigned char *opcode = m.at;
    pwf_pickle_new(&m, PWF_PICKLE_NONE); /* value 0, the result of a failure */
    while (!m.wrong && !stopped) {
        opcode = m.at;
        const unsigned char op = (unsigned char)take(&m, 1);
        stopped = op == '.';
        if (!m.wrong && !stopped) run(&m, op, row_of);
    }
    if (!m.wrong) *top = pwf_pickle_pop(&m);
    *at = (size_t)(m.at - in);
    PWF_FAIL_IF(m.memory, PWF_RESOURCE, "no memory for a pickle of %zu bytes", bytes);
    PWF_FAIL_IF(m.wrong, PWF_DATA, "its pickle is not that of a state dict, at byte %lld: %s",
                (long long)(opcode - in), m.wrong);
    return pwf_ok();
}
